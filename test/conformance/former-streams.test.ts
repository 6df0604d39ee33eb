/** Documents of streams as earlier releases wrote them, in Firestore: each cause is recognised after any number of commits. */

import type { Message } from '../../shared/contracts/message.ts'
import { Firestore } from '@google-cloud/firestore'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { documentId } from '../../shared/base/ids.ts'
import { connectFirestore, type FirestoreClient } from '../../shared/gcp/firestore-client.ts'
import { firestoreStreams } from '../../shared/gcp/firestore-streams.ts'
import { addressing } from '../../shared/messaging/outgoing.ts'
import { MAX_RECENT_COMMITS } from '../../shared/messaging/stream-store.ts'
import { createStreams } from '../../shared/messaging/streams.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const contracts = defineContracts({
  service: 'tests',
  events: { 'price.set': { version: 1, data: z.object({ to: z.int() }), example: { to: 1 } } },
  commands: {},
})

let cloud: LocalCloud
/** Google's own client writes what a former release left. */
let client: Firestore
let services: FirestoreClient
beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [emulator], project })
  await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=tests`, { locationId: 'eur3' })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', cloud.ownerHost)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  client = new Firestore({ projectId: project.id, databaseId: 'tests' })
  services = await connectFirestore({
    projectId: project.id,
    databaseId: 'tests',
    address: cloud.ownerHost,
    backoff: async () => {},
  })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await client.terminate()
  await services.close()
  await cloud.close()
})

const setPrice = (to: number) => message('SetPrice', { to }, { key: to })

/** Frozen: a commit as it is in a stream's document. */
const recorded = (to: number): string =>
  `{"cause":"${setPrice(to).id}","time":"2026-11-26T08:00:00.000Z","correlationId":"TEA-001","actor":"staff:jo","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","events":[{"id":"00000000-0000-8000-8000-${String(to).padStart(12, '0')}","type":"price.set","version":1,"sequence":${to},"data":{"to":${to}}}],"commands":[]}`

const causes = [1, 2].map((to) => setPrice(to).id)
/** Frozen: what is stored beside the commits, in the head, in the first chunk and as the snapshot. */
const former: Readonly<Record<string, { readonly head: object; readonly first: object; readonly snapshot?: object }>> =
  {
    'from before there were causes': { head: {}, first: {} },
    'to which a release without causes has written again': {
      head: { sequence: 2 },
      first: { causes },
      snapshot: { to: 2, streamVersion: 2 },
    },
  }

it.each(Object.entries(former))('a stream %s recognises each cause', async (name, { head, first, snapshot }) => {
  const id = documentId(name)
  const stream = client.doc(`streams/${id}`)
  const chunk = (index: number) => stream.collection('chunks').doc(String(index))
  await stream.set({ version: 5, entries: [recorded(5)], chunks: 2, ...head })
  await chunk(0).set({ entries: [recorded(1), recorded(2)], ...first })
  await chunk(1).set({ entries: [recorded(3), recorded(4)] })
  if (snapshot) await client.doc(`prices/${id}`).set(snapshot)

  const published: string[] = []
  const streams = createStreams({
    service: 'tests',
    contracts,
    uses: [],
    address: addressing({ name: 'tests', contracts, uses: [], sends: [], requestsRepublishFrom: [] }),
    store: firestoreStreams(async () => services, lifetimesOf({}, Date.now)),
    now: () => Date.parse('2026-11-28T08:00:00.000Z'),
    publish: async (events) => void published.push(...events.map(({ id, sequence }) => `${sequence} ${id}`)),
    send: async () => {},
    backoff: async () => {},
  })
  const set = async (to: number) =>
    streams.handle<Message>(setPrice(to), await streams.readRecent(name, `prices/${id}`), () => ({
      events: [{ type: 'price.set', data: { to } }],
      commands: [],
      companion: { to },
    }))
  const redelivered = async () => {
    published.length = 0
    for (const to of [1, 2, 3, 4, 5]) await set(to)
    return published
  }
  const asRecorded = [1, 2, 3, 4, 5].map((n) => `${n} 00000000-0000-8000-8000-${String(n).padStart(12, '0')}`)

  expect(await redelivered()).toEqual(asRecorded)
  await set(6)
  expect(await redelivered()).toEqual(asRecorded)
  const last = 5 + MAX_RECENT_COMMITS
  for (let to = 7; to <= last; to++) await set(to)
  const recent = await streams.readRecent(name, `prices/${id}`)
  expect(recent.events.length).toBeLessThanOrEqual(MAX_RECENT_COMMITS)
  expect(await redelivered()).toEqual(asRecorded)
  const whole = await streams.read(name)
  expect(whole.events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: last }, (_, index) => index + 1))
})
