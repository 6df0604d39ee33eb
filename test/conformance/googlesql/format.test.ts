/** The forms of GoogleSQL's compliance suite: files of cases, and printed values. */

import { describe, expect, it } from 'vitest'
import { casesOf } from './cases.testing.ts'
import { areEqual, NotOfBigQuery, ofRest, readPrinted, type Value } from './values.testing.ts'

const valueOf = (text: string): Value => readPrinted(text).value

const FILE = `# About the file.
[default required_features=SOME_TYPE]

[prepare_database]
CREATE TABLE Fruits AS
SELECT 1 AS id
--
ARRAY<STRUCT<id INT64>>[{1}]
==

# About the case; [these] are no options.
[name=two_parameters]
[parameters=["a]", "b"] AS texts,
            2 AS count]
# About the statement.
SELECT @texts,
\\-- a comment of its own
  @count;
--
ERROR: generic::out_of_range: no
==
[name=either]
SELECT x FROM Fruits LIMIT 1
--
ARRAY<STRUCT<x INT64>>[{1}]

NOTE: there are others.
==
[default required_features=OTHER]
`

it('reads the cases of a file: options, statement, and the value or the error', () => {
  const [table, second, third, ...more] = casesOf(FILE)
  expect(more).toEqual([])
  expect(table).toMatchObject({ name: '', statement: 'CREATE TABLE Fruits AS\nSELECT 1 AS id' })
  expect([...table!.options.keys()]).toEqual(['default required_features', 'prepare_database'])
  expect(second).toMatchObject({
    name: 'two_parameters',
    statement: 'SELECT @texts,\n-- a comment of its own\n  @count',
    expected: 'ERROR: generic::out_of_range: no',
    isUndetermined: false,
  })
  expect(second!.options.get('parameters')).toBe('["a]", "b"] AS texts,\n            2 AS count')
  expect(third).toMatchObject({ name: 'either', expected: 'ARRAY<STRUCT<x INT64>>[{1}]', isUndetermined: true })
})

describe('a printed value', () => {
  it.each<[printed: string, value: Value]>([
    ['INT64(NULL)', null],
    ['ARRAY<STRUCT<INT64>>[]', { items: [], isOrdered: false }],
    [
      'ARRAY<STRUCT<a INT64, b STRING>>[known order:{1, "x\\n\\"\\x41"}, {NULL, \'y\'}]',
      {
        items: [
          ['1', 'x\n"A'],
          [null, 'y'],
        ],
        isOrdered: true,
      },
    ],
    [
      'ARRAY<STRUCT<DOUBLE, DOUBLE>>[unknown order:{-1.5e+300, inf}]',
      { items: [[-1.5e300, Infinity]], isOrdered: false },
    ],
    [
      'ARRAY<STRUCT<ARRAY<>, ARRAY<>>>[{ARRAY<BOOL>[known order:true, NULL], ARRAY<BYTES>(NULL)}]',
      { items: [[{ items: ['true', null], isOrdered: true }, null]], isOrdered: false },
    ],
    ['ARRAY<STRUCT<s STRUCT<a INT64, DATE>>>[{{1, 2026-01-31}}]', { items: [[['1', '2026-01-31']]], isOrdered: false }],
    [
      'ARRAY<STRUCT<JSON, JSON>>[{{"b":[1,"}"],"a":null}, 1}]',
      { items: [['{"a":null,"b":[1,"}"]}', '1']], isOrdered: false },
    ],
    [
      'ARRAY<STRUCT<TIMESTAMP, DATETIME, TIME>>[{2026-01-31 10:00:00.500+00, 2026-01-31 10:00:00, 10:00:00.120}]',
      { items: [['2026-01-31 10:00:00.5', '2026-01-31 10:00:00', '10:00:00.12']], isOrdered: false },
    ],
    [
      'STRUCT<num_rows_modified INT64, all_rows ARRAY<>>{2, ARRAY<STRUCT<a INT64>>[{1}]}',
      ['2', { items: [['1']], isOrdered: false }],
    ],
  ])('%s', (printed, value) => {
    expect(valueOf(printed)).toEqual(value)
  })

  it.each([
    'ARRAY<STRUCT<PROTO<some.Message>>>[{{a: 1}}]',
    'ARRAY<STRUCT<INTERVAL>>[{1-0 0 0:0:0}]',
    'ARRAY<STRUCT<INT64>>[{1}] and more',
    'ARRAY<STRUCT<INT64>>[{1, 2}]',
  ])('of another type or form is refused: %s', (printed) => {
    expect(() => readPrinted(printed)).toThrow(NotOfBigQuery)
  })
})

it('a value of another type may be left out of a table', () => {
  const printed =
    'ARRAY<STRUCT<a PROTO<some.Message>, b INT64, c ENUM<some.Enum>>>[{{x { y: "}" }}, 1, ONE}, {NULL, 2, NULL}]'
  expect(readPrinted(printed, true).value).toEqual({
    items: [
      [null, '1', null],
      [null, '2', null],
    ],
    isOrdered: false,
  })
})

it('reads a value of a row of the REST API as it reads the printed one', () => {
  const fields = [
    { name: 't', type: 'TIMESTAMP' },
    { name: 'd', type: 'DATETIME' },
    { name: 'f', type: 'FLOAT' },
    { name: 'a', type: 'INTEGER', mode: 'REPEATED' },
    { name: 'j', type: 'JSON' },
  ]
  const cells = [
    { v: '-0.500000' },
    { v: '2026-01-31T10:00:00.500000' },
    { v: '1.5' },
    { v: [{ v: '1' }] },
    { v: '{"b":1,"a":2}' },
  ]
  const printed =
    'STRUCT<TIMESTAMP, DATETIME, DOUBLE, ARRAY<>, JSON>{1969-12-31 23:59:59.5+00, 2026-01-31 10:00:00.5, 1.5, ARRAY<INT64>[known order:1], {"a":2,"b":1}}'
  expect(ofRest({ name: 'row', type: 'RECORD', fields }, { f: cells })).toEqual(valueOf(printed))
})

it('compares rows without their order where the suite does not know one, and FLOAT64s nearly', () => {
  const found: Value = { items: [['2'], ['1'], ['1']], isOrdered: true }
  expect(areEqual(valueOf('ARRAY<STRUCT<INT64>>[unknown order:{1}, {1}, {2}]'), found)).toBe(true)
  expect(areEqual(valueOf('ARRAY<STRUCT<INT64>>[unknown order:{1}, {2}, {2}]'), found)).toBe(false)
  expect(areEqual(valueOf('ARRAY<STRUCT<INT64>>[known order:{1}, {1}, {2}]'), found)).toBe(false)
  expect(areEqual(0.1 + 0.2, 0.3)).toBe(true)
  expect(areEqual(0.3001, 0.3)).toBe(false)
  expect(areEqual(Number.NaN, Number.NaN)).toBe(true)
  expect(areEqual(null, '0')).toBe(false)
  expect(areEqual(null, { items: [], isOrdered: true })).toBe(true)
  expect(areEqual(null, { items: ['1'], isOrdered: true })).toBe(false)
})
