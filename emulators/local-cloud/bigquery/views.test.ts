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
