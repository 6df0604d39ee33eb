/** Vector search and Query Explain by Google's own client. */

import { AggregateField, FieldValue, Firestore } from '@google-cloud/firestore'
import { exec } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type LocalCloud, createLocalCloud } from '../core/local-cloud.ts'
import { firestore } from './plugin.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
let cloud: LocalCloud
let client: Firestore
let collections = 0

beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [firestore], project })
  await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=orders`, { locationId: 'eur3' })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', cloud.ownerHost)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  client = new Firestore({ projectId: project.id, databaseId: 'orders' })
})
afterEach(() => cloud.resetCounters())
afterAll(async () => {
  vi.unstubAllEnvs()
  await client.terminate()
  await cloud.close()
})

const vectors: Readonly<Record<string, unknown>> = {
  same: FieldValue.vector([1, 0]),
  far: FieldValue.vector([3, 0]),
  turned: FieldValue.vector([0, 2]),
  opposite: FieldValue.vector([-1, 0]),
  longer: FieldValue.vector([1, 0, 0]),
  zero: FieldValue.vector([0, 0]),
  list: [1, 0],
}

async function withVectors(): Promise<FirebaseFirestore.CollectionReference> {
  const collection = client.collection(`v${collections++}`)
  for (const [id, embedding] of Object.entries(vectors)) await collection.doc(id).set({ embedding, kind: 'k' })
  await collection.doc('none').set({ kind: 'k' })
  const fields = [{ fieldPath: 'embedding', vectorConfig: { dimension: 2, flat: {} } }]
  await cloud.api('POST', `${groupOf(collection)}/indexes`, { queryScope: 'COLLECTION', fields })
  return collection
}

const groupOf = ({ id }: { id: string }): string => `/v1/projects/${project.id}/databases/orders/collectionGroups/${id}`

const search = { vectorField: 'embedding', queryVector: [1, 0], limit: 10, distanceResultField: 'distance' }

test.each([
  ['EUCLIDEAN', { same: 0, zero: 1, far: 2, opposite: 2, turned: Math.sqrt(5) }, 1, ['same', 'zero']],
  ['COSINE', { far: 0, same: 0, turned: 1, opposite: 2 }, 1, ['far', 'same', 'turned']],
  ['DOT_PRODUCT', { far: 3, same: 1, turned: 0, zero: 0, opposite: -1 }, 1, ['far', 'same']],
] as const)(
  'the nearest documents by %s come first, up to the threshold',
  async (distanceMeasure, all, distanceThreshold, within) => {
    const collection = await withVectors()
    const found = await collection.findNearest({ ...search, distanceMeasure }).get()
    expect(found.docs.map((one) => [one.id, one.get('distance')])).toEqual(Object.entries(all))
    expect(found.docs[0]!.get('kind')).toBe('k')
    const near = await collection.findNearest({ ...search, distanceMeasure, distanceThreshold }).get()
    expect(near.docs.map(({ id }) => id)).toEqual(within)
    const two = await collection
      .select('distance')
      .findNearest({ ...search, limit: 2, distanceMeasure })
      .get()
    expect(two.docs.map((one) => one.data())).toEqual(
      Object.values(all)
        .slice(0, 2)
        .map((distance) => ({ distance })),
    )
  },
)

test('a search needs its vector index, with the fields of its filter, and the call in the error creates it', async () => {
  const collection = await withVectors()
  const found = (queryVector: number[]) =>
    collection
      .where('kind', '==', 'k')
      .findNearest({ ...search, queryVector, distanceMeasure: 'COSINE' })
      .get()
  const failure = await found([1, 0]).then(
    () => Promise.reject(new Error('not refused')),
    (error: Error & { code: number }) => error,
  )
  expect(failure).toMatchObject({ code: 9, message: expect.stringContaining('Missing vector index configuration.') })
  await promisify(exec)(`${/curl .+?(?= \(collection)/.exec(failure.message)?.[0]} --fail`)
  expect((await found([1, 0])).size).toBe(4)
  await expect(found([1, 0, 0])).rejects.toThrow('VECTOR<3>')
  expect(((await cloud.api('GET', `${groupOf(collection)}/indexes`)) as { indexes: object[] }).indexes).toEqual([
    expect.objectContaining({ fields: [expect.anything(), search2d] }),
    expect.objectContaining({ fields: [{ fieldPath: 'kind', order: 'ASCENDING' }, expect.anything(), search2d] }),
  ])
  // A vector index does not sort.
  await expect(collection.where('kind', '==', 'k').orderBy('embedding').get()).rejects.toMatchObject({ code: 9 })
})

const search2d = { fieldPath: 'embedding', vectorConfig: { dimension: 2, flat: {} } }

test.each([
  ['limit', { limit: { value: 1001 } }, 'FindNearest.limit must be a positive integer of at most 1000, is 1001.'],
  ['measure', { distanceMeasure: 'MANHATTAN' }, 'MANHATTAN'],
  ['vector', { queryVector: { arrayValue: { values: [{ doubleValue: 1 }] } } }, 'query_vector must be a vector'],
])('a search with another %s than Google takes is refused', async (_, wrong, message) => {
  const vector = {
    fields: { __type__: { stringValue: '__vector__' }, value: { arrayValue: { values: [{ doubleValue: 1 }] } } },
  }
  const findNearest = {
    vectorField: { fieldPath: 'embedding' },
    queryVector: { mapValue: vector },
    distanceMeasure: 'COSINE',
    limit: 1,
    ...wrong,
  }
  if ('limit' in wrong) findNearest.limit = 1001
  const structuredQuery = { from: [{ collectionId: 'v' }], findNearest }
  const path = `/v1/projects/${project.id}/databases/orders/documents:runQuery`
  await expect(cloud.api('POST', path, { structuredQuery })).rejects.toThrow(message)
})

test('a plan names the indexes and costs one read', async () => {
  const collection = client.collection(`e${collections++}`)
  await collection.doc('1').set({ a: 1, b: 1, tags: ['x'] })
  cloud.resetCounters()
  const plan = async (query: FirebaseFirestore.Query) => {
    const { metrics, snapshot } = await query.explain()
    expect([snapshot, metrics.executionStats]).toEqual([null, null])
    return metrics.planSummary.indexesUsed
  }
  const inCollection = (properties: string) => ({ query_scope: 'Collection', properties })
  expect(await plan(collection)).toEqual([inCollection('(__name__ ASC)')])
  expect(cloud.counters()['firestore.documentReads']).toBe(1)
  expect(await plan(collection.where('a', '>', 1).orderBy('a', 'desc'))).toEqual([
    inCollection('(a DESC, __name__ DESC)'),
  ])
  expect(await plan(collection.where('a', '==', 1).where('tags', 'array-contains', 'x'))).toEqual([
    inCollection('(a ASC, __name__ ASC)'),
    inCollection('(tags CONTAINS, __name__ ASC)'),
  ])
  await expect(plan(collection.where('a', '==', 1).orderBy('b'))).rejects.toMatchObject({ code: 9 })
  const fields = ['a', 'b'].map((fieldPath) => ({ fieldPath, order: 'ASCENDING' }))
  await cloud.api('POST', `${groupOf(collection)}/indexes`, { queryScope: 'COLLECTION', fields })
  expect(await plan(collection.where('a', '==', 1).orderBy('b'))).toEqual([
    inCollection('(a ASC, b ASC, __name__ ASC)'),
  ])
})

test('an analyzed query answers its results with what they cost', async () => {
  const collection = client.collection(`e${collections++}`)
  for (const n of [1, 2, 3]) await collection.doc(String(n)).set({ n })
  cloud.resetCounters()
  const { metrics, snapshot } = await collection.where('n', '>', 1).explain({ analyze: true })
  expect(snapshot!.docs.map(({ id }) => id)).toEqual(['2', '3'])
  expect(metrics.executionStats).toMatchObject({
    resultsReturned: 2,
    readOperations: 2,
    debugStats: { documents_scanned: '2', billing_details: { documents_billable: '2', min_query_cost: '0' } },
  })
  expect(cloud.counters()['firestore.documentReads']).toBe(2)
  const { seconds, nanoseconds } = metrics.executionStats!.executionDuration
  expect(seconds + nanoseconds).toBeGreaterThan(0)
  // The last result carries the metrics: no response comes without a document.
  const streamed: { document?: unknown; metrics?: unknown }[] = []
  for await (const one of collection.where('n', '>', 1).explainStream({ analyze: true })) streamed.push(one as object)
  expect(streamed.map(({ document, metrics: last }) => [Boolean(document), Boolean(last)])).toEqual([
    [true, false],
    [true, true],
  ])
  const none = await collection.where('n', '>', 9).explain({ analyze: true })
  expect(none.snapshot!.size).toBe(0)
  expect(none.metrics.executionStats).toMatchObject({ resultsReturned: 0, readOperations: 1 })
  const total = collection.aggregate({ total: AggregateField.sum('n') })
  expect((await total.explain({ analyze: true })).metrics.executionStats).toMatchObject({
    resultsReturned: 1,
    readOperations: 1,
    debugStats: { documents_scanned: '0', index_entries_scanned: '3' },
  })
  expect((await total.explain()).snapshot).toBeNull()
})
