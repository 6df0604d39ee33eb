import { expect, test } from 'vitest'
import {
  DATABASE,
  ROOT,
  type FakeCloud,
  cloudWithDatabase,
  commit,
  get,
  queryIds,
  set,
} from '../../fake-cloud.testing.ts'

async function billOf(run: (cloud: FakeCloud) => Promise<unknown>): Promise<Record<string, number>> {
  const cloud = await cloudWithDatabase()
  await commit(cloud, ...Array.from({ length: 5 }, (_, at) => set(`c/${at}`, {})))
  cloud.counts.clear()
  await run(cloud)
  for (const [counter, amount] of cloud.counts) {
    if (!counter.endsWith('.orders')) expect(cloud.counts.get(`${counter}.orders`)).toBe(amount)
  }
  return Object.fromEntries(
    [...cloud.counts]
      .filter(([counter]) => counter.startsWith('firestore.document') && !counter.endsWith('.orders'))
      .map(([counter, amount]) => [counter.replace('firestore.document', ''), amount]),
  )
}

const query =
  (more: object = {}, collectionId = 'c') =>
  (cloud: FakeCloud): Promise<unknown> =>
    queryIds(cloud, { from: [{ collectionId }], ...more })
const documents = ['0', '1', 'none', '0'].map((id) => `${ROOT}/c/${id}`)
const aggregation =
  (collectionId: string) =>
  (cloud: FakeCloud): Promise<unknown> =>
    cloud.stream('runAggregationQuery', {
      parent: ROOT,
      structuredAggregationQuery: { structuredQuery: { from: [{ collectionId }] }, aggregations: [{ count: {} }] },
    })

// Source: https://cloud.google.com/firestore/pricing
test.each<[string, (cloud: FakeCloud) => Promise<unknown>, Record<string, number>]>([
  ['get', (cloud) => get(cloud, 'c/1'), { Reads: 1 }],
  ['get of a missing document', (cloud) => get(cloud, 'c/none').catch(() => undefined), { Reads: 1 }],
  [
    'batch get, missing ones too',
    (cloud) => cloud.stream('batchGetDocuments', { database: DATABASE, documents }),
    { Reads: 3 },
  ],
  ['query', query(), { Reads: 5 }],
  ['query with a limit', query({ limit: { value: 2 } }), { Reads: 2 }],
  ['query with an offset', query({ offset: 3 }), { Reads: 5 }],
  ['query that finds nothing', query({}, 'none'), { Reads: 1 }],
  ['list', (cloud) => cloud.call('listDocuments', { parent: ROOT, collectionId: 'c', pageSize: 2 }), { Reads: 2 }],
  ['collection ids', (cloud) => cloud.call('listCollectionIds', { parent: ROOT }), { Reads: 1 }],
  ['count', aggregation('c'), { Reads: 1 }],
  ['count of nothing', aggregation('none'), { Reads: 1 }],
  [
    'commit',
    (cloud) => commit(cloud, set('c/1', {}), set('c/2', {}), { delete: `${ROOT}/c/3` }),
    { Writes: 2, Deletes: 1 },
  ],
  ['verify', (cloud) => commit(cloud, { verify: `${ROOT}/c/3`, currentDocument: { exists: true } }), {}],
  [
    'failed commit',
    (cloud) =>
      commit(cloud, set('c/9', {}), set('c/1', {}, { currentDocument: { exists: false } })).catch(() => undefined),
    {},
  ],
])('%s', async (_, run, expected) => {
  expect(await billOf(run)).toEqual(expected)
})

test('a count of 1,001 entries costs two reads', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, ...Array.from({ length: 1001 }, (_, at) => set(`n/${at}`, {})))
  await aggregation('n')(cloud)
  expect(cloud.counts.get('firestore.documentReads')).toBe(2)
})
