/** Parameters that choose what is returned of a dataset, a table or a job. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.table('t', [{ name: 'a', type: 'STRING' }])
  await bigquery.send('PATCH', '/datasets/d', {
    description: 'Of tests',
    access: [{ role: 'OWNER', specialGroup: 'projectOwners' }],
  })
  await bigquery.send('POST', '/datasets', { datasetReference: { datasetId: '_hidden' } })
  await bigquery.query('SELECT 1 AS one')
})
afterAll(() => bigquery.cloud.close())
const fieldsOf = async (path: string): Promise<Record<string, boolean>> => {
  const answer = await bigquery.send('GET', path)
  const names = ['datasetReference', 'description', 'access', 'numRows', 'error']
  return Object.fromEntries(names.filter((name) => name in answer).map((name) => [name, true]))
}

it.each([
  ['', ['datasetReference', 'description', 'access']],
  ['?datasetView=FULL', ['datasetReference', 'description', 'access']],
  ['?datasetView=METADATA', ['datasetReference', 'description']],
  ['?datasetView=ACL', ['datasetReference', 'access']],
  ['?datasetView=HALF', ['error']],
])('a dataset with %j has %j', async (query, expected) => {
  expect(Object.keys(await fieldsOf(`/datasets/d${query}`))).toEqual(expected)
})

it.each([
  ['', ['numRows']],
  ['?view=STORAGE_STATS', ['numRows']],
  ['?view=BASIC', []],
  ['?view=SOME', ['error']],
])('a table with %j has %j', async (query, expected) => {
  expect(Object.keys(await fieldsOf(`/datasets/d/tables/t${query}`))).toEqual(expected)
})

it('updateMode is refused by name, but for the whole', async () => {
  const patched = (query: string) => bigquery.send('PATCH', `/datasets/d${query}`, { description: 'Of tests' })
  expect((await patched('?updateMode=UPDATE_ACL')).error?.message).toMatch(
    /^The local cloud does not serve updateMode "UPDATE_ACL": /,
  )
  expect((await patched('?updateMode=UPDATE_FULL')).error).toBeUndefined()
})

it('a dataset whose name begins with "_" is listed with all=true alone', async () => {
  const listed = async (query: string): Promise<string[]> => {
    const { datasets } = await bigquery.send('GET', `/datasets${query}`)
    return (datasets as { datasetReference: { datasetId: string } }[]).map(
      ({ datasetReference }) => datasetReference.datasetId,
    )
  }
  expect(await listed('')).toEqual(['d'])
  expect((await listed('?all=true')).toSorted()).toEqual(['_hidden', 'd'])
})

it('a job is listed without its configuration by projection=minimal', async () => {
  const first = async (query: string): Promise<object> => {
    const { jobs } = await bigquery.send('GET', `/jobs${query}`)
    return (jobs as object[])[0]!
  }
  expect(await first('?projection=full')).toHaveProperty('configuration.query')
  expect(await first('?projection=minimal')).not.toHaveProperty('configuration')
  expect(await first('?projection=minimal')).toHaveProperty('statistics')
  expect((await bigquery.send('GET', '/jobs?projection=half')).error?.code).toBe(400)
})
