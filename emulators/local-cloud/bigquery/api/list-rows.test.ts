/** tabledata.list, by Google's client. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
  const inner = [
    { name: 'x', type: 'INTEGER' },
    { name: 'y', type: 'STRING' },
  ]
  await bigquery.table('t', [
    { name: 'id', type: 'INTEGER' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'one', type: 'RECORD', fields: inner },
    { name: 'many', type: 'RECORD', mode: 'REPEATED', fields: inner },
  ])
  const rows = Array.from({ length: 5 }, (_, id) => ({
    id,
    at: '2026-01-01T00:00:00Z',
    one: id === 0 ? null : { x: id, y: 'one' },
    many: [{ x: id, y: 'many' }],
  }))
  await bigquery.client.dataset('d').table('t').insert(rows)
})
afterAll(() => bigquery.cloud.close())

const rows = () => bigquery.client.dataset('d').table('t')

it('returns all rows in the order of their insertion', async () => {
  const [all] = await rows().getRows()
  expect(all.map(({ id }: { id: number }) => id)).toEqual([0, 1, 2, 3, 4])
  expect(all[1]).toMatchObject({ at: { value: '2026-01-01T00:00:00.000Z' }, one: { x: 1, y: 'one' } })
  const [metadata] = await rows().getMetadata()
  const [dataset] = await bigquery.client.dataset('d').getMetadata()
  expect((metadata as { selfLink: string }).selfLink).toBe(`${(dataset as { selfLink: string }).selfLink}/tables/t`)
  expect(metadata.numRows).toBe('5')
})

it('returns a page, and the token of the next', async () => {
  const [first, next] = await rows().getRows({ maxResults: 2, autoPaginate: false, startIndex: '1' })
  expect(first.map(({ id }: { id: number }) => id)).toEqual([1, 2])
  expect(next).toMatchObject({ pageToken: '3' })
  const [rest, end] = await rows().getRows({ maxResults: 2, autoPaginate: false, pageToken: '3' })
  expect([rest.map(({ id }: { id: number }) => id), end]).toEqual([[3, 4], null])
  expect((await bigquery.send('GET', '/datasets/d/tables/t/data?startIndex=9'))['totalRows']).toBe('5')
})

it('returns the selected fields only, also those of records', async () => {
  const answer = await bigquery.send('GET', '/datasets/d/tables/t/data?selectedFields=many.y,id,one.x&maxResults=2')
  expect(answer['rows']).toEqual([
    { f: [{ v: '0' }, { v: null }, { v: [{ v: { f: [{ v: 'many' }] } }] }] },
    { f: [{ v: '1' }, { v: { f: [{ v: '1' }] } }, { v: [{ v: { f: [{ v: 'many' }] } }] }] },
  ])
})

it.each([
  ['datasets/d/tables/t/data?selectedFields=none', 'Invalid field: none'],
  ['datasets/d/tables/none/data', 'Not found: Table p:d.none was not found in location europe-west1'],
  ['datasets/d/tables/v/data', 'Cannot list a table of type VIEW.'],
  ['datasets/d/tables/t/data?maxResults=x', 'Invalid value for maxResults'],
  ['datasets/d/tables/t/data?selectFields=id', 'Unknown name "selectFields"'],
])('refuses %s', async (path, message) => {
  await bigquery.send('POST', '/datasets/d/tables', {
    tableReference: { tableId: 'v' },
    view: { query: 'SELECT 1 AS a', useLegacySql: false },
  })
  const { error } = await bigquery.send('GET', `/${path}`)
  expect(error?.message).toContain(message)
})

it('tables and datasets are listed in pages', async () => {
  await bigquery.table('u', [])
  const { tables, nextPageToken } = await bigquery.send('GET', '/datasets/d/tables?maxResults=1')
  expect([(tables as unknown[]).length, nextPageToken]).toEqual([1, '1'])
  await bigquery.client.createDataset('labelled', { labels: { team: 'x' } })
  const { datasets } = await bigquery.send('GET', '/datasets?filter=labels.team:x')
  expect(datasets).toMatchObject([{ datasetReference: { datasetId: 'labelled' } }])
})

it('a table may expire, at a time in the future', async () => {
  const clock = Date.now()
  const { error } = await bigquery.send('POST', '/datasets/d/tables', {
    tableReference: { tableId: 'past' },
    expirationTime: String(clock - 1000),
  })
  expect(error?.message).toContain('expirationTime')
  await bigquery.client.createDataset('short', { defaultTableExpirationMs: '3600000' })
  const table = await bigquery.send('POST', '/datasets/short/tables', { tableReference: { tableId: 'a' } })
  expect(Number(table['expirationTime'])).toBeGreaterThanOrEqual(clock + 3600000)
})
