/** Documents with a lifetime, from the declaration in a service to their deletion by Firestore. */

import type { Message } from '../../shared/contracts/message.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { virtualClock } from 'local-google-cloud/host'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import { services } from '../../functions/index.ts'
import { connectFirestore, type FirestoreClient } from '../../shared/gcp/firestore-client.ts'
import { firestoreStreams } from '../../shared/gcp/firestore-streams.ts'
import { firestoreDocuments } from '../../shared/gcp/firestore-documents.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'
import { createStreams } from '../../shared/messaging/streams.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { root } from '../support/root.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const DAY_MS = 24 * 3_600_000
const clock = virtualClock()
const collections = { keys: { keptForDays: 10 }, shards: {} }

let cloud: LocalCloud
let client: FirestoreClient
beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [emulator], project, clock })
  await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=tests`, { locationId: 'eur3' })
  const field = `/v1/projects/${project.id}/databases/tests/collectionGroups/keys/fields/expireAt`
  await cloud.api('PATCH', `${field}?updateMask=ttlConfig`, { ttlConfig: {} })
  client = await connectFirestore({
    projectId: project.id,
    databaseId: 'tests',
    address: cloud.ownerHost,
    backoff: async () => {},
  })
})
afterAll(async () => {
  await client.close()
  await cloud.close()
})

const parts = { firestore: async () => client, lifetimes: lifetimesOf(collections, clock.now), backoff: async () => {} }
const documents = firestoreDocuments(parts)
const written = { version: 1, data: z.strictObject({}), example: {} }
const streams = createStreams({
  service: 'tests',
  contracts: { service: 'tests', events: {}, recorded: { written }, commands: {} },
  uses: [],
  address: () => {
    throw new Error('No command is sent.')
  },
  store: firestoreStreams(parts.firestore, parts.lifetimes),
  now: clock.now,
  publish: async () => {},
  send: async () => {},
  backoff: parts.backoff,
})

/** All ways in which a service writes a document. */
const writers: [string, (path: string, fields: Record<string, unknown>) => Promise<unknown>][] = [
  ['created', (path, fields) => documents.create(path, fields)],
  ['merged', (path, fields) => documents.merge(path, fields)],
  ['updated', (path, fields) => documents.update(path, () => fields)],
  [
    'written in a transaction',
    (path, fields) =>
      streams.transact<Message>(message('Write', {}, { key: path }), `of ${path}`, async (_stream, documents) => {
        documents.set(path, fields)
        return { events: [{ type: 'written', data: {} }], commands: [] }
      }),
  ],
  [
    'written as a companion',
    async (path, fields) => {
      const stream = await streams.read(`of ${path}`, path)
      const decided = { events: [{ type: 'written', data: {} }], commands: [], companion: fields }
      return streams.handle<Message>(message('Write', {}, { key: path }), stream, () => decided)
    },
  ],
]

describe.each(writers)('a document that was %s', (name, write) => {
  const id = name.replaceAll(' ', '-')

  it('is read as it was written, and deleted after its lifetime', async () => {
    await write(`keys/${id}`, { hash: 'a' })
    expect(await documents.get(`keys/${id}`)).toEqual({ hash: 'a' })
    expect((await streams.read('another', `keys/${id}`)).companion).toEqual({ hash: 'a' })
    await clock.advance(10 * DAY_MS - 3_600_000)
    expect(await documents.get(`keys/${id}`)).toEqual({ hash: 'a' })
    await clock.advance(2 * 3_600_000)
    expect(await documents.get(`keys/${id}`)).toBeUndefined()
  })

  it('stays in a collection without a lifetime', async () => {
    await write(`shards/${id}`, { onHand: 1 })
    await clock.advance(40 * DAY_MS)
    expect(await documents.get(`shards/${id}`)).toEqual({ onHand: 1 })
  })
})

it('each write restarts the lifetime', async () => {
  await documents.merge('keys/again', { a: 1 })
  await clock.advance(6 * DAY_MS)
  await documents.merge('keys/again', { b: 2 })
  await clock.advance(6 * DAY_MS)
  expect(await documents.get('keys/again')).toEqual({ a: 1, b: 2 })
  await documents.update('keys/again', (fields) => ({ ...fields, a: 3 }))
  await clock.advance(6 * DAY_MS)
  expect(await documents.get('keys/again')).toEqual({ a: 3, b: 2 })
})

it('no stream has a lifetime, since only streams hold the facts', () => {
  for (const { name, collections: declared } of services)
    expect(declared['streams']?.keptForDays, `streams of ${name}`).toBeUndefined()
})

it('each collection has the lifetime that the Retention table of docs/operations.md has for it, or a reason to be kept for ever', () => {
  const [, section] = readFileSync(join(root, 'docs/operations.md'), 'utf8').split('\n## Retention\n\n')
  const kept = section!
    .split('\n\n')[0]!
    .matchAll(/^\| (.*`.*) +\| (for ever: \w.+|(\d+) days after the last write\b.*) \|$/gm)
  const promised = [...kept].flatMap(([, data, , days]) =>
    [...data!.matchAll(/`(\w+)`/g)].map(([, collection]) => [
      collection!,
      days === undefined ? 'for ever' : Number(days),
    ]),
  )
  const declared = services.flatMap(({ collections: all }) =>
    Object.entries(all).map(([collection, { keptForDays = 'for ever' }]) => [collection, keptForDays]),
  )
  const different = (rows: readonly unknown[][]): unknown[] =>
    [...new Set(rows.map((row) => row.join(': ')))].toSorted()
  expect(different(declared)).toEqual(promised.map((row) => row.join(': ')).toSorted())
})
