/** The services' Firestore client beside Google's own, on one database: each reads what the other wrote, and both merge alike. */

import { Firestore, Timestamp } from '@google-cloud/firestore'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import {
  connectFirestore,
  creating,
  type FirestoreClient,
  type FirestoreTransaction,
  replacing,
} from '../../shared/gcp/firestore-client.ts'
import { firestoreDocuments } from '../../shared/gcp/firestore-documents.ts'
import { toFields } from '../../shared/gcp/firestore-values.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }

let cloud: LocalCloud
let google: Firestore
let ours: FirestoreClient
const connect = (databaseId: string): Promise<FirestoreClient> =>
  connectFirestore({ projectId: project.id, databaseId, address: cloud.ownerHost, backoff: async () => {} })

beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [emulator], project })
  await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=tests`, { locationId: 'eur3' })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', cloud.ownerHost)
  google = new Firestore({ projectId: project.id, databaseId: 'tests', ignoreUndefinedProperties: true })
  ours = await connect('tests')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await google.terminate()
  await ours.close()
  await cloud.close()
})

/** Names that Firestore takes: no __x__. */
const name = fc.oneof(
  fc.constantFrom('a', 'b.c', 'with space', '`', '\\', 'a`b\\', 'ünï', '1st', '_x', 'toString', 'constructor', '😀'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => !/^__.*__$/.test(text)),
)
const scalar = fc.oneof(
  fc.constantFrom(null, true, false, '', 0, -0, 1.5, 1e300, -(2 ** 53) + 1, 2 ** 53, new Date(-1), new Date(1_767e9)),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.string({ unit: 'grapheme' }),
)
const { fields } = fc.letrec<{ value: unknown; fields: Record<string, unknown>; list: unknown[] }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, tie('list'), tie('fields')),
  fields: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  // Firestore has no list in a list.
  list: fc.array(fc.oneof(scalar, tie('fields')), { maxLength: 3 }),
}))

/** Times of Google's client as dates. */
const plain = (value: unknown): unknown => {
  if (value instanceof Timestamp) return value.toDate()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
  return value
}
let documents = 0
const fresh = (): string => `things/${documents++}`

describe('a document', () => {
  it('of any values that is written by one is read by the other', async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (written) => {
        const [byUs, byGoogle] = [fresh(), fresh()]
        await Promise.all([ours.commit([creating(ours.nameOf(byUs), written)]), google.doc(byGoogle).create(written)])
        const [read, both] = await Promise.all([google.doc(byUs).get(), ours.getAll([byGoogle, byUs])])
        expect(plain(read.data())).toEqual(written)
        expect(both.map((one) => one!.fields)).toEqual([written, written])
        expect((await ours.getAll([byUs]))[0]!.fields).toEqual(written)
      }),
      { numRuns: 60 },
    )
  })

  it('that is merged has the same fields by both', async () => {
    const store = firestoreDocuments({
      firestore: async () => ours,
      lifetimes: lifetimesOf({}, Date.now),
      backoff: async () => {},
    })
    await fc.assert(
      fc.asyncProperty(fields, fields, async (before, merged) => {
        const [byUs, byGoogle] = [fresh(), fresh()]
        await Promise.all([google.doc(byUs).create(before), google.doc(byGoogle).create(before)])
        await Promise.all([store.merge(byUs, merged), google.doc(byGoogle).set(merged, { merge: true })])
        const [one, other] = await google.getAll(google.doc(byUs), google.doc(byGoogle))
        expect(plain(one!.data())).toEqual(plain(other!.data()))
      }),
      {
        numRuns: 60,
        examples: [
          [{ a: { b: 1, c: { d: 1 } } }, { a: { e: 2, c: {} } }],
          [{ 'a.b': 1, a: { b: 1 } }, { 'a.b': { c: 2 } }],
        ],
      },
    )
  })

  it('has no field without a value', async () => {
    const path = fresh()
    await ours.commit([
      creating(ours.nameOf(path), { kept: 1, left: undefined, list: [1, undefined], in: { x: undefined } }),
    ])
    expect((await google.doc(path).get()).data()).toEqual({ kept: 1, list: [1], in: {} })
  })

  it.each([
    ['a Map', new Map()],
    ['a function', () => {}],
    ['a bigint', 1n],
    ['a Timestamp', Timestamp.now()],
  ])('of %s is refused by name', (_, value) => {
    expect(() => toFields({ value })).toThrow(/^A document does not hold (a )?(Map|function|bigint|Timestamp): /)
  })

  it('that does not exist is undefined, alone and among others, and in the place of its path', async () => {
    const path = fresh()
    await ours.commit([creating(ours.nameOf(path), { a: 1 })])
    expect(await ours.getAll(['things/none'])).toEqual([undefined])
    const read = await ours.getAll(['things/none', path, 'things/none', path])
    expect(read.map((one) => one?.fields)).toEqual([undefined, { a: 1 }, undefined, { a: 1 }])
  })
})

it('a database that does not exist is an error, and no missing document', async () => {
  const lost = await connect('lost')
  await expect(lost.getAll(['things/1'])).rejects.toThrow(/The database lost does not exist/)
  await expect(lost.getAll(['things/1', 'things/2'])).rejects.toThrow(/The database lost does not exist/)
  await lost.close()
})

describe('a transaction', () => {
  /** One more than the document has. */
  const increment =
    (path: string, read = async (): Promise<void> => {}) =>
    async (transaction: FirestoreTransaction): Promise<number> => {
      const [document] = await transaction.getAll([path])
      const next = Number(document?.fields['count'] ?? 0) + 1
      await read()
      transaction.write(replacing(ours.nameOf(path), { count: next }))
      return next
    }

  it('loses no write of another, whatever its order', async () => {
    const path = fresh()
    const counts = await Promise.all(Array.from({ length: 8 }, () => ours.transact(increment(path))))
    expect(counts.toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect((await google.doc(path).get()).data()).toEqual({ count: 8 })
  })

  it('that fails writes nothing, runs once, and gives its locks back', async () => {
    const path = fresh()
    let runs = 0
    const failing = ours.transact(
      increment(path, async () => {
        runs += 1
        throw new Error('refused')
      }),
    )
    await expect(failing).rejects.toThrow('refused')
    expect(runs).toBe(1)
    // A write that waited for its lock would end with the lock's time.
    await google.doc(path).create({ count: 7 })
    expect(await ours.transact(increment(path))).toBe(8)
  })

  it('reads a second document under the same locks', async () => {
    const [one, other] = [fresh(), fresh()]
    await ours.commit([one, other].map((path) => creating(ours.nameOf(path), { count: 1 })))
    const moved = (from: string, to: string) =>
      ours.transact(async (transaction) => {
        const [source] = await transaction.getAll([from])
        const [target] = await transaction.getAll([to])
        const sum = Number(source!.fields['count']) + Number(target!.fields['count'])
        transaction.write(replacing(ours.nameOf(from), { count: 0 }))
        transaction.write(replacing(ours.nameOf(to), { count: sum }))
      })
    await Promise.all([moved(one, other), moved(other, one)])
    const both = await ours.getAll([one, other])
    expect(new Set(both.map((document) => document!.fields['count']))).toEqual(new Set([0, 2]))
  })
})
