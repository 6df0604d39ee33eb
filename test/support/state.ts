/** The stored state of the platform, read by the official clients, to assert that a test has changed nothing. */

import { Firestore } from '@google-cloud/firestore'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { vi } from 'vitest'
import { services } from '../../functions/index.ts'
import { databaseName } from '../../shared/base/names.ts'
import type { Running } from '../../emulators/running.ts'

/** Products of emulators/seed.ts. */
const SEEDED = 4

export interface State {
  /** Every document and task: its name → the time of its last write. */
  all(): Promise<Record<string, string>>
  collection(service: string, collection: string): Promise<Record<string, unknown>[]>
  /** Waits until orders has the prices of the seed and no task is due; after that nothing changes by itself. */
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
  const documents = services.flatMap(({ name, collections }) =>
    Object.keys(collections).map((collection) => ({ service: name, collection })),
  )
  const written = async ({ service, collection }: (typeof documents)[number]): Promise<[string, string][]> => {
    const { docs } = await database(service).collection(collection).get()
    return docs.map(({ ref, updateTime }) => [
      `${service}/${ref.path}`,
      `${updateTime.seconds}.${updateTime.nanoseconds}`,
    ])
  }
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
    async all() {
      const parts = await Promise.all([...documents.map(written), queued()])
      return Object.fromEntries(parts.flat())
    },
    async seeded() {
      await vi.waitUntil(async () => (await collection('orders', 'prices')).length === SEEDED, { timeout: 20_000 })
      await tasksDone()
    },
    async close() {
      await tasks.close()
      await Promise.all([...databases.values()].map((one) => one.terminate()))
    },
  }
}
