/** JSON in the order that BigQuery returns. */

import { expect, it } from 'vitest'
import { inexactNumber, sortedJson } from './json-text.ts'

it.each([
  ['{"b":1,"a":{"d":[{"z":1.0,"y":"}"}],"c":null}}', '{"a":{"c":null,"d":[{"y":"}","z":1.0}]},"b":1}'],
  [' { "10" : 1e3 , "9" : [ ] , "" : { } } ', '{"":{},"10":1e3,"9":[]}'],
  [String.raw`{"\u0062":1,"a\"":2,"é":3,"z":4}`, String.raw`{"a\"":2,"\u0062":1,"z":4,"é":3}`],
  ['"a b"', '"a b"'],
  ['[1,2]', '[1,2]'],
])('%s', (text, sorted) => {
  expect(sortedJson(text)).toBe(sorted)
})

it('finds a number that would lose digits', () => {
  expect(inexactNumber('{"a":[-9223372036854775808,18446744073709551615,"18446744073709551617",1.5]}')).toBeUndefined()
  expect(inexactNumber('{"a":[1,18446744073709551617]}')).toBe('18446744073709551617')
  expect(inexactNumber('{"a":[1,-9223372036854775809]}')).toBe('-9223372036854775809')
})
