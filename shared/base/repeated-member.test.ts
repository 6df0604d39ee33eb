import { assert, jsonValue, property, string } from 'fast-check'
import { expect, it } from 'vitest'
import { repeatedMember } from './repeated-member.ts'

it.each<[string, string | undefined]>([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"a" : {"b":1} ,\n "c":[{"d":1,"e":{"f":1,"f" :2}}]}', 'f'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', undefined],
  ['{"a":"a","b":"\\"a\\":","c":["a","a"]}', undefined],
  ['{"a":"{\\"a\\":1","b":"[","a ":1}', undefined],
  ['[["a","a"]]', undefined],
  ['"a"', undefined],
  ['', undefined],
  ['{"a":1', undefined],
  ['}{"a\\u00":1,"a":', undefined],
])('%s repeats %s', (text, name) => expect(repeatedMember(text)).toBe(name))

it('no text that JSON.stringify writes repeats a member, and one more member of any object does', () => {
  assert(
    property(jsonValue({ maxDepth: 4 }), string(), (value, name) => {
      const written = JSON.stringify(value, undefined, 1)
      expect(repeatedMember(written)).toBeUndefined()
      const member = JSON.stringify(name)
      expect(repeatedMember(`{"x":${written},"o":{${member}:1,"y ":${written},${member}:2}}`)).toBe(name)
    }),
  )
})
