/** The stored state of the platform: to assert that a test has changed nothing, and to read what it has. */

import { Firestore } from '@google-cloud/firestore'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { vi } from 'vitest'
import { getLocal } from '../../cli/local.ts'
import { databaseName } from '../../shared/base/names.ts'
import { sentIn, type Sent } from './sends.ts'
import type { Running } from '../../emulators/running.ts'

/** Products of emulators/seed.ts. */
const SEEDED = 4

export interface State {
  /** Equal before and after when nothing has changed: how often documents of each database were written or deleted, and every task. */
  all(): Promise<Record<string, string>>
  collection(service: string, collection: string): Promise<Record<string, unknown>[]>
  /** The send log: one entry for each event of which a customer was notified, under the id of its envelope. */
  sends(orderId?: string): Promise<readonly Sent[]>
  /** Waits until orders has the prices of the seed, and perhaps others, and no task is due; after that nothing changes by itself. */
  seeded(): Promise<void>
  /** Waits until no task is due: a task leaves its queue only after its last write was made and answered. */
  tasksDone(): Promise<void>
  readonly tasks: CloudTasksClient
  close(): Promise<void>
}

export function stateOf({ running }: { readonly running: Running }): State {
  const { projectId, apiHost } = running
  const [host, port] = apiHost.split(':')
  const databases = new Map<string, Firestore>()
  const database = (service: string): Firestore => {
    const known = databases.get(service)
    if (known) return known
    const made = new Firestore({
      projectId,
      databaseId: databaseName(service),
      host: apiHost,
      ssl: false,
      customHeaders: { Authorization: 'Bearer owner' },
    })
    databases.set(service, made)
    return made
  }
  const tasks = new CloudTasksClient({
    projectId,
    apiEndpoint: host!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  })
  /** To read all documents for each comparison would take longer than most tests. */
  const writes = async (): Promise<[string, string][]> =>
    Object.entries(await getLocal<Record<string, number>>(running, '/_local/counters'))
      .filter(([name]) => /^firestore\.document(Writes|Deletes)\./.test(name))
      .map(([name, count]) => [name, String(count)])
  const listed = async () => {
    const [queues] = await tasks.listQueues({ parent: tasks.locationPath(projectId, 'europe-west1') })
    const found = await Promise.all(queues.map(({ name }) => tasks.listTasks({ parent: name! })))
    return found.flatMap(([some]) => some)
  }
  const queued = async (): Promise<[string, string][]> => (await listed()).map(({ name }) => [name!, 'queued'])
  const collection: State['collection'] = async (service, name) => {
    const { docs } = await database(service).collection(name).get()
    return docs.map((one) => ({ id: one.id, ...one.data() }))
  }
  const tasksDone = async (): Promise<void> => {
    await vi.waitUntil(
      async () => (await listed()).every(({ scheduleTime }) => Number(scheduleTime!.seconds) * 1_000 > Date.now()),
      {
        timeout: 20_000,
      },
    )
  }
  return {
    tasks,
    collection,
    tasksDone,
    async sends(orderId) {
      const all = sentIn(await collection('notifications', 'sends'))
      return all.filter((one) => orderId === undefined || one.orderId === orderId)
    },
    async all() {
      return Object.fromEntries((await Promise.all([writes(), queued()])).flat())
    },
    async seeded() {
      await vi.waitUntil(async () => (await collection('orders', 'prices')).length >= SEEDED, { timeout: 20_000 })
      await tasksDone()
    },
    async close() {
      await tasks.close()
      await Promise.all([...databases.values()].map((one) => one.terminate()))
    },
  }
}
