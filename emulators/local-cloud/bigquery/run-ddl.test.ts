/** Statements that make and drop tables, views and datasets. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from './bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

it('make, replace and drop a table with its columns', async () => {
  const create = (start: string): Promise<unknown> =>
    bigquery.query(
      `${start} d.made (id INT64 NOT NULL, s STRING(3), n NUMERIC(5, 2), tags ARRAY<STRING>, r STRUCT<a DATE, b ARRAY<INT64> >)`,
    )
  await create('CREATE TABLE')
  const [{ schema }] = await bigquery.client.dataset('d').table('made').getMetadata()
  expect(schema.fields).toMatchObject([
    { name: 'id', type: 'INT64', mode: 'REQUIRED' },
    { name: 's', type: 'STRING', maxLength: '3' },
    { name: 'n', type: 'NUMERIC', precision: '5', scale: '2' },
    { name: 'tags', type: 'STRING', mode: 'REPEATED' },
    {
      name: 'r',
      type: 'RECORD',
      fields: [
        { name: 'a', type: 'DATE' },
        { name: 'b', mode: 'REPEATED' },
      ],
    },
  ])
  await bigquery.query("INSERT INTO d.made (id, s, tags) VALUES (1, 'abc', ['x'])")
  await expect(create('CREATE TABLE')).rejects.toThrow('Already Exists: Table p:d.made')
  await create('CREATE TABLE IF NOT EXISTS')
  expect(await bigquery.query('SELECT id, tags FROM d.made')).toEqual([{ id: 1, tags: ['x'] }])
  await create('CREATE OR REPLACE TABLE')
  expect(await bigquery.query('SELECT id FROM d.made')).toEqual([])
  await bigquery.query('DROP TABLE d.made')
  await expect(bigquery.query('SELECT id FROM d.made')).rejects.toThrow('Not found: Table p:d.made')
  await expect(bigquery.query('DROP TABLE d.made')).rejects.toThrow('Not found: Table p:d.made')
  await bigquery.query('DROP TABLE IF EXISTS d.made')
})

it('make a table of a query, and a view', async () => {
  const params = { n: 3 }
  await bigquery.query('CREATE TABLE d.of AS SELECT x, x * @n AS y FROM UNNEST([1, 2]) AS x', { params })
  await bigquery.query('CREATE VIEW d.seen AS SELECT y FROM d.of WHERE x > 1')
  expect(await bigquery.query('SELECT * FROM d.seen')).toEqual([{ y: 6 }])
  await bigquery.query('CREATE OR REPLACE VIEW d.seen AS SELECT x FROM d.of WHERE x = 1')
  expect(await bigquery.query('SELECT * FROM d.seen')).toEqual([{ x: 1 }])
  await expect(bigquery.query('DROP TABLE d.seen')).rejects.toThrow('has type VIEW, not TABLE')
  await bigquery.query('DROP VIEW d.seen')
  await expect(bigquery.query('CREATE TABLE d.unnamed AS SELECT 1')).rejects.toThrow(
    'CREATE TABLE columns must be named, but column 1 has no name',
  )
  const [job] = await bigquery.client.createQueryJob({ query: 'CREATE TABLE d.dry (a INT64)', dryRun: true })
  expect(job.metadata.statistics.query.statementType).toBe('CREATE_TABLE')
  expect((await bigquery.client.dataset('d').table('dry').exists())[0]).toBe(false)
})

it('make and drop a dataset', async () => {
  await bigquery.query('CREATE SCHEMA e')
  await bigquery.query('CREATE SCHEMA IF NOT EXISTS e')
  await bigquery.query('CREATE TABLE e.t (a INT64)')
  await expect(bigquery.query('DROP SCHEMA e')).rejects.toThrow('Dataset p:e is still in use')
  await bigquery.query('DROP SCHEMA e CASCADE')
  expect((await bigquery.client.dataset('e').exists())[0]).toBe(false)
})

it.each([
  ['CREATE TABLE d.x (a INT64) PARTITION BY a', 'CREATE TABLE … PARTITION BY'],
  ['CREATE TABLE d.x (a INT64 DEFAULT 1)', 'CREATE TABLE … A … DEFAULT'],
  ['CREATE TEMP TABLE x (a INT64)', 'CREATE TEMP'],
  ['CREATE FUNCTION d.f() AS (1)', 'CREATE FUNCTION'],
  ['CREATE MATERIALIZED VIEW d.x AS SELECT 1 AS a', 'CREATE MATERIALIZED'],
  ['ALTER TABLE d.t ADD COLUMN a INT64', 'ALTER TABLE'],
  ['DROP FUNCTION d.f', 'DROP FUNCTION'],
  ['GRANT `roles/x` ON SCHEMA d TO "user:a"', 'GRANT'],
  ['DECLARE x INT64', 'DECLARE X'],
  ['BEGIN TRANSACTION', 'BEGIN TRANSACTION'],
])('refuses %s by name', async (sql, name) => {
  await expect(bigquery.query(sql)).rejects.toThrow(`The local cloud does not run ${name}`)
})

it.each([
  [
    'CREATE TABLE d.x AS\nSELECT lenght(s) FROM d.t',
    'Function not found in the local BigQuery: lenght; Did you mean length? at [2:8]',
  ],
  ['CREATE TABLE d.x AS SELECT 1 AS a FROM d.t PIVOT(a)', 'PIVOT is not translated by the local cloud at [1:44]'],
  ['CREATE TABLE d.x AS SELECT nope', 'Unrecognized name: nope at [1:28]'],
  ['CREATE VIEW d.x AS SELECT 1 AS a, nope', 'Unrecognized name: nope at [1:35]'],
  ['CREATE VIEW d.x AS\nSELECT 1 AS a,\n nope', 'Unrecognized name: nope at [3:2]'],
])('the place of a refusal in %s is that in the statement', async (sql, message) => {
  await expect(bigquery.query(sql)).rejects.toThrow(message)
})
