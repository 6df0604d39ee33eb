/** Pages of documents, raised numbers and deletion, on Firestore by Google's client with the declared indexes, and in memory: both alike. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import { connectFirestore, type FirestoreClient } from '../../shared/gcp/firestore-client.ts'
import { firestoreDocuments } from '../../shared/gcp/firestore-documents.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import { documentId } from '../../shared/base/ids.ts'
import { type DocumentQuery, documentQuery } from '../../shared/service/document-query.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'
import type { DocumentStore } from '../../shared/service/platform.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const shop = {
  collections: {
    things: {
      unindexed: ['*'],
      indexes: [['of', '-at'], ['of', 'state', '-at'], ['-at'], ['of', 'at'], ['at']],
      keptForDays: 3,
    },
  },
} as const
type Shop = typeof shop

let cloud: LocalCloud
const clients: Promise<FirestoreClient>[] = []
/** As `stacks/service-database.ts` declares them: no field is indexed by itself but the one that is declared alone. */
beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [emulator], project })
  const root = `/v1/projects/${project.id}/databases`
  await cloud.api('POST', `${root}?databaseId=tests`, { locationId: 'eur3' })
  const group = `${root}/tests/collectionGroups/things`
  await cloud.api('PATCH', `${group}/fields/*?updateMask=indexConfig`, { indexConfig: { indexes: [] } })
  const orders = ['DESCENDING', 'ASCENDING'] as const
  const single = {
    indexes: orders.map((order) => ({ queryScope: 'COLLECTION', fields: [{ fieldPath: 'at', order }] })),
  }
  await cloud.api('PATCH', `${group}/fields/at?updateMask=indexConfig`, { indexConfig: single })
  for (const [equal, order] of [
    [['of'], 'DESCENDING'],
    [['of', 'state'], 'DESCENDING'],
    [['of'], 'ASCENDING'],
  ] as const)
    await cloud.api('POST', `${group}/indexes`, {
      queryScope: 'COLLECTION',
      fields: [...equal.map((fieldPath) => ({ fieldPath, order: 'ASCENDING' })), { fieldPath: 'at', order }],
    })
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  for (const client of clients) await (await client).close()
  await cloud.close()
})

const drivers: [name: string, open: () => DocumentStore<string>][] = [
  [
    'Firestore',
    () => {
      const client = connectFirestore({
        projectId: project.id,
        databaseId: 'tests',
        address: cloud.ownerHost,
        backoff: async () => {},
      })
      clients.push(client)
      return firestoreDocuments({
        firestore: () => client,
        lifetimes: lifetimesOf(shop.collections, Date.now),
        backoff: async () => {},
      })
    },
  ],
  ['memory', () => memory().documents],
]

let owners = 0
const pathOf = (id: string): string => `things/${documentId(id)}`

describe.each(drivers)('documents on %s', (_name, open) => {
  const started = async (...things: { id: string; at?: string; state?: string }[]) => {
    const documents = open()
    const of = `owner-${owners++}`
    for (const { id, ...fields } of things) await documents.create(pathOf(`${of}/${id}`), { of, more: [1], ...fields })
    const idsIn = async (query: (after?: string) => DocumentQuery): Promise<string[][]> => {
      const pages: string[][] = []
      let after: string | undefined
      do {
        const page = await documents.query(query(after))
        pages.push(page.documents.map(({ id }) => id.replace(`${of}/`, '')))
        after = page.next
      } while (after !== undefined)
      return pages
    }
    return { documents, of, idsIn }
  }
  const five = [
    { id: 'a', at: '2026-01-01', state: 'new' },
    { id: 'b', at: '2026-01-03', state: 'old' },
    { id: 'c 1', at: '2026-01-02', state: 'new' },
    // The same time: the id decides.
    { id: 'c.2', at: '2026-01-02', state: 'new' },
    { id: 'd', state: 'new' },
  ]

  it('are queried page by page in the order of the index, without those that lack its field', async () => {
    const { of, idsIn } = await started(...five)
    const newest = (after?: string): DocumentQuery =>
      documentQuery<Shop>({ from: 'things', where: { of }, orderBy: '-at', limit: 2, after })
    expect(await idsIn(newest)).toEqual([['b', 'c.2'], ['c 1', 'a'], []])
    const oldest = (after?: string): DocumentQuery =>
      documentQuery<Shop>({ from: 'things', where: { of }, orderBy: 'at', limit: 2, after })
    expect(await idsIn(oldest)).toEqual([['a', 'c 1'], ['c.2', 'b'], []])
    const ofState = (after?: string): DocumentQuery =>
      documentQuery<Shop>({ from: 'things', where: { of, state: 'new' }, orderBy: '-at', limit: 2, after })
    expect(await idsIn(ofState)).toEqual([['c.2', 'c 1'], ['a']])
    const bounded = (after?: string): DocumentQuery =>
      documentQuery<Shop>({
        from: 'things',
        where: { of },
        orderBy: '-at',
        atLeast: '2026-01-02',
        below: '2026-01-03',
        limit: 9,
        after,
      })
    expect(await idsIn(bounded)).toEqual([['c.2', 'c 1']])
  })

  it('are queried by one field alone, and by id', async () => {
    const { of, documents } = await started(...five)
    const all = await documents.query(
      documentQuery<Shop>({ from: 'things', where: {}, orderBy: '-at', limit: 100, fields: ['state'] }),
    )
    const own = all.documents.filter(({ id }) => id.startsWith(`${of}/`))
    const oldest = await documents.query(documentQuery<Shop>({ from: 'things', where: {}, orderBy: 'at', limit: 100 }))
    expect(oldest.documents.map(({ id }) => id).filter((id) => id.startsWith(`${of}/`))).toEqual(
      ['a', 'c 1', 'c.2', 'b'].map((id) => `${of}/${id}`),
    )
    expect(own).toHaveLength(4)
    // The selected fields, and the one of the order.
    expect(own[0]!.fields).toEqual({ state: 'old', at: '2026-01-03' })
    const byId = await documents.query(documentQuery<Shop>({ from: 'things', limit: 100 }))
    const ids = byId.documents.map(({ id }) => id).filter((id) => id.startsWith(`${of}/`))
    expect(ids).toEqual(['a', 'b', 'c 1', 'c.2', 'd'].map((id) => `${of}/${id}`))
    expect(byId.documents.find(({ id }) => id === `${of}/d`)!.fields).toEqual({ of, more: [1], state: 'new' })
  })

  it('that are added or deleted between two pages make no other document come twice or be left out', async () => {
    const { of, documents } = await started(...five)
    const query = { from: 'things', where: { of }, orderBy: '-at', limit: 2 } as const
    const first = await documents.query(documentQuery<Shop>(query))
    await documents.create(pathOf(`${of}/e`), { of, at: '2026-02-01' })
    await documents.delete(pathOf(`${of}/c.2`))
    const second = await documents.query(documentQuery<Shop>({ ...query, after: first.next }))
    expect(second.documents.map(({ id }) => id)).toEqual([`${of}/c 1`, `${of}/a`])
  })

  it('are deleted, also when they do not exist', async () => {
    const { of, documents } = await started({ id: 'a' })
    await documents.delete(pathOf(`${of}/a`))
    await documents.delete(pathOf(`${of}/a`))
    expect(await documents.get(pathOf(`${of}/a`))).toBeUndefined()
  })

  it.each([
    [[1, 3, 2], 3],
    [[3, 1, 3], 3],
    [[2], 2],
  ])('keep the highest of the numbers %j to which a field is raised', async (numbers, highest) => {
    const { of, documents } = await started()
    const path = pathOf(`${of}/raised`)
    for (const number of numbers) await documents.merge(path, { [`from${number}`]: true }, { raise: { state: number } })
    expect(await documents.get(path)).toEqual({
      state: highest,
      ...Object.fromEntries(numbers.map((number) => [`from${number}`, true])),
    })
  })
})
