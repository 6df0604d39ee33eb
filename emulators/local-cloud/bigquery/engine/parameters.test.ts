/** Query parameters of every type, as Google's client sends them: each comes back with its type and value. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BigQueryDate, BigQueryTimestamp } from '@google-cloud/bigquery'
import { type Answer, startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

const ask = (query: string, queryParameters: readonly object[]): Promise<Answer> =>
  bigquery.send('POST', '/queries', { query, useLegacySql: false, parameterMode: 'NAMED', queryParameters })
const scalar = (type: string, value: unknown): object => ({
  name: 'v',
  parameterType: { type },
  parameterValue: { value },
})

describe('a parameter', () => {
  it('of type STRUCT has its fields', async () => {
    const params = { s: { b: 'x', n: 1, deep: { list: [1, 2] } } }
    expect(await bigquery.query('SELECT @s.b AS b, @s.n + 1 AS n, @s.deep.list AS list', { params })).toEqual([
      { b: 'x', n: 2, list: [1, 2] },
    ])
    expect(await bigquery.query('SELECT @s AS s', { params })).toEqual([{ s: params.s }])
  })

  it('of type ARRAY of STRUCT can be unnested', async () => {
    const params = {
      rows: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 2 },
      ],
    }
    const sql = 'SELECT r.sku, r.n FROM UNNEST(@rows) AS r ORDER BY r.n DESC'
    expect(await bigquery.query(sql, { params })).toEqual([
      { sku: 'b', n: 2 },
      { sku: 'a', n: 1 },
    ])
  })

  it('of type ARRAY may be empty, and keeps the type of its elements', async () => {
    const sql = 'SELECT @days AS days, ARRAY_LENGTH(@none) AS n, @none AS none'
    const days = [new BigQueryDate('2026-01-02')]
    const params = { days, none: [] }
    const types = { days: ['DATE'], none: ['TIMESTAMP'] }
    expect(await bigquery.query(sql, { params, types })).toEqual([{ days, n: 0, none: [] }])
  })

  it.each([
    ['STRING', 'x', 'STRING', 'x'],
    ['INT64', '-9223372036854775808', 'INTEGER', '-9223372036854775808'],
    ['FLOAT64', '1e3', 'FLOAT', '1000.0'],
    ['BOOL', 'True', 'BOOLEAN', 'true'],
    ['BYTES', 'AP8=', 'BYTES', 'AP8='],
    ['NUMERIC', '-1.5', 'NUMERIC', '-1.5'],
    ['DATE', '2026-01-02', 'DATE', '2026-01-02'],
    ['TIME', '01:02:03.5', 'TIME', '01:02:03.500000'],
    ['DATETIME', '2026-01-02 03:04:05', 'DATETIME', '2026-01-02T03:04:05'],
    ['TIMESTAMP', '2026-01-01 00:00:00+00:00', 'TIMESTAMP', '1767225600.000000'],
    ['DATE', null, 'DATE', null],
  ])('of type %s (%s) has that type', async (type, value, result, text) => {
    expect(await ask('SELECT @v AS v', [scalar(type, value)])).toMatchObject({
      schema: { fields: [{ name: 'v', type: result }] },
      rows: [{ f: [{ v: text }] }],
    })
  })

  it('keeps the type of a NULL inside a STRUCT, and is not looked for in a text', async () => {
    const parameter = {
      name: 'v',
      parameterType: { type: 'STRUCT', structTypes: [{ name: 'a', type: { type: 'DATE' } }] },
      parameterValue: { structValues: { a: { value: null } } },
    }
    expect(await ask("SELECT @v.a AS v, 'it''s $v' AS t".replace("''", String.raw`\'`), [parameter])).toMatchObject({
      schema: { fields: [{ type: 'DATE' }, { type: 'STRING' }] },
      rows: [{ f: [{ v: null }, { v: "it's $v" }] }],
    })
  })

  it('is compared as its type', async () => {
    const params = { n: bigquery.client.int('10'), at: new BigQueryTimestamp('2026-01-01T00:00:00Z') }
    const sql = "SELECT @n > 9 AS more, @at = TIMESTAMP '2026-01-01T01:00:00+01:00' AS same"
    expect(await bigquery.query(sql, { params })).toEqual([{ more: true, same: true }])
  })

  it('is found without regard to case, and may be used twice or not at all', async () => {
    const params = { Name: 'x', unused: 1 }
    expect(await bigquery.query('SELECT CONCAT(@name, @NAME) AS v', { params })).toEqual([{ v: 'xx' }])
  })
})

it('may be the offset, the place, the count of buckets and the limit', async () => {
  const sql = `SELECT LAG(x, @one, 0) OVER (ORDER BY x) AS lag, NTH_VALUE(x, @one) OVER (ORDER BY x) AS nth, NTILE(@two) OVER (ORDER BY x) AS tile,
    SUM(x) OVER (ORDER BY x ROWS BETWEEN @one PRECEDING AND CURRENT ROW) AS sum FROM UNNEST([1, 2, 3]) x ORDER BY x LIMIT @two OFFSET @one`
  expect(await bigquery.query(sql, { params: { one: 1, two: 2 } })).toEqual([
    { lag: 1, nth: 1, tile: 1, sum: 3 },
    { lag: 2, nth: 1, tile: 2, sum: 5 },
  ])
})

describe('refused is', () => {
  const LAG = 'SELECT LAG(x, @v) OVER (ORDER BY x) FROM UNNEST([1]) x'
  const int = { type: 'INT64' }
  it.each([
    ['a missing parameter', 'SELECT @w AS v', scalar('INT64', '1'), "Query parameter 'w' not found"],
    ['a JSON', 'SELECT @v AS v', scalar('JSON', '{}'), 'parameters of type JSON are not served'],
    ['a wrong number', 'SELECT @v AS v', scalar('INT64', '1.5'), 'Invalid value for type INT64 of query parameter v'],
    ['a wrong date', 'SELECT @v AS v', scalar('DATE', '2026-02-30'), 'Invalid value for type DATE'],
    ['NaN', 'SELECT @v AS v', scalar('FLOAT64', 'NaN'), 'parameter v: "NaN". FLOAT64 has no NaN and no Infinity'],
    ['too many digits', 'SELECT @v AS v', scalar('NUMERIC', '0.0000000001'), 'Invalid value for type NUMERIC'],
    [
      'a value that the type of a STRUCT lacks',
      'SELECT @v AS v',
      {
        name: 'v',
        parameterType: { type: 'STRUCT', structTypes: [{ name: 'a', type: int }] },
        parameterValue: { structValues: { b: { value: '1' } } },
      },
      'structValues has b, which structTypes lacks',
    ],
    [
      'a wrong element',
      'SELECT @v AS v',
      {
        name: 'v',
        parameterType: { type: 'ARRAY', arrayType: int },
        parameterValue: { arrayValues: [{ value: '1' }, { value: 'x' }] },
      },
      'Invalid value for type INT64 of query parameter v[1]: "x"',
    ],
    [
      'an ARRAY of ARRAY',
      'SELECT @v AS v',
      { name: 'v', parameterType: { type: 'ARRAY', arrayType: { type: 'ARRAY', arrayType: int } } },
      'an ARRAY of ARRAY is not a type',
    ],
    ['an offset below 0', LAG, scalar('INT64', '-1'), 'The offset of LAG must not be NULL or negative'],
    ['an offset of NULL', LAG, scalar('INT64', null), 'The offset of LAG must not be NULL or negative'],
    ['an offset of another type', LAG, scalar('STRING', '1'), 'A count of rows is an INT64'],
    [
      'the place of no row',
      'SELECT NTH_VALUE(x, @v IGNORE NULLS) OVER (ORDER BY x) FROM UNNEST([1]) x',
      scalar('INT64', '0'),
      'The N value of NTH_VALUE must be positive',
    ],
    [
      'no bucket',
      'SELECT NTILE(@v) OVER (ORDER BY x) FROM UNNEST([1]) x',
      scalar('INT64', '0'),
      'The N value (number of buckets) for the NTILE function must be positive',
    ],
    [
      'a pattern that ends with a backslash',
      "SELECT 'a' LIKE @v",
      scalar('STRING', 'a\\'),
      'LIKE pattern ends with a backslash',
    ],
    [
      'a separator of NULL',
      "SELECT STRING_AGG(x, @v) FROM UNNEST(['a']) x",
      scalar('STRING', null),
      'STRING_AGG with a separator that is NULL',
    ],
    ['a limit below 0', 'SELECT 1 FROM UNNEST([1]) LIMIT @v', scalar('INT64', '-1'), 'must not be NULL or negative'],
    ['a limit of NULL', 'SELECT 1 FROM UNNEST([1]) LIMIT @v', scalar('INT64', null), 'must not be NULL or negative'],
    [
      'a frame that begins at NULL',
      'SELECT SUM(x) OVER (ORDER BY x ROWS @v PRECEDING) FROM UNNEST([1]) x',
      scalar('INT64', null),
      'must not be NULL or negative',
    ],
  ])('%s', async (_, sql, parameter, message) => {
    const { error } = await ask(sql, [parameter])
    expect(error).toMatchObject({ code: 400, message: expect.stringContaining(message) as string })
  })

  it('a position without a value', async () => {
    await expect(bigquery.query('SELECT ? + ? AS v', { params: [1] })).rejects.toThrow('parameter number 2')
  })
})
