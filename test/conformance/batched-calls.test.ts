/** Reads and writes that come at once go in few calls: each has its own answer, and all leave what they would leave one by one. */

import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import { connectFirestore, creating, type FirestoreClient, replacing } from '../../shared/gcp/firestore-client.ts'
import { firestoreDocuments } from '../../shared/gcp/firestore-documents.ts'
import { firestoreStreams } from '../../shared/gcp/firestore-streams.ts'
import { type Fields, leafPaths, toFields } from '../../shared/gcp/firestore-values.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'
import type { DocumentStore } from '../../shared/service/platform.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }

let cloud: LocalCloud
let client: FirestoreClient
let store: DocumentStore<string>
beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [emulator], project })
  await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=tests`, { locationId: 'eur3' })
  client = await connectFirestore({
    projectId: project.id,
    databaseId: 'tests',
    address: cloud.ownerHost,
    backoff: async () => {},
  })
  store = firestoreDocuments({
    firestore: async () => client,
    lifetimes: lifetimesOf({}, Date.now),
    backoff: async () => {},
  })
})
afterAll(async () => {
  await client.close()
  await cloud.close()
})

let documents = 0
const fresh = (): string => `things/${documents++}`
const counted = async (kind: 'Writes' | 'Reads', act: () => Promise<unknown>): Promise<number> => {
  const counter = `firestore.document${kind}.tests`
  const before = cloud.counters()[counter] ?? 0
  await act()
  return (cloud.counters()[counter] ?? 0) - before
}
const outcomesOf = async (all: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(all)).map((one) =>
    one.status === 'fulfilled' ? one.value : { code: (one.reason as { code?: number }).code },
  )

describe('writes at once', () => {
  it('have their own preconditions and their own answers', async () => {
    const paths = Array.from({ length: 9 }, fresh)
    for (const path of paths.filter((_, index) => index % 3 === 0)) await store.create(path, { by: 'another' })
    expect(await Promise.all(paths.map((path) => store.create(path, { by: path })))).toEqual(
      paths.map((_, index) => index % 3 !== 0),
    )
    const read = await client.getAll(paths)
    expect(read.map((one) => one!.fields['by'])).toEqual(
      paths.map((path, index) => (index % 3 === 0 ? 'another' : path)),
    )
    // The update time in each answer is that of its own document.
    const change = (index: number, unchanged = read[index]!.unchanged) =>
      client.commit([replacing(client.nameOf(paths[index]!), { changed: index }, unchanged)])
    const [first, stale, third] = await outcomesOf([change(0), change(1, read[0]!.unchanged), change(2)])
    expect(stale).toEqual({ code: 9 })
    const again = await client.getAll(paths.slice(0, 3))
    expect(again.map((one) => one!.fields)).toEqual([{ changed: 0 }, { by: paths[1] }, { changed: 2 }])
    expect([first, third]).toEqual([[again[0]!.unchanged], [again[2]!.unchanged]])
  })

  it('of one document are made one after the other', async () => {
    const path = fresh()
    const name = client.nameOf(path)
    const outcomes = await outcomesOf([
      client.commit([creating(name, { a: 1 })]),
      client.commit([creating(name, { a: 2 })]),
      client.commit([{ delete: name }]),
      client.commit([creating(name, { a: 3 })]),
    ])
    expect(outcomes[1]).toEqual({ code: 6 })
    expect(await store.get(path)).toEqual({ a: 3 })
  })

  it.each(['before', 'after'] as const)('whose answer is lost %s they are made are made once', async (when) => {
    const streams = firestoreStreams(async () => client, lifetimesOf({}, Date.now))
    const ids = [0, 1, 2].map((index) => `lost-${when}-${index}`)
    const stored = await Promise.all(ids.map((id) => streams.load(id)))
    const fault = cloud.faults.add({
      principal: 'owner',
      method: 'google.firestore.v1.Firestore.BatchWrite',
      when,
      action: { error: 'UNAVAILABLE' },
    })
    const commit = { time: '', correlationId: '', actor: '', traceparent: '', events: [], commands: [] }
    const appended = await Promise.all(stored.map((one) => streams.append(one, { ...commit, cause: one.id })))
    await cloud.faults.whenFired(fault.id)
    // The client sent them again. Those that had been made lost the race, so that a service looks into the store.
    expect(appended.map((one) => one?.version)).toEqual(ids.map(() => (when === 'before' ? 1 : undefined)))
    const after = await Promise.all(ids.map((id) => streams.load(id)))
    expect(after.map(({ commits }) => commits.map(({ cause }) => cause))).toEqual(ids.map((id) => [id]))
  })

  it('fail alone where one of them is invalid', async () => {
    const [good, bad, other] = [fresh(), fresh(), fresh()]
    const large = 'x'.repeat(1_100_000)
    const outcomes = await outcomesOf([
      store.merge(good, { events: { a: 1 } }),
      store.merge(bad, { large }),
      store.merge(good, { large }),
      store.merge(other, { events: { b: 1 } }),
    ])
    expect(outcomes).toEqual([undefined, { code: 3 }, { code: 3 }, undefined])
    expect(await store.getAll([good, bad, other])).toEqual([{ events: { a: 1 } }, undefined, { events: { b: 1 } }])
  })
})

describe('merges of one document at once', () => {
  it('are one write', async () => {
    const path = fresh()
    const merge = (id: string, standing: number) =>
      store.merge(path, { orderId: 'o', events: { [id]: { type: id } } }, { raise: { standing } })
    expect(await counted('Writes', () => Promise.all([merge('a', 10), merge('b', 90), merge('c', 20)]))).toBe(1)
    expect(await store.get(path)).toEqual({
      orderId: 'o',
      events: { a: { type: 'a' }, b: { type: 'b' }, c: { type: 'c' } },
      standing: 90,
    })
  })

  it.each<[what: string, last: Fields, masked: string, left: object]>([
    ['deletes a field', {}, 'a', { b: 'b', c: { x: 1 } }],
    ['deletes a field of a map', {}, 'c.x', { a: 'a', b: 'b', c: {} }],
    ['replaces a map', { c: { y: 2 } }, 'c', { a: 'a', b: 'b', c: { y: 2 } }],
  ])('end as the last one has it where it %s', async (_, last, masked, left) => {
    const path = fresh()
    const name = client.nameOf(path)
    const merge = (fields: Fields, fieldPaths = leafPaths(fields)): Promise<unknown> =>
      client.commit([{ update: { name, fields: toFields(fields) }, updateMask: { fieldPaths } }])
    await Promise.all([merge({ a: 'a', c: { x: 1 } }), merge({ b: 'b' }), merge(last, [masked])])
    expect(await store.get(path)).toEqual(left)
  })

  it('leave what they leave one after the other', async () => {
    const name = fc.constantFrom('a', 'b', 'c.d', 'é')
    const leaf = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant([1]), fc.constant({}))
    const { map } = fc.letrec<{ map: Record<string, unknown> }>((tie) => ({
      map: fc.dictionary(name, fc.oneof({ depthSize: 'small' }, leaf, tie('map')), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    }))
    const raise = fc.dictionary(fc.constantFrom('high', 'a'), fc.integer({ min: 0, max: 9 }), {
      maxKeys: 2,
      noNullPrototype: true,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ map, raise }), { minLength: 2, maxLength: 5 }), async (merges) => {
        const [together, apart] = [fresh(), fresh()]
        const outcomes = await outcomesOf(merges.map((one) => store.merge(together, one.map, { raise: one.raise })))
        const each: unknown[] = []
        for (const one of merges) each.push(...(await outcomesOf([store.merge(apart, one.map, { raise: one.raise })])))
        expect(outcomes).toEqual(each)
        expect(await store.get(together)).toEqual(await store.get(apart))
      }),
      { numRuns: 150 },
    )
  })
})

describe('reads at once', () => {
  it('are of the documents asked for, in their order, those that are missing too', async () => {
    const [one, other] = [fresh(), fresh()]
    await store.create(one, { is: 'one' })
    await store.create(other, { is: 'other' })
    const reads = [[one], ['things/none'], [other, 'things/none', one], [other], []]
    const expected = reads.map((paths) =>
      paths.map((path) => (path === one ? { is: 'one' } : path === other ? { is: 'other' } : undefined)),
    )
    expect(await Promise.all(reads.map((paths) => store.getAll(paths)))).toEqual(expected)
  })

  it('read each document once', async () => {
    const path = fresh()
    await store.create(path, { a: 1 })
    // The first one is alone in its call.
    expect(await counted('Reads', () => Promise.all([1, 2, 3, 4].map(() => store.get(path))))).toBe(2)
  })

  it('see every write that was answered before', async () => {
    const path = fresh()
    await store.create(path, { count: 0 })
    const others = Array.from({ length: 20 }, () => store.get(path))
    for (let count = 1; count < 10; count++) {
      await store.merge(path, { count })
      expect(await store.get(path)).toEqual({ count })
    }
    await Promise.all(others)
  })
})
