/** PUT of a dataset or a table: what the body lacks is gone. PATCH keeps it. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

const options = { description: 'one', friendlyName: 'two', labels: { team: 'x' } }

it('a dataset loses the options that are not sent', async () => {
  const datasetReference = { datasetId: 'replaced' }
  const made = await bigquery.send('POST', '/datasets', {
    datasetReference,
    ...options,
    location: 'EU',
    defaultTableExpirationMs: '3600000',
  })
  const changed = await bigquery.send('PATCH', '/datasets/replaced', { description: 'other' })
  expect(changed).toMatchObject({ ...options, description: 'other', defaultTableExpirationMs: '3600000' })
  const body = { datasetReference, friendlyName: 'three' }
  const { etag, lastModifiedTime, ...rest } = await bigquery.send('PUT', '/datasets/replaced', body)
  const { kind, id, selfLink, location, creationTime, datasetReference: reference } = made
  expect(rest).toEqual({
    kind,
    id,
    selfLink,
    location,
    creationTime,
    datasetReference: reference,
    friendlyName: 'three',
  })
  expect([etag, lastModifiedTime]).toEqual([expect.any(String), expect.any(String)])
  expect(etag).not.toBe(made['etag'])
  expect(await bigquery.send('GET', '/datasets/replaced')).toMatchObject(rest)
})

it('a table loses the options that are not sent, and no column', async () => {
  const path = '/datasets/d/tables/t'
  const tableReference = { tableId: 't' }
  const schema = { fields: [{ name: 'a', type: 'INTEGER', description: 'a number' }] }
  await bigquery.send('POST', '/datasets/d/tables', {
    tableReference,
    schema,
    ...options,
    clustering: { fields: ['a'] },
    expirationTime: '4000000000000',
  })
  const before = await bigquery.send('GET', path)
  expect((await bigquery.send('PUT', path, { tableReference, description: 'x' })).error?.message).toBe(
    'Provided Schema does not match Table p:d.t. Field a is missing in new schema',
  )
  expect(await bigquery.send('GET', path)).toEqual(before)
  const wider = {
    fields: [
      { name: 'a', type: 'INTEGER' },
      { name: 'b', type: 'STRING' },
    ],
  }
  const after = await bigquery.send('PUT', path, { tableReference, schema: wider, friendlyName: 'three' })
  expect(Object.keys(after).toSorted()).toEqual(
    'creationTime etag friendlyName id kind lastModifiedTime schema selfLink tableReference type'.split(' '),
  )
  expect(after).toMatchObject({ schema: wider, friendlyName: 'three', tableReference: before['tableReference'] })
  await bigquery.query("INSERT INTO d.t (a, b) VALUES (1, 'x')")
})

it('a partitioned table can not lose its partitions', async () => {
  const table = {
    tableReference: { tableId: 'daily' },
    schema: { fields: [{ name: 'day', type: 'DATE' }] },
    timePartitioning: { type: 'DAY', field: 'day' },
  }
  await bigquery.send('POST', '/datasets/d/tables', table)
  const { timePartitioning, ...rest } = table
  expect((await bigquery.send('PUT', '/datasets/d/tables/daily', rest)).error?.message).toBe(
    'Cannot change partitioned table to non partitioned table.',
  )
  expect(await bigquery.send('PUT', '/datasets/d/tables/daily', table)).toMatchObject({ timePartitioning })
})

it('a view gets the query that is sent, and needs one', async () => {
  const view = (query: string) => ({ view: { query, useLegacySql: false } })
  await bigquery.send('POST', '/datasets/d/tables', {
    tableReference: { tableId: 'v' },
    ...options,
    ...view('SELECT 1 AS a'),
  })
  const after = await bigquery.send('PUT', '/datasets/d/tables/v', view('SELECT 2 AS b'))
  expect(after).toMatchObject({ schema: { fields: [{ name: 'b' }] } })
  expect(after['labels']).toBeUndefined()
  expect((await bigquery.send('PUT', '/datasets/d/tables/v', {})).error).toMatchObject({ code: 400 })
  expect(await bigquery.query('SELECT * FROM d.v')).toEqual([{ b: 2 }])
})
