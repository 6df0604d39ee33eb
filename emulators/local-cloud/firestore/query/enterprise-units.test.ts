import { expect, it } from 'vitest'
import { cloudWithDatabase, commit, DATABASE, queryIds, ROOT, set, type FakeCloud } from '../fake-cloud.testing.ts'

/** A document whose stored size is the text's length and some 70 bytes for name and field. */
const text = (length: number) => ({ s: { stringValue: 'x'.repeat(length) } })

async function unitsOf(run: (cloud: FakeCloud) => Promise<unknown>): Promise<[read: number, write: number]> {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/small', text(10)), set('c/large', text(5_000)))
  cloud.counts.clear()
  await run(cloud)
  return [cloud.counts.get('firestore.readUnits') ?? 0, cloud.counts.get('firestore.writeUnits') ?? 0]
}
const read =
  (...ids: string[]) =>
  (cloud: FakeCloud) =>
    cloud.stream('batchGetDocuments', { database: DATABASE, documents: ids.map((id) => `${ROOT}/c/${id}`) })

it.each<[string, (cloud: FakeCloud) => Promise<unknown>, [number, number]]>([
  ['a small document', read('small'), [1, 0]],
  ['one above 4 KiB', read('large'), [2, 0]],
  ['a missing document', read('none'), [1, 0]],
  ['documents read one by one', read('small', 'large'), [3, 0]],
  ['a query, by the total size of its scan', (cloud) => queryIds(cloud, { from: [{ collectionId: 'c' }] }), [2, 0]],
  ['a query that finds nothing', (cloud) => queryIds(cloud, { from: [{ collectionId: 'none' }] }), [1, 0]],
  ['a write below 1 KiB', (cloud) => commit(cloud, set('c/new', text(10))), [0, 1]],
  ['a write above 1 KiB', (cloud) => commit(cloud, set('c/new', text(2_000))), [0, 3]],
  ['a delete of a large document', (cloud) => commit(cloud, { delete: `${ROOT}/c/large` }), [0, 5]],
])('%s', async (_, run, expected) => {
  expect(await unitsOf(run)).toEqual(expected)
})

it('each index entry that a write adds or removes is a write unit', async () => {
  const cloud = await cloudWithDatabase()
  await cloud.admin('createIndex', {
    parent: `${DATABASE}/collectionGroups/c`,
    index: {
      queryScope: 'COLLECTION',
      fields: [
        { fieldPath: 's', order: 'ASCENDING' },
        { fieldPath: 'tags', arrayConfig: 'CONTAINS' },
      ],
    },
  })
  const units = async (write: object): Promise<number> => {
    const before = cloud.counts.get('firestore.writeUnits') ?? 0
    await commit(cloud, write)
    return cloud.counts.get('firestore.writeUnits')! - before
  }
  const tags = (...values: string[]) => ({
    tags: { arrayValue: { values: values.map((stringValue) => ({ stringValue })) } },
  })
  expect(await units(set('c/1', { ...text(3), ...tags('a', 'b') }))).toBe(3)
  expect(await units(set('c/1', { ...text(3), ...tags('b', 'c') }))).toBe(3)
  expect(await units(set('c/1', { ...text(3), ...tags('b', 'c'), n: { integerValue: 1 } }))).toBe(1)
  // Without one of the fields there is no entry.
  expect(await units(set('c/1', text(3)))).toBe(3)
  expect(await units(set('d/1', { ...text(3), ...tags('a') }))).toBe(1)
})
