import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT, type FakeCloud, cloudWithDatabase, commit, int, queryIds, set, text } from '../fake-cloud.testing.ts'

let cloud: FakeCloud
beforeAll(async () => {
  cloud = await cloudWithDatabase({ indexes: 'off' })
  await commit(
    cloud,
    set('q/nan', { x: { doubleValue: NaN } }),
    set('q/null', { x: { nullValue: 'NULL_VALUE' } }),
    set('q/three', { x: int(3), y: int(2) }),
    set('q/half', { x: { doubleValue: 2.5 }, y: int(1) }),
    set('q/text', { x: text('s') }),
    set('q/list', { x: { arrayValue: { values: [int(3), text('a')] } } }),
    set('q/other', { y: int(1) }),
    set('q/other/sub/1', { x: int(3) }),
    set('q/deep', { m: { mapValue: { fields: { 'a-b': int(1) } } } }),
  )
})

const filter = (op: string, value: object, fieldPath = 'x'): object => ({
  fieldFilter: { field: { fieldPath }, op, value },
})
const unary = (op: string, fieldPath = 'x'): object => ({ unaryFilter: { field: { fieldPath }, op } })
const list = (...values: object[]): object => ({ arrayValue: { values } })
const both = (op: 'AND' | 'OR', ...filters: object[]): object => ({ compositeFilter: { op, filters } })
const nothing = { nullValue: 'NULL_VALUE' }
const by = (fieldPath: string, direction = 'ASCENDING'): object => ({ field: { fieldPath }, direction })
const key = (id: string): object => ({ referenceValue: `${ROOT}/q/${id}` })
const ids = (query: object): Promise<string[]> => queryIds(cloud, { from: [{ collectionId: 'q' }], ...query })

// Google's own emulator gives the same results, where it supports the query.
test.each<[string, object, string[]]>([
  ['< stays within numbers and leaves NaN out', filter('LESS_THAN', int(5)), ['half', 'three']],
  ['> compares integers with doubles', filter('GREATER_THAN', { doubleValue: 2.5 }), ['three']],
  ['<= NaN finds nothing', filter('LESS_THAN_OR_EQUAL', { doubleValue: NaN }), []],
  ['> null finds nothing', filter('GREATER_THAN', nothing), []],
  ['>= text', filter('GREATER_THAN_OR_EQUAL', text('')), ['text']],
  ['== across number types', filter('EQUAL', { doubleValue: 3 }), ['three']],
  ['== null by value finds nothing', filter('EQUAL', nothing), []],
  ['!= skips null and missing', filter('NOT_EQUAL', int(3)), ['nan', 'half', 'text', 'list']],
  ['NOT_IN skips null and missing', filter('NOT_IN', list(int(3), text('s'))), ['nan', 'half', 'list']],
  [
    '!= NaN by value skips null and missing alone',
    filter('NOT_EQUAL', { doubleValue: NaN }),
    ['nan', 'half', 'three', 'text', 'list'],
  ],
  ['ARRAY_CONTAINS null finds nothing', filter('ARRAY_CONTAINS', nothing), []],
  ['NOT_IN null finds nothing', filter('NOT_IN', list(nothing)), []],
  ['IN ignores null', filter('IN', list(int(3), nothing, text('s'))), ['text', 'three']],
  ['IS_NULL', unary('IS_NULL'), ['null']],
  ['IS_NAN', unary('IS_NAN'), ['nan']],
  ['IS_NOT_NULL', unary('IS_NOT_NULL'), ['nan', 'half', 'three', 'text', 'list']],
  ['IS_NOT_NAN', unary('IS_NOT_NAN'), ['half', 'three', 'text', 'list']],
  ['ARRAY_CONTAINS', filter('ARRAY_CONTAINS', int(3)), ['list']],
  ['ARRAY_CONTAINS_ANY', filter('ARRAY_CONTAINS_ANY', list(int(9), text('a'))), ['list']],
  ['a quoted path into a map', filter('EQUAL', int(1), 'm.`a-b`'), ['deep']],
  ['a name', filter('EQUAL', key('text'), '__name__'), ['text']],
  [
    'a range of names',
    both('AND', filter('GREATER_THAN', key('null'), '__name__'), filter('LESS_THAN', key('three'), '__name__')),
    ['other', 'text'],
  ],
  [
    'an inequality orders the whole OR, so documents without its field are left out',
    both('OR', filter('EQUAL', int(3)), filter('GREATER_THAN', int(0), 'y')),
    ['half', 'other', 'three'],
  ],
  [
    'AND of OR',
    both(
      'AND',
      filter('EQUAL', int(1), 'y'),
      both('OR', filter('EQUAL', { doubleValue: 2.5 }), filter('EQUAL', text('s'))),
    ),
    ['half'],
  ],
])('%s', async (_, where, expected) => {
  expect(await ids({ where })).toEqual(expected)
})

test.each<[string, object, string[]]>([
  [
    'an order sorts mixed types, and leaves out documents without the field',
    { orderBy: [by('x')] },
    ['null', 'nan', 'half', 'three', 'text', 'list'],
  ],
  [
    'a descending order also sorts the names descending',
    { orderBy: [by('y', 'DESCENDING')] },
    ['three', 'other', 'half'],
  ],
  ['start after a value', { orderBy: [by('x')], startAt: { values: [int(3)], before: false } }, ['text', 'list']],
  [
    'start at a value and a name',
    { orderBy: [by('y'), by('__name__')], startAt: { values: [int(1), key('other')], before: true } },
    ['other', 'three'],
  ],
  ['end before', { orderBy: [by('y', 'DESCENDING')], endAt: { values: [int(1)], before: true } }, ['three']],
  ['offset and limit', { offset: 2, limit: { value: 2 } }, ['list', 'nan']],
  ['a limit of zero', { limit: { value: 0 } }, []],
])('%s', async (_, query, expected) => {
  expect(await ids(query)).toEqual(expected)
})

test('collection groups and parents', async () => {
  expect(await queryIds(cloud, { from: [{ collectionId: 'sub', allDescendants: true }] })).toEqual(['1'])
  expect(await queryIds(cloud, { from: [{ collectionId: 'sub' }] })).toEqual([])
  expect(await queryIds(cloud, { from: [{ collectionId: 'sub' }] }, { parent: `${ROOT}/q/other` })).toEqual(['1'])
  expect(await queryIds(cloud, { from: [{ allDescendants: true }] }, { parent: `${ROOT}/q/other` })).toEqual(['1'])
})

test('a projection returns only the selected fields', async () => {
  const select = { fields: [{ fieldPath: 'y' }] }
  const [response] = await cloud.stream('runQuery', {
    parent: ROOT,
    structuredQuery: { from: [{ collectionId: 'q' }], where: filter('EQUAL', int(3)), select },
  })
  expect(response.document.fields).toEqual({ y: int(2) })
})

const numbers = (count: number): object => list(...Array.from({ length: count }, (_, at) => int(at)))
test.each<[string, object, string]>([
  ['an empty IN', { where: filter('IN', list()) }, "'IN' requires an non-empty ArrayValue."],
  ['31 values', { where: filter('IN', numbers(31)) }, "'IN' supports up to 30 comparison values."],
  ['11 values', { where: filter('NOT_IN', numbers(11)) }, "'NOT_IN' supports up to 10 comparison values."],
  ['a value that is not a list', { where: filter('IN', int(1)) }, "'IN' requires an ArrayValue."],
  [
    'NOT_IN and !=',
    { where: both('AND', filter('NOT_IN', numbers(1)), filter('NOT_EQUAL', int(1))) },
    "Only a single 'NOT_EQUAL'",
  ],
  [
    'NOT_IN and IN',
    { where: both('AND', filter('NOT_IN', numbers(1)), filter('IN', numbers(1), 'y')) },
    "'NOT_IN' cannot be used in the same query",
  ],
  [
    'two array filters',
    { where: both('AND', filter('ARRAY_CONTAINS', int(1)), filter('ARRAY_CONTAINS', int(1), 'y')) },
    "A maximum of 1 'ARRAY_CONTAINS'",
  ],
  [
    '36 disjunctions',
    { where: both('AND', filter('IN', numbers(6)), filter('IN', numbers(6), 'y')) },
    '36 disjunctions',
  ],
  ['a name that is text', { where: filter('EQUAL', text('x'), '__name__') }, '__key__ filter value must be a Key'],
  [
    'a cursor longer than the order',
    { orderBy: [by('x')], startAt: { values: [int(1), int(2)] } },
    'Cursor has too many values.',
  ],
  ['a negative limit', { limit: { value: -1 } }, 'limit is negative'],
  ['a negative offset', { offset: -1 }, 'offset is negative'],
  ['an order twice', { orderBy: [by('x'), by('x')] }, 'order by clause cannot contain duplicate fields x'],
  [
    'an order after the name',
    { orderBy: [by('__name__'), by('x')] },
    'order by clause cannot contain more fields after the key',
  ],
  [
    'two collections',
    { from: [{ collectionId: 'a' }, { collectionId: 'b' }] },
    'cannot have more than one collection selector',
  ],
  ['an empty composite', { where: both('OR') }, 'Composite filter must have at least one sub-filter.'],
])('%s is refused', async (_, query, message) => {
  await expect(ids(query)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(message),
  })
})

describe('aggregations', () => {
  const aggregate = async (
    aggregations: object[],
    structuredQuery: object = { from: [{ collectionId: 'q' }] },
  ): Promise<object> => {
    const [response] = await cloud.stream('runAggregationQuery', {
      parent: ROOT,
      structuredAggregationQuery: { structuredQuery, aggregations },
    })
    return response.result.aggregateFields
  }
  const sum = { field: { fieldPath: 'y' } }

  test('count, sum and average include the documents that have every aggregated field', async () => {
    expect(
      await aggregate([
        { alias: 'c', count: {} },
        { alias: 's', sum },
        { alias: 'a', avg: sum },
      ]),
    ).toEqual({
      c: int(3),
      s: int(4),
      a: { doubleValue: 4 / 3 },
    })
  })
  test('count alone counts every document up to a limit; missing aliases are generated', async () => {
    expect(await aggregate([{ count: {} }, { count: { upTo: { value: '2' } } }])).toEqual({
      field_1: int(8),
      field_2: int(2),
    })
  })
  test('of an empty result are 0 and null', async () => {
    expect(
      await aggregate(
        [
          { alias: 's', sum },
          { alias: 'a', avg: sum },
        ],
        { from: [{ collectionId: 'none' }] },
      ),
    ).toEqual({
      s: int(0),
      a: { nullValue: 'NULL_VALUE' },
    })
  })
  test('NaN makes the result NaN, and a request without aggregations is refused', async () => {
    expect(await aggregate([{ alias: 's', sum: { field: { fieldPath: 'x' } } }])).toEqual({ s: { doubleValue: NaN } })
    await expect(aggregate([])).rejects.toThrow('Aggregations can not be empty.')
  })
})
