/** Puts the plugins together: one port for the owner, one for each service account, one journal, one bill. */

import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { randomInt } from 'node:crypto'
import { systemClock, type Clock } from './clock.ts'
import { grpcServer, type Served } from './grpc.ts'
import { openJournal, type Journal } from './journal.ts'
import type { CloudContext, OwnerApi, Plugin, PluginInstance, RequestContext, RequestLogEntry } from './plugin.ts'
import { seededRandom } from './random.ts'
import { errorAnswer, restOf, type Rest } from './rest.ts'
import { listen, type PortServer } from './server.ts'
import { StatusError } from './status.ts'

export interface LocalCloudOptions {
  readonly plugins: readonly Plugin[]
  readonly project: { readonly id: string; readonly number: string; readonly region: string }
  /** 0 (the default): any free one. */
  readonly ownerPort?: number
  readonly accounts?: readonly { readonly email: string; readonly port: number }[]
  /** Where state is kept; absent: in memory. */
  readonly dataDir?: string
  readonly clock?: Clock
  readonly seed?: number
  readonly fetch?: typeof fetch
}

export interface LocalCloud {
  readonly ownerPort: number
  /** `127.0.0.1:port`. */
  readonly ownerHost: string
  hostOf(email: string): string
  /** The variables by which official clients and the metadata library find the local cloud: the whole list. */
  environmentOf(email: string): Record<string, string>
  readonly api: OwnerApi
  core<Core>(plugin: string): Core
  counters(): Record<string, number>
  resetCounters(): void
  requestLog(): readonly RequestLogEntry[]
  close(): Promise<void>
}

/** Older entries of the request log are forgotten. */
const REQUEST_LOG_ENTRIES = 100_000
const LARGEST_REST_BODY_BYTES = 32 * 1024 * 1024

export type Http = Hono<{ Variables: { context: RequestContext } }>

/** What the IAM plugin lends to all others. */
interface TokenMint {
  mintIdToken(options: { email: string; audience: string }): Promise<string>
}

export async function createLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const clock = options.clock ?? systemClock
  const journal = openJournal(options.dataDir === undefined ? {} : { directory: options.dataDir })
  const counters = new Map<string, number>()
  const requestLog: RequestLogEntry[] = []
  const cores = new Map<string, unknown>()
  const instances: PluginInstance[] = []
  const random = seededRandom(options.seed ?? randomInt(2 ** 31))
  const peer = <Core>(name: string): Core => {
    const core = cores.get(name)
    if (core === undefined) throw new Error(`The local cloud has no plugin ${name}.`)
    return core as Core
  }
  const context: CloudContext = {
    project: options.project,
    clock,
    journal,
    newId: random.id,
    random: random.next,
    count: (counter, amount = 1) => void counters.set(counter, (counters.get(counter) ?? 0) + amount),
    note(entry) {
      requestLog.push(entry)
      if (requestLog.length > REQUEST_LOG_ENTRIES) requestLog.splice(0, REQUEST_LOG_ENTRIES / 10)
    },
    mintIdToken: (request) => peer<TokenMint>('iam').mintIdToken(request),
    resourceExists: (name) => exists(instances, name),
    fetch: options.fetch ?? fetch,
    peer,
  }
  const served: Served[] = []
  for (const plugin of options.plugins) {
    const instance = await plugin.create(context)
    instances.push(instance)
    cores.set(plugin.name, instance.core)
    if (instance.grpc && plugin.proto) served.push({ services: instance.grpc, proto: await plugin.proto() })
  }
  const rest = restOf(served)
  const local = localRoutes(counters, requestLog)
  const openPort = (port: number, principal: string): Promise<PortServer> => {
    const app = httpApp(
      principal,
      rest,
      [...instances.flatMap(({ http }) => http ?? []), ...(principal === 'owner' ? [local] : [])],
      journal,
    )
    return listen(
      port,
      grpcServer(served, { principal, journal }),
      (request, response) => void getRequestListener(app.fetch)(request, response),
    )
  }

  const ports = new Map<string, PortServer>()
  const close = async (): Promise<void> => {
    for (const instance of instances.toReversed()) await instance.close?.()
    for (const port of ports.values()) await port.close()
    journal.close()
  }
  try {
    ports.set('owner', await openPort(options.ownerPort ?? 0, 'owner'))
    for (const { email, port } of options.accounts ?? []) ports.set(email, await openPort(port, email))
    for (const instance of instances) await instance.start?.()
  } catch (error) {
    await close()
    throw error
  }
  const ownerPort = ports.get('owner')!.port
  const hostOf = (email: string): string => {
    const port = ports.get(email)
    if (!port) throw new Error(`No port was opened for ${email}.`)
    return `127.0.0.1:${port.port}`
  }
  return {
    ownerPort,
    ownerHost: hostOf('owner'),
    hostOf,
    environmentOf: (email) => environmentAt(hostOf(email)),
    api: ownerApi(`http://${hostOf('owner')}`),
    core: peer,
    counters: () => Object.fromEntries(counters),
    resetCounters: () => counters.clear(),
    requestLog: () => requestLog,
    close,
  }
}

/** docs/local-cloud.md lists the same variables: a service's process gets these and no others from the local cloud. */
function environmentAt(host: string): Record<string, string> {
  return {
    PUBSUB_EMULATOR_HOST: host,
    FIRESTORE_EMULATOR_HOST: host,
    BIGQUERY_EMULATOR_HOST: `http://${host}`,
    GCE_METADATA_HOST: host,
    METADATA_SERVER_DETECTION: 'assume-present',
  }
}

function exists(instances: readonly PluginInstance[], name: string): boolean | undefined {
  for (const instance of instances) {
    const answer = instance.resourceExists?.(name)
    if (answer !== undefined) return answer
  }
  return undefined
}

/** What proto annotations describe first, then the plugins' own routes; else an error that names the route. */
function httpApp(principal: string, rest: Rest, apps: readonly Http[], journal: Journal): Http {
  const app: Http = new Hono()
  app.use(async (c, next) => {
    c.set('context', { principal, transport: 'rest', signal: c.req.raw.signal })
    await next()
    journal.flush()
  })
  app.use(async (c, next) => {
    const url = new URL(c.req.url)
    const request = { method: c.req.method, path: url.pathname, query: url.searchParams, body: '' }
    if (Number(c.req.header('content-length') ?? 0) > LARGEST_REST_BODY_BYTES) {
      throw new StatusError(
        'INVALID_ARGUMENT',
        `Request payload size exceeds the limit: ${LARGEST_REST_BODY_BYTES} bytes.`,
      )
    }
    // Read only when a route matches: other plugins read their own bodies.
    const answered = rest.answer({ ...request, body: await c.req.text() }, c.get('context'))
    if (!answered) return next()
    const { status, body } = await answered
    return c.json(body as object, status as ContentfulStatusCode)
  })
  for (const one of apps) app.route('/', one)
  app.notFound((c) => {
    const { status, body } = errorAnswer(
      new StatusError('NOT_FOUND', `The local cloud has no route ${c.req.method} ${c.req.path}.`),
    )
    return c.json(body as object, status as ContentfulStatusCode)
  })
  app.onError((error, c) => {
    const { status, body } = errorAnswer(error)
    return c.json(body as object, status as ContentfulStatusCode)
  })
  return app
}

/** For programs other than this one: the bill and the request log, on the owner's port. */
function localRoutes(counters: ReadonlyMap<string, number>, requestLog: readonly RequestLogEntry[]): Http {
  const app: Http = new Hono()
  app.get('/_local/counters', (c) => c.json(Object.fromEntries(counters)))
  app.get('/_local/request-log', (c) => c.json([...requestLog]))
  app.get('/_local/health', (c) => c.json({ ok: true }))
  return app
}

function ownerApi(url: string): OwnerApi {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    const answer: unknown = text === '' ? undefined : JSON.parse(text)
    if (!response.ok) throw ApiError.from(response.status, answer)
    return answer
  }
}

/** A refusal of the local cloud's API, with its HTTP status and canonical code. */
export class ApiError extends Error {
  readonly httpStatus: number
  readonly code: string

  constructor(httpStatus: number, code: string, message: string) {
    super(message)
    this.name = 'ApiError'
    this.httpStatus = httpStatus
    this.code = code
  }

  static from(httpStatus: number, answer: unknown): ApiError {
    const { message, status } = (answer as { error?: { message?: string; status?: string } } | undefined)?.error ?? {}
    return new ApiError(
      httpStatus,
      status ?? String(httpStatus),
      `${status ?? httpStatus}: ${message ?? JSON.stringify(answer)}`,
    )
  }
}
