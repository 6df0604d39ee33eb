/** Puts the plugins together: one port for the owner, one for each service account, one journal, one bill. */

import { getRequestListener } from '@hono/node-server'
import { randomInt } from 'node:crypto'
import { type Grants, withAuthorization, type IamMode, makeAccess, OWNER } from './access/access.ts'
import { closeAfter, closeAll } from './close-all.ts'
import { systemClock, type Clock } from './clock.ts'
import { grpcServer } from './api/grpc.ts'
import { methodsOf, type Served } from './api/methods.ts'
import { faultRoutes } from './access/fault-routes.ts'
import { createFaults, type Faults } from './access/faults.ts'
import { httpApp, localRoutes, type Page } from './api/http-app.ts'
import { openJournal, type Journal } from './journal.ts'
import { ownerApi } from './terraform/owner-api.ts'
import { createOwnServices } from './own-services.ts'
import type { CloudContext, Plugin, PluginInstance, RequestLogEntry } from './plugin.ts'
import { seededRandom } from './random.ts'
import { createRequestLog, type RequestLog } from './request-log.ts'
import { restOf } from './api/rest.ts'
import { makeSecret, secretRemedy } from './run-secret.ts'
import { send, type Send } from './send.ts'
import { listen, type PortServer } from './server.ts'
import type { OwnerApi } from './terraform/provisioner.ts'

export interface LocalCloudOptions {
  readonly plugins: readonly Plugin[]
  readonly project: { readonly id: string; readonly number: string; readonly region: string }
  /** 0 (the default): any free one. */
  readonly ownerPort?: number
  readonly accounts?: readonly { readonly email: string; readonly port: number }[]
  /** The folder for state. Absent: state is only in memory. */
  readonly dataDir?: string
  readonly clock?: Clock
  readonly seed?: number
  /** Whether calls on the ports of service accounts need the grants that IAM holds (default `enforce`). */
  readonly iam?: IamMode
  readonly fetch?: Send
  /** The run secret: required where Google has no API, and by requests that start processes (default: a new one). */
  readonly secret?: string
  /** The shell command that prints the secret, for messages to a caller without it. Absent: they name none. */
  readonly secretCommand?: string
  /** The page at the root of the owner's port, in HTML (default: one line of text). */
  readonly page?: Page | undefined
  /** Whether stored work (pushes, tasks, services) continues only when `start` is called (default: at once). */
  readonly startLater?: boolean
}

export interface LocalCloud {
  readonly ownerPort: number
  /** `127.0.0.1:port`. */
  readonly ownerHost: string
  /** The run secret: see run-secret.ts. */
  readonly secret: string
  hostOf(email: string): string
  /** The variables by which official clients and the metadata library find the local cloud: the whole list. */
  environmentOf(email: string): Record<string, string>
  readonly api: OwnerApi
  core<Core>(plugin: string): Core
  counters(): Record<string, number>
  resetCounters(): void
  requestLog(): readonly RequestLogEntry[]
  /** The injected faults. */
  readonly faults: Faults
  /** Continues the stored work. To be called once, after `startLater`. */
  start(): Promise<void>
  close(): Promise<void>
}

/** The functions of the IAM plugin for all others. */
interface TokenMint {
  mintIdToken(options: { email: string; audience: string }): Promise<string>
}

/** The functions of the Cloud Run plugin for others: it finds the process of an account. */
interface Processes {
  signalAccount(account: string, signal: NodeJS.Signals): Promise<number | undefined>
}

/** `answer`: the handler of its HTTP requests. */
interface OpenPort extends PortServer {
  readonly answer: (request: Request) => Promise<Response>
}

/** The shared parts of all plugins, and the started plugins. */
interface Shared {
  readonly page: Page | undefined
  readonly counters: Map<string, number>
  readonly requestLog: RequestLog
  readonly instances: Map<string, PluginInstance>
  readonly journal: Journal
  readonly ports: Map<string, OpenPort>
  readonly secret: string
  readonly secretCommand: string | undefined
}

export async function createLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const shared: Shared = {
    counters: new Map(),
    requestLog: createRequestLog(),
    instances: new Map(),
    journal: openJournal(options.dataDir === undefined ? {} : { directory: options.dataDir }),
    ports: new Map(),
    secret: options.secret ?? makeSecret(),
    secretCommand: options.secretCommand,
    page: options.page,
  }
  const { counters, requestLog, instances, journal, ports, secret } = shared
  const context = contextOf(options, shared)
  const { faults } = context
  const close = (): Promise<void> =>
    closeAll([
      ...[...instances.values()].toReversed().map((instance) => () => instance.close?.()),
      ...[...ports.values()].map((port) => () => port.close()),
      () => journal.close(),
    ])
  // Start in the order of the plugins: receivers before senders. Close in reverse.
  const start = async (): Promise<void> => {
    for (const instance of instances.values()) await instance.start?.()
  }
  try {
    const served = await makePlugins(options.plugins, context, instances)
    for (const instance of instances.values()) await instance.check?.()
    const open = portOpener(served, shared, context)
    ports.set(OWNER, await open(options.ownerPort ?? 0, OWNER))
    for (const { email, port } of options.accounts ?? []) ports.set(email, await open(port, email))
    if (!options.startLater) await start()
  } catch (error) {
    await closeAfter(error, close)
  }
  const hostOf = (email: string): string => {
    const port = ports.get(email)
    if (!port) throw new Error(`No port was opened for ${email}.`)
    return `127.0.0.1:${port.port}`
  }
  return {
    ownerPort: ports.get(OWNER)!.port,
    ownerHost: hostOf(OWNER),
    secret,
    hostOf,
    environmentOf: (email) => environmentAt(hostOf(email), options.plugins),
    api: ownerApi(`http://${hostOf(OWNER)}`, secret, ports.get(OWNER)!.answer),
    core: (name) => coreOf(instances, name),
    counters: () => Object.fromEntries(counters),
    resetCounters: () => counters.clear(),
    requestLog: () => requestLog.entries,
    faults,
    start,
    close,
  }
}

function contextOf(
  options: LocalCloudOptions,
  { counters, requestLog, instances, journal, ports }: Shared,
): CloudContext {
  const random = seededRandom(options.seed ?? randomInt(2 ** 47))
  const clock = options.clock ?? systemClock
  const own = createOwnServices(send)
  return {
    project: options.project,
    access: makeAccess(options.iam ?? 'enforce', () => instances.get('iam')?.core as Grants | undefined),
    clock,
    journal,
    newId: random.id,
    random: random.next,
    faults: createFaults({
      clock,
      newId: random.id,
      random: random.next,
      signal: (account, signal) => coreOf<Processes>(instances, 'cloud-run').signalAccount(account, signal),
    }),
    count: (counter, amount = 1) => void counters.set(counter, (counters.get(counter) ?? 0) + amount),
    logRequest: requestLog.add,
    mintIdToken: (request) => coreOf<TokenMint>(instances, 'iam').mintIdToken(request),
    iamFacts: options.plugins.flatMap(({ iam }) => iam ?? []),
    resourceExists: (name) => exists(instances.values(), name),
    fetch: options.fetch ?? own.send,
    openAddress: own.open,
    ownerUrl: () => `http://127.0.0.1:${ports.get(OWNER)!.port}`,
    secretRemedy: secretRemedy(options.secretCommand),
    peer: (name) => coreOf(instances, name),
  }
}

async function makePlugins(
  plugins: readonly Plugin[],
  context: CloudContext,
  instances: Map<string, PluginInstance>,
): Promise<Served[]> {
  const served: Served[] = []
  for (const plugin of plugins) {
    const instance = await plugin.create(context)
    instances.set(plugin.name, instance)
    if (instance.grpc && plugin.proto) served.push({ services: instance.grpc, proto: await plugin.proto() })
  }
  return withPolicies(served).map(({ proto, services }) => ({
    proto,
    // A call that IAM refuses triggers no fault.
    services: services.map((service) => withAuthorization(context.faults.withFaults(service), context.access)),
  }))
}

/** Many services have `getIamPolicy` and its kin as methods of their own: one plugin answers them all. */
function withPolicies(served: readonly Served[]): Served[] {
  const policies = served.flatMap(({ services }) => services).find(({ name }) => name === 'google.iam.v1.IAMPolicy')
  if (!policies?.unary) return [...served]
  const { unary, access: { methods } = { methods: {} } } = policies
  return served.map(({ services, proto }) => ({
    proto,
    services: services.map((service) => ({
      ...service,
      unary: { ...unary, ...service.unary },
      ...(service.access ? { access: { ...service.access, methods: { ...methods, ...service.access.methods } } } : {}),
    })),
  }))
}

function portOpener(
  served: readonly Served[],
  { counters, requestLog, instances, journal, secret, secretCommand, page }: Shared,
  { faults, access }: CloudContext,
) {
  const rest = restOf(served)
  const methods = methodsOf(served)
  const plugins = [...instances.values()].flatMap(({ http }) => http ?? [])
  const routes = [...instances.values()].flatMap((instance) => instance.routes ?? [])
  return async (port: number, principal: string): Promise<OpenPort> => {
    const apps =
      principal === OWNER ? [...plugins, localRoutes(counters, requestLog.entries), faultRoutes(faults)] : plugins
    const parts = { principal, rest, apps, routes, access, journal, secret, secretCommand, page }
    const app = httpApp(parts)
    const answer = getRequestListener(app.fetch)
    const opened: { server?: PortServer } = {}
    const grpc = grpcServer(methods, { principal, journal, port: () => opened.server!.port })
    opened.server = await listen(port, grpc, (request, response) => void answer(request, response))
    return { ...opened.server, answer: async (request) => app.fetch(request) }
  }
}

function coreOf<Core>(instances: ReadonlyMap<string, PluginInstance>, name: string): Core {
  const instance = instances.get(name)
  if (!instance) throw new Error(`The local cloud has no plugin ${name}.`)
  return instance.core as Core
}

function exists(instances: Iterable<PluginInstance>, name: string): boolean | undefined {
  for (const instance of instances) {
    const answer = instance.resourceExists?.(name)
    if (answer !== undefined) return answer
  }
  return undefined
}

/** docs/local-cloud.md lists the same variables: a service's process gets these and no others from the local cloud. */
const environmentAt = (host: string, plugins: readonly Plugin[]): Record<string, string> =>
  Object.assign({}, ...plugins.map(({ environment }) => environment?.(host)))
