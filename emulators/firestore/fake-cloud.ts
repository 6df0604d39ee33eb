/** Firestore without a transport, for tests: virtual clock, a journal that can be reopened, counted bills. */

import { type VirtualClock, virtualClock } from '../core/clock.ts'
import { fakeContext } from '../core/fake-context.ts'
import type { Journal, Table } from '../core/journal.ts'
import type { CloudContext, GrpcService, RequestContext } from '../core/plugin.ts'
import { type FirestoreCore, type FirestoreOptions, createCore } from './core.ts'
import { services } from './services.ts'

export const DATABASE = 'projects/p/databases/orders'
export const ROOT = `${DATABASE}/documents`

export interface FakeCloud {
  readonly clock: VirtualClock
  readonly core: FirestoreCore
  readonly counts: Map<string, number>
  /** A method of the data service. */
  // oxlint-disable-next-line typescript/no-explicit-any
  call(method: string, request: object, context?: RequestContext): Promise<any>
  // oxlint-disable-next-line typescript/no-explicit-any
  admin(method: string, request: object): Promise<any>
  /** Every response of a streaming method. */
  // oxlint-disable-next-line typescript/no-explicit-any
  stream(method: string, request: object): Promise<any[]>
  /** The process dies and starts again with what the journal holds. */
  killed(): FakeCloud
}

export interface FakeOptions extends FirestoreOptions {
  readonly log?: string[]
  readonly clock?: VirtualClock
}

export function fakeCloud(options: FakeOptions = {}): FakeCloud {
  const { log = [], clock = virtualClock() } = options
  const counts = new Map<string, number>()
  let ids = log.length
  const context: CloudContext = {
    project: { id: 'p', number: '1', region: 'europe-west1' },
    clock,
    journal: replayed(log),
    newId: () => (++ids).toString(16).padStart(16, '0'),
    random: () => 0.5,
    count: (counter, amount = 1) => void counts.set(counter, (counts.get(counter) ?? 0) + amount),
    note: () => undefined,
    mintIdToken: () => Promise.reject(new Error('Firestore mints no token')),
    resourceExists: () => undefined,
    faults: fakeContext().context.faults,
    access: fakeContext().context.access,
    fetch: () => Promise.reject(new Error('Firestore fetches nothing')),
    peer: () => {
      throw new Error('Firestore has no peer')
    },
  }
  const core = createCore(context, options)
  const [data, administration] = services(core) as [GrpcService, GrpcService]
  return {
    clock,
    core,
    counts,
    call: async (method, request, requestContext = owner()) => data.unary?.[method]?.(request, requestContext),
    admin: async (method, request) => administration.unary?.[method]?.(request, owner()),
    async stream(method, request) {
      const responses: unknown[] = []
      await data.streaming?.[method]?.(once(request), (response) => void responses.push(response), owner())
      return responses
    },
    killed() {
      core.close()
      return fakeCloud({ ...options, clock, log: [...log] })
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

function replayed(log: string[]): Journal {
  const maps = new Map<string, Map<string, unknown>>()
  const mapOf = (name: string): Map<string, unknown> => {
    let map = maps.get(name)
    if (!map) maps.set(name, (map = new Map()))
    return map
  }
  for (const line of log) {
    const [name, key, value] = JSON.parse(line) as [string, string, unknown]
    if (value === undefined) mapOf(name).delete(key)
    else mapOf(name).set(key, value)
  }
  const table = <Row>(name: string): Table<Row> => {
    const map = mapOf(name) as Map<string, Row>
    return {
      get: (key) => map.get(key),
      has: (key) => map.has(key),
      set(key, value) {
        map.set(key, value)
        log.push(JSON.stringify([name, key, value]))
      },
      delete(key) {
        log.push(JSON.stringify([name, key]))
        return map.delete(key)
      },
      keys: () => map.keys(),
      values: () => map.values(),
      entries: () => map.entries(),
      get size() {
        return map.size
      },
    }
  }
  return { table, flush: () => undefined, close: () => undefined }
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
