/** Partitions and clusters of tables: what is refused when they are declared or changed, and by queries of them. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from './bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

const fields = [
  { name: 'id', type: 'INTEGER' },
  { name: 's', type: 'STRING' },
  { name: 'Day', type: 'DATE' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'price', type: 'FLOAT' },
  { name: 'days', type: 'DATE', mode: 'REPEATED' },
]
const TABLES = '/datasets/d/tables'
const make = (tableId: string, options: object) =>
  bigquery.send('POST', TABLES, { tableReference: { tableId }, schema: { fields }, ...options })

describe('a table is refused', () => {
  const missing = 'The field specified for partitioning cannot be found in the schema.'
  const type = (of: string): string =>
    `The field specified for time partitioning can only be of type TIMESTAMP, DATE or DATETIME. The type found is: ${of}.`
  const bounds = 'rangePartitioning.range needs a start before its end, and a positive interval.'
  const range = { start: '0', end: '100', interval: 10 }
  it.each<[options: object, message: string]>([
    [{ schema: { fields: [{ name: 'a', type: 'DATE', mode: 'MANY' }] } }, 'Invalid value for mode: MANY is not a'],
    [
      { schema: { fields: [{ name: 'r', type: 'RECORD', fields: [{ name: 'a', type: 'DATE', mode: 'NONE' }] }] } },
      'Invalid value for mode: NONE is not a valid value',
    ],
    [{ timePartitioning: { type: 'DAY', field: 'nothing' } }, missing],
    [{ timePartitioning: { type: 'DAY', field: 's' } }, type('STRING')],
    [{ timePartitioning: { type: 'DAY', field: 'days' } }, type('ARRAY<DATE>')],
    [{ timePartitioning: { type: 'CENTURY', field: 'at' } }, 'Invalid value for type: CENTURY is not a valid value'],
    [{ timePartitioning: { field: 'at' } }, 'Invalid value for type:  is not a valid value'],
    [{ timePartitioning: { type: 'HOUR', field: 'day' } }, 'Field day is a DATE, which has no hours'],
    [
      { rangePartitioning: { field: 'at', range } },
      'partitioning can only be of type INTEGER. The type found is: TIME',
    ],
    [{ rangePartitioning: { field: 'x', range } }, missing],
    [{ rangePartitioning: { field: 'id', range: { ...range, end: 0 } } }, bounds],
    [{ rangePartitioning: { field: 'id', range: { ...range, interval: '0' } } }, bounds],
    [{ rangePartitioning: { field: 'id' } }, bounds],
    [{ timePartitioning: { type: 'DAY' }, rangePartitioning: { field: 'id', range } }, 'Only one of timePartitioning'],
    [
      { clustering: { fields: ['s', 'nothing'] } },
      'The field specified for clustering cannot be found in the schema. Invalid field: nothing.',
    ],
    [{ clustering: { fields: ['price'] } }, 'Field price of type FLOAT can not be used for clustering.'],
    [{ clustering: { fields: ['days'] } }, 'Field days of type DATE can not be used for clustering.'],
    [{ clustering: { fields: ['id', 's', 'at', 'day', 'id'] } }, 'Too many fields for clustering: 5, at most 4.'],
  ])('with %j', async (options, message) => {
    const { error } = await make('refused', options)
    expect(error).toMatchObject({ code: 400, message: expect.stringContaining(message) as string })
    expect((await bigquery.send('GET', `${TABLES}/refused`)).error).toMatchObject({ code: 404 })
  })

  it('as the destination of a query', async () => {
    const configuration = {
      query: {
        query: 'SELECT 1 AS a',
        useLegacySql: false,
        destinationTable: { projectId: 'p', datasetId: 'd', tableId: 'refused' },
        timePartitioning: { type: 'DAY', field: 'a' },
      },
    }
    const { status } = await bigquery.send('POST', '/jobs', { configuration })
    expect(status).toMatchObject({ errorResult: { message: type('INTEGER') } })
  })
})

describe('a table keeps its partitions', () => {
  beforeAll(async () => {
    await make('plain', {})
    await make('daily', { timePartitioning: { type: 'DAY', field: 'at' }, clustering: { fields: ['s', 'DAY'] } })
    await make('ranges', { rangePartitioning: { field: 'id', range: { start: 0, end: '100', interval: '10' } } })
  })
  const change = (table: string, options: object) => bigquery.send('PATCH', `${TABLES}/${table}`, options)
  const other = 'Cannot change partitioning/clustering spec for a partitioned/clustered table.'

  it.each<[table: string, change: object, message: string]>([
    [
      'plain',
      { timePartitioning: { type: 'DAY', field: 'at' } },
      'Cannot convert non partitioned table to partitioned table.',
    ],
    ['plain', { clustering: { fields: ['nothing'] } }, 'Invalid field: nothing.'],
    ['plain', { schema: { fields: [...fields, { name: 'a', type: 'DATE', mode: 'MANY' }] } }, 'Invalid value for mode'],
    ['daily', { timePartitioning: null }, 'Cannot change partitioned table to non partitioned table.'],
    ['daily', { timePartitioning: { type: 'HOUR' } }, other],
    ['daily', { timePartitioning: { type: 'DAY', field: 'day' } }, other],
    ['ranges', { rangePartitioning: { range: { start: 0, end: 50, interval: 10 } } }, other],
  ])('%s refuses %j', async (table, options, message) => {
    const before = await bigquery.send('GET', `${TABLES}/${table}`)
    const { error } = await change(table, options)
    expect(error).toMatchObject({ code: 400, message: expect.stringContaining(message) as string })
    expect(await bigquery.send('GET', `${TABLES}/${table}`)).toEqual(before)
  })

  it('when they are sent again, and takes other clusters', async () => {
    const again = { timePartitioning: { type: 'DAY', field: 'at' }, clustering: { fields: ['id'] } }
    expect(await change('daily', again)).toMatchObject(again)
    expect(await change('daily', { timePartitioning: { type: 'DAY' } })).toMatchObject(again)
    expect((await change('plain', { clustering: { fields: ['s'] } }))['clustering']).toEqual({ fields: ['s'] })
    expect((await change('plain', { clustering: null }))['clustering']).toBeUndefined()
  })
})

describe('a table that requires a filter', () => {
  beforeAll(async () => {
    const required = { requirePartitionFilter: true }
    const daily = { timePartitioning: { type: 'DAY', field: 'at' } }
    await make('events', { ...daily, ...required })
    await make('older', { timePartitioning: { type: 'MONTH', field: 'Day', requirePartitionFilter: true } })
    await make('numbers', { rangePartitioning: { field: 'id', range: { start: 0, end: 9, interval: 1 } }, ...required })
    await make('free', daily)
    await bigquery.query("INSERT INTO d.events (id, s, at) VALUES (1, 'a', '2026-01-01T00:00:00Z')")
    await bigquery.query('INSERT INTO d.numbers (id) VALUES (1)')
    await view('every', 'SELECT id, s, at FROM d.events')
    await view('since', "SELECT id FROM d.events WHERE at >= '2020-01-01'")
    await view('nested', 'SELECT id, s, at FROM d.every')
  })
  const view = (tableId: string, query: string) =>
    bigquery.send('POST', TABLES, { tableReference: { tableId }, view: { query, useLegacySql: false } })
  const range = "at >= TIMESTAMP '2020-01-01'"
  const refusal = (table: string, column: string): string =>
    `Cannot query over table 'p.d.${table}' without a filter over column(s) '${column}' that can be used for partition elimination`

  it.each([
    'SELECT * FROM d.events',
    'SELECT at FROM d.events WHERE id = 1 ORDER BY at',
    "SELECT 'at' AS x FROM d.events WHERE s = 'at' GROUP BY at HAVING MAX(at) IS NOT NULL",
    `SELECT id FROM d.events WHERE ${range} UNION ALL SELECT id FROM d.events`,
    `SELECT id FROM d.free WHERE ${range} UNION ALL SELECT id FROM (SELECT * FROM d.events)`,
    `SELECT id FROM d.free WHERE ${range} AND id IN (SELECT id FROM d.free) UNION ALL (SELECT id FROM d.events)`,
    `SELECT id FROM d.events WHERE id IN (SELECT id FROM d.free WHERE ${range})`,
    'WITH e AS (SELECT id, at FROM d.events) SELECT id FROM e WHERE id = 1',
    'SELECT id FROM d.every WHERE id = 1',
    'SELECT id FROM d.nested',
    `SELECT a.id FROM d.since AS a JOIN d.every AS b ON a.id = b.id`,
    "UPDATE d.events SET s = 'b' WHERE TRUE",
    'DELETE FROM d.events WHERE id = 1',
    'INSERT INTO d.events (id) SELECT id FROM d.events',
    'MERGE d.events AS e USING (SELECT 1 AS k) ON e.id = k WHEN MATCHED THEN UPDATE SET at = CURRENT_TIMESTAMP()',
    'CREATE TABLE d.copy AS SELECT id FROM d.events',
  ])('refuses %s', async (sql) => {
    await expect(bigquery.query(sql)).rejects.toThrow(refusal('events', 'at'))
    await expect(bigquery.client.createQueryJob({ query: sql, dryRun: true })).rejects.toThrow('partition elimination')
  })

  it('names its own column', async () => {
    await expect(bigquery.query('SELECT id FROM d.older WHERE at IS NULL')).rejects.toThrow(refusal('older', 'Day'))
    await expect(bigquery.query('SELECT id FROM d.numbers')).rejects.toThrow(refusal('numbers', 'id'))
  })

  it.each([
    `SELECT id FROM d.events WHERE ${range}`,
    `SELECT id FROM d.events WHERE CASE WHEN s = 'a' THEN TRUE END AND (id > 0 AND DATE(\`AT\`) > '2020-01-01')`,
    `SELECT o.id FROM d.events AS e JOIN d.free AS f ON f.id = 1 AND e.${range} RIGHT JOIN (SELECT 1 AS id) AS o ON TRUE`,
    `SELECT id FROM (SELECT id, at FROM (SELECT * FROM d.events)) WHERE ${range}`,
    `WITH e AS (SELECT id, at FROM d.events) SELECT 1 AS id UNION DISTINCT SELECT id FROM e WHERE ${range}`,
    `SELECT id FROM d.nested WHERE ${range}`,
    'SELECT id FROM d.since',
    `SELECT id FROM UNNEST([1]) AS id WHERE id IN (SELECT id FROM d.events WHERE ${range})`,
    'SELECT id FROM d.numbers WHERE id = 1',
  ])('answers %s', async (sql) => {
    expect(await bigquery.query(sql)).toEqual([{ id: 1 }])
  })

  it('may be changed by statements with one, filled without, and emptied', async () => {
    await bigquery.query(`UPDATE d.events SET s = 'b' WHERE ${range}`)
    await bigquery.query(
      `MERGE d.events AS e USING (SELECT 1 AS k) ON e.id = k AND ${range} WHEN MATCHED THEN UPDATE SET s = 'c'`,
    )
    expect(await bigquery.query(`SELECT s FROM d.events WHERE ${range}`)).toEqual([{ s: 'c' }])
    await bigquery.query('INSERT INTO d.events (id) SELECT id FROM d.free')
    await bigquery.query('TRUNCATE TABLE d.events')
    expect((await bigquery.client.dataset('d').table('events').getRows())[0]).toEqual([])
    await bigquery.send('PATCH', `${TABLES}/events`, { requirePartitionFilter: false })
    expect(await bigquery.query('SELECT * FROM d.events')).toEqual([])
  })
})
