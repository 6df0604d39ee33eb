import { expect, test } from 'vitest'
import { type Value, compareValues, double, equalValues, identical } from './firestore-value.ts'

const ascending: Value[] = [
  null,
  false,
  true,
  double(NaN),
  double(-Infinity),
  { i: '-9223372036854775808' },
  -1,
  double(-0.5),
  0,
  double(0.5),
  1,
  double(9007199254740992),
  { i: '9007199254740993' },
  double(9007199254740994),
  double(Infinity),
  { t: 1, u: 0 },
  { t: 1, u: 1 },
  '',
  'a',
  'ab',
  'b',
  '\u00e9',
  '\uffff',
  '\u{1f600}',
  { b: '' },
  { b: Buffer.from([1]).toString('base64') },
  { b: Buffer.from([1, 0]).toString('base64') },
  { r: 'projects/p/databases/d/documents/a/b' },
  { r: 'projects/p/databases/d/documents/a/b/c/d' },
  { r: 'projects/p/databases/d/documents/a/b-' },
  { g: [0, 1] },
  { g: [1, 0] },
  [],
  [1],
  [1, 2],
  [2],
  { m: { __type__: '__vector__', value: [double(2)] } },
  { m: { __type__: '__vector__', value: [double(1), double(1)] } },
  { m: {} },
  { m: { a: 1 } },
  { m: { a: 1, b: 0 } },
  { m: { a: 2 } },
  { m: { b: 0 } },
]

test('values sort by type, then exactly within their type', () => {
  for (const [at, left] of ascending.entries()) {
    for (const [other, right] of ascending.entries()) {
      expect([left, right, Math.sign(compareValues(left, right))]).toEqual([left, right, Math.sign(at - other)])
    }
  }
})

test('1 equals 1.0 in a query, and both are stored with their own type', () => {
  expect(equalValues(1, double(1))).toBe(true)
  expect(identical(1, double(1))).toBe(false)
  expect(equalValues(0, double(-0))).toBe(true)
  expect(identical(double(0), double(-0))).toBe(false)
  expect(identical({ m: { a: [1, { b: 'AA==' }], c: null } }, { m: { c: null, a: [1, { b: 'AA==' }] } })).toBe(true)
})
