/** Google's own unmodified client over the real port. */

import { FieldPath, FieldValue, Firestore, Timestamp, Filter, AggregateField } from '@google-cloud/firestore'
import { exec } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type LocalCloud, createLocalCloud } from '../core/local-cloud.ts'
import { firestore } from './plugin.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const dataDir = mkdtempSync(join(tmpdir(), 'firestore-'))
const clients: Firestore[] = []
let cloud: LocalCloud
let collections = 0

const start = async (): Promise<void> => {
  cloud = await createLocalCloud({ plugins: [firestore], project, dataDir })
}
const stop = async (): Promise<void> => {
  for (const client of clients.splice(0)) await client.terminate()
  await cloud.close()
}

function connect(databaseId = 'orders'): Firestore {
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', cloud.ownerHost)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  const client = new Firestore({ projectId: project.id, databaseId })
  clients.push(client)
  return client
}

const fresh = (client: Firestore) => client.collection(`c${collections++}`)

beforeAll(async () => {
  await start()
  for (const id of ['orders', 'payments'])
    await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=${id}`, { locationId: 'eur3' })
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  await stop()
  rmSync(dataDir, { recursive: true })
})

test('set, create, update and delete work, with their preconditions', async () => {
  const client = connect()
  const document = fresh(client).doc('1')
  const data = {
    text: 'é',
    whole: 3,
    half: 0.5,
    yes: true,
    nothing: null,
    list: [1, { a: 'b' }],
    map: { 'a.b': 1 },
    bytes: Buffer.from([1]),
    at: Timestamp.fromMillis(5),
    ref: document,
  }
  await document.create(data)
  expect((await document.get()).data()).toEqual(data)
  await expect(document.create({})).rejects.toMatchObject({ code: 6 })
  const { updateTime } = await document.get()
  const { writeTime } = await document.update(
    { 'map.c': 2, text: FieldValue.delete() },
    { lastUpdateTime: updateTime! },
  )
  expect(writeTime.valueOf() > updateTime!.valueOf()).toBe(true)
  await expect(document.update({ text: 'x' }, { lastUpdateTime: updateTime! })).rejects.toMatchObject({ code: 9 })
  expect((await document.get()).get('map')).toEqual({ 'a.b': 1, c: 2 })
  await document.set(
    { list: FieldValue.arrayUnion(1, 2), n: FieldValue.increment(1.5), at: FieldValue.serverTimestamp() },
    { merge: true },
  )
  const merged = (await document.get()).data()!
  expect([merged.list, merged.n, merged.at instanceof Timestamp, merged.whole]).toEqual([
    [1, { a: 'b' }, 2],
    1.5,
    true,
    3,
  ])
  await document.delete()
  expect((await document.get()).exists).toBe(false)
  await expect(document.update({ a: 1 })).rejects.toMatchObject({ code: 5 })
  await expect(document.delete({ exists: true })).rejects.toMatchObject({ code: 5 })
})

test('a batch is written as a whole or not at all, a bulk writer writes one by one', async () => {
  const client = connect()
  const collection = fresh(client)
  await collection.doc('there').set({})
  await expect(
    client.batch().set(collection.doc('new'), {}).create(collection.doc('there'), {}).commit(),
  ).rejects.toMatchObject({ code: 6 })
  expect((await collection.doc('new').get()).exists).toBe(false)
  const writer = client.bulkWriter()
  const refused = expect(writer.create(collection.doc('there'), {})).rejects.toMatchObject({ code: 6 })
  void writer.set(collection.doc('new'), { n: 1 })
  await writer.close()
  await refused
  expect((await collection.doc('new').get()).data()).toEqual({ n: 1 })
})

test('a hundred concurrent increments add up to a hundred', async () => {
  const client = connect()
  const document = fresh(client).doc('counter')
  await document.set({ n: 0 })
  const increment = () =>
    client.runTransaction(async (transaction) => {
      const { n } = (await transaction.get(document)).data() as { n: number }
      transaction.update(document, { n: n + 1 })
    })
  await Promise.all(Array.from({ length: 100 }, increment))
  expect((await document.get()).get('n')).toBe(100)
})

test('transfers over several documents in opposed orders neither deadlock nor lose money', async () => {
  const client = connect()
  const accounts = ['a', 'b', 'c'].map((id) => clientDocument(client, id))
  for (const account of accounts) await account.set({ n: 100 })
  const transfer = (from: number, to: number) =>
    client.runTransaction(async (transaction) => {
      const [source, target] = await transaction.getAll(accounts[from]!, accounts[to]!)
      const third = await transaction.get(accounts[3 - from - to]!)
      transaction.update(accounts[from]!, { n: source!.get('n') - 1 })
      transaction.update(accounts[to]!, { n: target!.get('n') + 1 })
      transaction.update(third.ref, { n: third.get('n') })
    })
  await Promise.all(
    [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 1],
      [0, 2],
      [2, 0],
      [0, 1],
      [1, 2],
      [2, 0],
    ].map(([from, to]) => transfer(from!, to!)),
  )
  const numbers = await client.getAll(...accounts)
  expect(numbers.map((one) => one.get('n'))).toEqual([99, 100, 101].map(() => expect.any(Number)))
  expect(numbers.reduce((sum, one) => sum + one.get('n'), 0)).toBe(300)
})
const clientDocument = (client: Firestore, id: string) => client.collection('accounts').doc(id)

test('transactions can query, be read-only, and roll back', async () => {
  const client = connect()
  const collection = fresh(client)
  await collection.doc('1').set({ n: 1 })
  const found = await client.runTransaction(async (transaction) => {
    const { docs } = await transaction.get(collection.where('n', '==', 1))
    transaction.set(collection.doc('2'), { n: docs.length + 1 })
    return docs.length
  })
  expect(found).toBe(1)
  expect((await client.runTransaction((transaction) => transaction.get(collection), { readOnly: true })).size).toBe(2)
  await expect(
    client.runTransaction(async (transaction) => {
      await transaction.get(collection.doc('1'))
      throw new Error('changed my mind')
    }),
  ).rejects.toThrow('changed my mind')
  await collection.doc('1').set({ n: 5 })
})

test('queries of the client return the documents that match', async () => {
  const client = connect()
  const collection = fresh(client)
  const batch = client.batch()
  for (const [at, tags] of [['a'], ['b', 'a'], [], ['c'], ['b']].entries())
    batch.set(collection.doc(`d${at}`), { n: at, even: at % 2 === 0, tags })
  await batch.commit()
  const ids = async (query: FirebaseFirestore.Query): Promise<string[]> => (await query.get()).docs.map(({ id }) => id)
  expect(await ids(collection.where('even', '==', true))).toEqual(['d0', 'd2', 'd4'])
  expect(await ids(collection.orderBy('n').limitToLast(2))).toEqual(['d3', 'd4'])
  expect(await ids(collection.orderBy('n', 'desc').startAfter(3).limit(2))).toEqual(['d2', 'd1'])
  expect(await ids(collection.orderBy('n').startAfter(await collection.doc('d2').get()))).toEqual(['d3', 'd4'])
  expect(await ids(collection.where('tags', 'array-contains-any', ['b', 'c']))).toEqual(['d1', 'd3', 'd4'])
  expect(await ids(collection.where(Filter.or(Filter.where('n', '==', 4), Filter.where('n', 'in', [0, 1]))))).toEqual([
    'd0',
    'd1',
    'd4',
  ])
  expect(await ids(collection.where('n', 'not-in', [0, 1]).offset(1))).toEqual(['d3', 'd4'])
  expect((await collection.select('n').get()).docs[1]!.data()).toEqual({ n: 1 })
  expect((await collection.count().get()).data().count).toBe(5)
  expect(
    (await collection.aggregate({ sum: AggregateField.sum('n'), average: AggregateField.average('n') }).get()).data(),
  ).toEqual({ sum: 10, average: 2 })
  await collection.doc('ghost').collection('sub').doc('x').set({})
  expect((await collection.listDocuments()).map(({ id }) => id)).toContain('ghost')
  expect((await collection.doc('ghost').listCollections()).map(({ id }) => id)).toEqual(['sub'])
  expect(await ids(client.collectionGroup('sub'))).toEqual(['x'])
  await client.recursiveDelete(collection)
  expect((await collection.get()).empty).toBe(true)
})

test('snapshots follow a query and a document', async () => {
  const collection = fresh(connect())
  const seen: string[][] = []
  const changed = Promise.withResolvers<void>()
  const stop = collection
    .where('n', '>', 0)
    .orderBy('n')
    .limit(2)
    .onSnapshot((snapshot) => {
      seen.push(snapshot.docs.map(({ id }) => id))
      if (seen.at(-1)!.join() === 'b,c') changed.resolve()
      else if (seen.length === 1) void fill()
    }, changed.reject)
  const fill = async (): Promise<void> => {
    await collection.doc('c').set({ n: 3 })
    await collection.doc('a').set({ n: 1 })
    await collection.doc('b').set({ n: 2 })
    await collection.doc('a').delete()
  }
  await changed.promise
  stop()
  expect(seen[0]).toEqual([])
  const gone = Promise.withResolvers<void>()
  const stopDocument = collection.doc('b').onSnapshot((snapshot) => {
    if (snapshot.exists) void collection.doc('b').delete()
    else gone.resolve()
  }, gone.reject)
  await gone.promise
  stopDocument()
})

/** Runs the remedy that a message names, as a reader of the message would. */
async function follow({ message }: Error): Promise<void> {
  const call = /curl .+?(?= \(collection| To answer|$)/.exec(message)?.[0]
  expect(message).not.toContain('google.com')
  await promisify(exec)(`${call} --fail`)
}

const failureOf = async (reading: Promise<unknown>): Promise<Error & { code: number }> =>
  reading.then(
    () => Promise.reject(new Error('not refused')),
    (error) => error,
  )

test('a missing composite index is named in the error, and the call in it creates the index', async () => {
  const collection = fresh(connect())
  const query = collection.where('a', '==', 1).orderBy('b')
  const failure = await failureOf(query.get())
  expect(failure).toMatchObject({
    code: 9,
    message: expect.stringContaining('The query requires an index. You can create it here: curl '),
  })
  expect(failure.message).toContain(
    "start the local cloud with --warn-indexes where a command starts it alone, or in a program of your own make the plugin by createFirestore({ indexes: 'warn' }).",
  )
  await follow(failure)
  expect((await query.get()).empty).toBe(true)
})

test('a missing index of a single field is created by the call in the error, and the others of the field stay', async () => {
  const client = connect()
  const collection = fresh(client)
  await collection.doc('1').set({ a: 1 })
  const group = client.collectionGroup(collection.id).where('a', '==', 1)
  const failure = await failureOf(group.get())
  expect(failure.message).toContain('The query requires a COLLECTION_GROUP_ASC index for collection')
  await follow(failure)
  expect((await group.get()).size).toBe(1)
  expect((await collection.orderBy('a', 'desc').get()).size).toBe(1)
})

test('databases share no documents, and an unknown database is created by the call in the error', async () => {
  await connect('payments').doc('apart/1').set({})
  expect((await connect().doc('apart/1').get()).exists).toBe(false)
  const nowhere = connect('nowhere')
  const failure = await failureOf(nowhere.doc('a/1').set({}))
  expect(failure).toMatchObject({
    code: 5,
    message: expect.stringContaining('The database nowhere does not exist for project demo-local.'),
  })
  await follow(failure)
  await nowhere.doc('a/1').set({})
})

test('a listener on a database that does not exist ends with NOT_FOUND', async () => {
  const ended = Promise.withResolvers<Error>()
  connect('absent')
    .collection('a')
    .onSnapshot(() => ended.reject(new Error('a snapshot')), ended.resolve)
  expect((await ended.promise).message).toMatch(/^Error 5: The database absent does not exist for project demo-local\./)
})

test('operations are counted per database', async () => {
  const client = connect('payments')
  const collection = fresh(client)
  cloud.resetCounters()
  await collection.doc('1').set({})
  await collection.doc('1').get()
  await collection.get()
  await collection.doc('1').delete()
  expect(cloud.counters()).toMatchObject({
    'firestore.documentWrites.payments': 1,
    'firestore.documentReads.payments': 2,
    'firestore.documentDeletes.payments': 1,
  })
})

test('acknowledged writes survive a restart', async () => {
  await connect().doc('kept/1').set({ n: 1 })
  await stop()
  await start()
  expect((await connect().doc('kept/1').get()).data()).toEqual({ n: 1 })
})

test('numeric ids of imported documents are taken, and sort by their number before all others', async () => {
  const client = connect()
  const collection = fresh(client)
  const sorted = [
    '__id-9223372036854775808__',
    '__id-2__',
    '__id7__',
    '__id12__',
    '__id9223372036854775807__',
    '12',
    '7',
    'A',
    '__id',
    '__id1_',
    '_id1__',
  ]
  for (const id of sorted.toReversed()) await collection.doc(id).set({})
  await collection.doc('__id7__/c/x').set({})
  const ids = async (query: FirebaseFirestore.Query): Promise<string[]> => (await query.get()).docs.map(({ id }) => id)
  expect(await ids(collection)).toEqual(sorted)
  expect(await ids(collection.orderBy(FieldPath.documentId()).startAfter('__id7__').limit(2))).toEqual(
    sorted.slice(3, 5),
  )
  expect((await collection.listDocuments()).map(({ id }) => id)).toEqual(sorted)
  for (const id of ['__id9223372036854775808__', '__idx__', '__other__'])
    await expect(collection.doc(id).set({})).rejects.toThrow(`Resource id "${id}" is invalid because it is reserved.`)
  await expect(client.collection('__id7__').doc('1').set({})).rejects.toThrow('reserved')
})

test('by REST, documents are created, listed and read at the root and in subcollections', async () => {
  const root = `/v1/projects/${project.id}/databases/orders/documents`
  const fields = { n: { integerValue: '1' } }
  for (const at of ['rest', 'rest/1/inner', 'rest/1/inner/2/deep', 'rest/missing/inner']) {
    const named = await cloud.api('POST', `${root}/${at}?documentId=2`, { fields })
    expect(named).toMatchObject({ name: expect.stringMatching(new RegExp(`/documents/${at}/2$`)), fields })
    const { name } = (await cloud.api('POST', `${root}/${at}`, { fields })) as { name: string }
    expect(name).toMatch(new RegExp(`/documents/${at}/[A-Za-z0-9]{20}$`))
    expect(await cloud.api('GET', `/v1/${name}`)).toMatchObject({ name, fields })
    expect(((await cloud.api('GET', `${root}/${at}`)) as { documents: object[] }).documents).toHaveLength(2)
  }
  const page = (await cloud.api('GET', `${root}/rest/1/inner?pageSize=1&mask.fieldPaths=x`)) as Record<string, unknown>
  expect(page).toMatchObject({ documents: [{ name: expect.stringContaining('/rest/1/inner/') }] })
  expect(page['nextPageToken']).toBeTruthy()
  expect(await cloud.api('POST', `${root}:listCollectionIds`, {})).toMatchObject({
    collectionIds: expect.arrayContaining(['rest']),
  })
  expect(await cloud.api('POST', `${root}/rest/1:listCollectionIds`, {})).toMatchObject({ collectionIds: ['inner'] })
  expect(await cloud.api('GET', `${root}/rest?showMissing=true`)).toMatchObject({
    documents: expect.arrayContaining([{ name: expect.stringMatching(/\/rest\/missing$/) }]),
  })
  await expect(cloud.api('GET', `${root}/rest/none`)).rejects.toMatchObject({ httpStatus: 404 })
  await cloud.api('DELETE', `${root}/rest/1/inner/2`)
  await expect(cloud.api('GET', `${root}/rest/1/inner/2`)).rejects.toMatchObject({ httpStatus: 404 })
})
