/** Views whose tables change after them: BigQuery reads a view's query anew each time, and so does the local one. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from './bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

const run = async (...statements: string[]): Promise<void> => {
  for (const sql of statements) await bigquery.query(sql)
}

it('a view of a view has the columns of its table as it is now', async () => {
  await run(
    'CREATE TABLE d.t (id INT64)',
    'CREATE VIEW d.v AS SELECT * FROM d.t',
    'CREATE VIEW d.w AS SELECT * FROM d.v',
  )
  await run('INSERT d.t (id) VALUES (1)')
  expect(await bigquery.query('SELECT * FROM d.w')).toEqual([{ id: 1 }])
  await run('DROP TABLE d.t', 'CREATE TABLE d.t (id STRING, more INT64)', `INSERT d.t (id, more) VALUES ('a', 2)`)
  expect(await bigquery.query('SELECT * FROM d.w')).toEqual([{ id: 'a', more: 2 }])
})

it.each([
  ['a query', 'SELECT id FROM d.of_v'],
  ['a destination', 'SELECT id FROM d.of_v', { destination: 'copied' }],
  ['a table that is made', 'CREATE TABLE d.made AS SELECT id FROM d.of_v'],
  ['a statement that changes rows', 'INSERT d.filled (id) SELECT id FROM d.of_v'],
  ['a view of it', 'CREATE VIEW d.outer_v AS SELECT id FROM d.of_v'],
])('the first statement that reads a view may be %s', async (_name, sql, options: { destination?: string } = {}) => {
  await run('CREATE OR REPLACE TABLE d.s (id INT64)', 'CREATE TABLE IF NOT EXISTS d.filled (id INT64)')
  await run('INSERT d.s (id) VALUES (7)')
  await run(
    'CREATE OR REPLACE VIEW d.inner_v AS SELECT id FROM d.s',
    'CREATE OR REPLACE VIEW d.of_v AS SELECT id FROM d.inner_v',
  )
  const { destination } = options
  const rows = await bigquery.query(
    sql,
    destination ? { destination: bigquery.client.dataset('d').table(destination) } : {},
  )
  const written = /(copied|d\.(?:made|filled|outer_v))/.exec(`${sql} ${destination}`)
  expect(written ? await bigquery.query(`SELECT id FROM d.${written[0].replace('d.', '')}`) : rows).toEqual([{ id: 7 }])
})

it('a view that nothing reads is refused when it is made, as any other', async () => {
  await run('CREATE TABLE d.w1 (id INT64)')
  await expect(bigquery.query('CREATE VIEW d.bad AS SELECT id FROM d.missing')).rejects.toThrow(
    'Not found: Table p:d.missing',
  )
  await expect(bigquery.query('CREATE VIEW d.bad AS SELECT idd FROM d.w1')).rejects.toThrow('Unrecognized name: idd')
  await expect(bigquery.query(`CREATE VIEW d.bad AS SELECT id = 'a' AS b FROM d.w1`)).rejects.toThrow(
    'No matching signature',
  )
  await expect(bigquery.query('SELECT * FROM d.bad')).rejects.toThrow('Not found: Table p:d.bad')
})

it('a view has the types of its query before and after it is made', async () => {
  await run(
    `CREATE VIEW d.typed AS SELECT 1 AS i, NULL AS n, NUMERIC '1.5' AS d, JSON '{"a": 1}' AS j, [STRUCT(DATE '2026-01-02' AS day, b'x' AS bytes)] AS r, TIMESTAMP '2026-01-02 00:00:00+00' AS t`,
  )
  const shape = async (dryRun: boolean): Promise<unknown> => {
    const query = 'SELECT *, i = 1 AS one FROM d.typed'
    const { error, schema } = await bigquery.send('POST', '/queries', { query, dryRun, useLegacySql: false })
    expect(error).toBeUndefined()
    return schema
  }
  const before = await shape(true)
  expect(await shape(false)).toEqual(before)
  expect(await shape(true)).toEqual(before)
})

it('types that do not meet any more are refused, and those that meet again are not', async () => {
  await run('CREATE TABLE d.u (id INT64)', 'CREATE VIEW d.x AS SELECT COUNTIF(id = 1) AS ones FROM d.u')
  await run('CREATE VIEW d.y AS SELECT ones FROM d.x', 'INSERT d.u (id) VALUES (1)')
  await run('DROP TABLE d.u', 'CREATE TABLE d.u (id STRING)')
  await expect(bigquery.query('SELECT ones FROM d.y')).rejects.toThrow(
    'No matching signature for operator = for argument types: STRING, INT64',
  )
  await run('DROP TABLE d.u', 'CREATE TABLE d.u (id INT64)')
  expect(await bigquery.query('SELECT ones FROM d.y')).toEqual([{ ones: 0 }])
})

it('a STRUCT without names is refused in a view', async () => {
  await expect(bigquery.query('CREATE VIEW d.z AS SELECT [STRUCT(1)] AS a')).rejects.toThrow(
    'The local cloud makes no view with a STRUCT whose fields have no names: write STRUCT(1 AS a).',
  )
})

it.each(['temp', 'Memory', 'bigquery'])('a dataset named %s is refused by name', async (datasetId) => {
  const answer = await bigquery.send('POST', '/datasets', { datasetReference: { datasetId } })
  expect(answer.error).toMatchObject({
    code: 400,
    message: `A dataset can not be named "${datasetId}" in the local cloud: choose another name.`,
  })
})
