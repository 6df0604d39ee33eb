/** Firestore without a transport, for tests: virtual clock, a journal that can be reopened, counted bills. */

import type { FirestoreCore } from './database.ts'
import type { GrpcService, RequestContext } from '../core/service.ts'
import type { VirtualClock } from '../core/clock.ts'
import { fakeContext, type FakeContext, type FakeContextOptions } from '../core/fake-context.testing.ts'
import type { Journal } from '../core/journal.ts'
import { type FirestoreOptions, createCore } from './core.ts'
import { services } from './services.ts'

export const DATABASE = 'projects/p/databases/orders'
export const ROOT = `${DATABASE}/documents`

export interface FakeCloud {
  readonly clock: VirtualClock
  readonly core: FirestoreCore
  readonly counts: Map<string, number>
  readonly journal: Journal
  /** Of the journal, with `onDisk`. */
  readonly directory: string | undefined
  /** A method of the data service. */
  // oxlint-disable-next-line typescript/no-explicit-any
  call(method: string, request: object, context?: RequestContext): Promise<any>
  // oxlint-disable-next-line typescript/no-explicit-any
  admin(method: string, request: object): Promise<any>
  /** Every response of a streaming method. */
  // oxlint-disable-next-line typescript/no-explicit-any
  stream(method: string, request: object): Promise<any[]>
  /** Kills the process and starts it again with the journal. */
  killed(): FakeCloud
}

export type FakeOptions = FirestoreOptions & Pick<FakeContextOptions, 'onDisk'>

export const fakeCloud = (options: FakeOptions = {}): FakeCloud => startCloud(fakeContext(options), options)

function startCloud(
  { context, clock, counts, journal, directory, restarted }: FakeContext,
  options: FakeOptions,
): FakeCloud {
  const core = createCore(context, options)
  const [data, administration] = services(core) as [GrpcService, GrpcService]
  return {
    clock,
    core,
    counts,
    journal,
    directory,
    call: async (method, request, requestContext = owner()) => data.unary?.[method]?.(request, requestContext),
    admin: async (method, request) => administration.unary?.[method]?.(request, owner()),
    async stream(method, request) {
      const responses: unknown[] = []
      await data.streaming?.[method]?.(once(request), (response) => void responses.push(response), owner())
      return responses
    },
    killed() {
      core.close()
      return startCloud(restarted(), options)
    },
  }
}

/** With the database that the tests use. */
export async function cloudWithDatabase(options: FakeOptions = {}, settings: object = {}): Promise<FakeCloud> {
  const cloud = fakeCloud(options)
  const database = { locationId: 'eur3', ...settings }
  await cloud.admin('createDatabase', { parent: 'projects/p', databaseId: 'orders', database })
  return cloud
}

export const owner = (signal = new AbortController().signal): RequestContext => ({
  principal: 'owner',
  transport: 'grpc',
  signal,
})

async function* once(request: object): AsyncIterable<object> {
  yield request
}

export const int = (value: number | string): object => ({ integerValue: String(value) })
export const text = (value: string): object => ({ stringValue: value })

export const set = (path: string, fields: object, more: object = {}): object => ({
  update: { name: `${ROOT}/${path}`, fields },
  ...more,
})

export const commit = (
  cloud: FakeCloud,
  ...writes: object[]
): Promise<{
  writeResults: { updateTime?: object; transformResults: object[] }[]
  commitTime: { seconds: string; nanos: number }
}> => cloud.call('commit', { database: DATABASE, writes })

export const get = (
  cloud: FakeCloud,
  path: string,
  more: object = {},
): Promise<{
  fields: Record<string, Record<string, unknown>>
  updateTime: { seconds: string; nanos: number }
  createTime: object
}> => cloud.call('getDocument', { name: `${ROOT}/${path}`, ...more })

export async function queryIds(cloud: FakeCloud, structuredQuery: object, more: object = {}): Promise<string[]> {
  const responses = await cloud.stream('runQuery', { parent: ROOT, structuredQuery, ...more })
  return responses.flatMap(({ document }: { document?: { name: string } }) =>
    document ? [document.name.split('/').at(-1) as string] : [],
  )
}
