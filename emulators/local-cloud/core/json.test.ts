import { expect, it } from 'vitest'
import { MAX_JSON_DEPTH, parseJson } from './json.ts'

const nested = (levels: number): string => '[{"a":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2)

it('accepts the deepest allowed value, and refuses one level more', () => {
  expect(parseJson(nested(MAX_JSON_DEPTH))).toBeInstanceOf(Array)
  expect(() => parseJson(`[${nested(MAX_JSON_DEPTH)}]`)).toThrow('Message too deep')
})

it('does not count brackets in strings, also behind escaped quotes', () => {
  const text = `{"a":"${'[{'.repeat(200)}\\"${'{['.repeat(200)}\\\\","b":["]}"]}`
  expect(parseJson(text)).toEqual(JSON.parse(text))
})

it('counts siblings once: a long list is not deep', () => {
  expect(parseJson(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001)
})

it('refuses text that is not JSON with a message for the client', () => {
  expect(() => parseJson('{"a":')).toThrow(/^Invalid JSON payload received\. /)
})
