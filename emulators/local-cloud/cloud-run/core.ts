/** The services of Cloud Run: their descriptions in the journal, an address and the processes of each. */

import { availableParallelism } from 'node:os'
import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound } from '../core/status.ts'
import { type DataPlane, openDataPlane, type ServiceState } from './serving/data-plane.ts'
import { closeAll } from '../core/close-all.ts'
import { logKeeper } from './process/logs.ts'
import { type Answered, type Spawned, startInstance } from './process/process.ts'
import { reaper } from './process/reaper.ts'
import { secretValues } from './process/secret-values.ts'
import type { CloudRunOptions } from './options.ts'
import { checkAccount, checkService, revisionName, type ServiceResource } from './values/service.ts'
import { makeWorkerPools, type WorkerPools } from './worker-pools.ts'

export interface RunningProcess {
  /** Or worker pool. */
  readonly service: string
  readonly pid: number
  /** Absent: a worker, which takes no requests. */
  readonly port?: number
  readonly revision: string
}

/** A service, or a worker pool, as operators see it. */
export interface ServiceReport {
  readonly service: string
  readonly state: ServiceState['state']
  /** Of a failed start. */
  readonly reason?: string
  /** Absent: a worker pool, which takes no requests. */
  readonly address?: string
  /** The newest, which gets all requests. */
  readonly revision: string
  /** Requests that wait for a place. */
  readonly waiting: number
  readonly instances: readonly {
    readonly state: 'starting' | 'ready' | 'ending'
    /** Absent: it starts. */
    readonly pid?: number
    readonly revision?: string
    readonly startedAt?: string
    /** The requests that it has. Absent: a worker. */
    readonly active?: number
    /** Of one that is ready, if a path was asked for. */
    readonly health?: Answered
  }[]
}

export interface CloudRunCore {
  readonly workerPools: WorkerPools
  create(parent: string, id: string, body: Partial<ServiceResource>): Promise<ServiceResource>
  update(name: string, body: Partial<ServiceResource>): Promise<ServiceResource>
  delete(name: string): Promise<ServiceResource>
  get(name: string): ServiceResource
  list(parent: string): ServiceResource[]
  processes(): RunningProcess[]
  /** Of each open service, and of each worker pool. */
  states(): (ServiceState & { readonly service: string })[]
  /** Of each open service, and of each worker pool. @param path Asked of each ready instance, for its health */
  report(path?: string): Promise<readonly ServiceReport[]>
  /** Starts the minimum of the service's instances, one at least. @throws Error with the last lines of a process that did not start */
  warm(service: string): Promise<void>
  /**
   * The instances finish their requests and end, and new requests get new ones. A worker pool does the same.
   *
   * @param turn Until it resolves, only a request starts a new instance, and workers go on; so it remains after `false`.
   * @throws as `warm`
   */
  restart(service: string, turn?: Promise<boolean>): Promise<void>
  /**
   * For tests that kill: the signal goes to the process groups of all instances of the service, also while they start;
   * after SIGKILL they are gone. Resolves with the pid of one, if there was any.
   */
  kill(service: string, signal: NodeJS.Signals): Promise<number | undefined>
  /**
   * The same for the service, and every worker, that runs as that account: its e-mail, or the part before the `@`. Of
   * several instances, those get it that have a request, as a port tells callers by their account alone; SIGCONT goes to all.
   */
  signalAccount(account: string, signal: NodeJS.Signals): Promise<number | undefined>
  /** Services that are kept, and that `start` could not open, with the reason. */
  unopened(): { readonly name: string; readonly reason: string }[]
  /** Opens the stored services; `unopened` lists the services that fail. */
  start(): Promise<void>
  stop(): Promise<void>
}

const IDLE_MS = 15 * 60_000
const idOf = (name: string): string => name.split('/').at(-1)!
const runsAs = ({ template: { serviceAccount = '' } }: ServiceResource, account: string): boolean =>
  serviceAccount === account || serviceAccount.split('@')[0] === account

export function makeCore(context: CloudContext, options: CloudRunOptions): CloudRunCore {
  const services = context.journal.table<ServiceResource>('cloud-run/services')
  const planes = new Map<string, DataPlane>()
  /** The processes of each service, those that start and those that end included. */
  const spawned = new Map<string, Set<Spawned>>()
  let isStarted = false
  const opening = new Set<string>()
  const unopened = new Map<string, string>()
  const logs = logKeeper(options.logDirectory)
  const nodePath = options.nodePath ?? process.execPath
  const orphanReaper = reaper(nodePath)
  const workerPools = makeWorkerPools(context, { options, nodePath, reaper: orphanReaper, logs })

  const get = (name: string): ServiceResource => {
    const found = services.get(name)
    if (!found) throw notFound(`Resource '${idOf(name)}' of kind 'SERVICE' does not exist.`)
    return found
  }
  const isOurs = (name: string): boolean => [context.project.id, context.project.number].includes(name.split('/')[1]!)
  const portOf = (id: string): number => {
    const address = options.addressOf(id)
    if (!address) throw invalidArgument(`The local environment has no port for the service ${id}.`)
    return address.port
  }
  /** @throws Error that names the service, the variable and the secret */
  const valuesFor = (id: string, resource: ServiceResource): Record<string, string> => {
    try {
      return secretValues(context, resource)
    } catch (error) {
      throw new Error(`${id} does not start: ${(error as Error).message}`, { cause: error })
    }
  }
  /** `made`: the resource of a service that is not stored yet. */
  const open = async (name: string, made?: ServiceResource): Promise<void> => {
    const id = idOf(name)
    const resourceOf = (): ServiceResource => (services.get(name) ?? made)!
    const plane = await openDataPlane({
      context,
      service: id,
      port: portOf(id),
      resource: resourceOf,
      idleMs: options.idleMs ?? IDLE_MS,
      // One inspector's port is for one process.
      maxInstances: options.nodeOptions?.(id).length ? 1 : (options.maxInstances ?? availableParallelism()),
      withdrawsCpu: options.withdrawsCpu ?? false,
      endsSilent: !options.nodeOptions?.(id).length,
      signal: (instance, signal) => signalOne(name, instance, signal),
      start: async (signal) => {
        const resource = resourceOf()
        const { serviceAccount: principal = '' } = resource.template
        const values = valuesFor(id, resource)
        let abandon = (): void => {}
        let started: Spawned | undefined
        const intercept = (when: 'before' | 'after'): Promise<void> =>
          context.faults.intercept({
            principal,
            method: 'run.start',
            when,
            signal: (given) => signalOne(name, started!, given),
          })
        const instance = await startInstance({
          service: id,
          resource,
          secretValues: values,
          cloudEnvironment: options.environmentOf(principal),
          workingDirectory: options.workingDirectory,
          nodePath,
          nodeOptions: options.nodeOptions?.(id) ?? [],
          reaper: orphanReaper,
          onLine(line) {
            context.count('logging.bytes', Buffer.byteLength(line))
            logs.write(id, line)
            options.onLog?.(id, line)
          },
          async onSpawn(process) {
            started = process
            processesOf(name).add(process)
            abandon = () => void process.kill('SIGKILL')
            signal.addEventListener('abort', abandon)
            if (signal.aborted) abandon()
            await intercept('before')
          },
        }).finally(() => signal.removeEventListener('abort', abandon))
        await intercept('after')
        return instance
      },
    })
    planes.set(name, plane)
  }
  const revision = (id: string, generation: number): string => revisionName(id, generation, context)

  const planeOf = (service: string): DataPlane => {
    const found = [...planes].find(([name]) => idOf(name) === service)?.[1]
    if (!found) throw notFound(`Resource '${service}' of kind 'SERVICE' does not exist.`)
    return found
  }

  /** The processes that still run. */
  const processesOf = (name: string): Set<Spawned> => {
    const known = spawned.get(name) ?? new Set()
    spawned.set(name, known)
    for (const one of known) if (one.exited) known.delete(one)
    return known
  }
  const signalOne = async (name: string, { pid }: Spawned, signal: NodeJS.Signals): Promise<number | undefined> => {
    const target = [...processesOf(name)].find((one) => one.pid === pid)
    const plane = planes.get(name)
    const ready = plane?.instances().find((one) => one.pid === pid)
    // As on Cloud Run, an instance gets no more requests after its SIGTERM.
    if (signal === 'SIGTERM' && ready) void plane!.retire(ready)
    else await target?.kill(signal)
    return target?.pid
  }
  const signalAll = async (
    name: string | undefined,
    signal: NodeJS.Signals,
    { onlyBusy = false } = {},
  ): Promise<number | undefined> => {
    if (name === undefined) return undefined
    const busy = (onlyBusy && planes.get(name)?.busy()) || []
    const targets = busy.length > 0 ? busy : processesOf(name)
    const pids = await Promise.all([...targets].map((one) => signalOne(name, one, signal)))
    return pids.find((pid) => pid !== undefined)
  }
  /** One service after the other, so that they do not delay the first requests more than they must. */
  const startMinimum = async (): Promise<void> => {
    for (const [name, plane] of planes)
      if (services.get(name)?.template.scaling?.minInstanceCount) await plane.warm().catch(() => {})
  }

  return {
    workerPools,
    get,
    list: (parent) => [...services.values()].filter(({ name }) => name.startsWith(`${parent}/services/`)),
    async create(parent, id, body) {
      const name = `${parent}/services/${id}`
      if (services.has(name) || opening.has(name)) throw alreadyExists(`Resource '${id}' already exists.`)
      if (!isOurs(name)) throw notFound(`Project of ${parent} was not found: the local cloud is ${context.project.id}.`)
      checkService(id, body)
      checkAccount(body.template!, context)
      const resource: ServiceResource = {
        ingress: 'INGRESS_TRAFFIC_ALL',
        invokerIamDisabled: false,
        ...body,
        template: body.template!,
        name,
        generation: 1,
        latestReadyRevision: revision(id, 1),
        uri: `http://127.0.0.1:${portOf(id)}`,
      }
      // Stored only once its port is open: a service that can't be opened now could not be at the next start either.
      opening.add(name)
      try {
        await open(name, resource)
        services.set(name, resource)
      } finally {
        opening.delete(name)
      }
      if (isStarted) void startMinimum()
      return resource
    },
    async update(name, body) {
      const before = get(name)
      checkService(idOf(name), { ...before, ...body })
      checkAccount(body.template ?? before.template, context)
      const same = JSON.stringify({ ...before, ...body }) === JSON.stringify(before)
      if (same) return before
      const generation = before.generation + 1
      const resource = {
        ...before,
        ...body,
        name,
        generation,
        latestReadyRevision: revision(idOf(name), generation),
        uri: `http://127.0.0.1:${portOf(idOf(name))}`,
      }
      services.set(name, resource)
      await planes.get(name)?.recycle()
      return resource
    },
    async delete(name) {
      const resource = get(name)
      await planes.get(name)?.close()
      planes.delete(name)
      unopened.delete(name)
      services.delete(name)
      return resource
    },
    processes: () => [
      ...[...planes].flatMap(([name, plane]) => {
        const service = idOf(name)
        return plane.instances().map(({ pid, port, revision: of }) => ({ service, pid, port, revision: of }))
      }),
      ...workerPools
        .running()
        .flatMap(({ pool, revision: of, pids }) => pids.map((pid) => ({ service: pool, pid, revision: of }))),
    ],
    states: () => [
      ...[...planes].map(([name, plane]) => ({ service: idOf(name), ...plane.state() })),
      ...workerPools
        .running()
        .map(({ pool, pids }) => ({ service: pool, state: pids.length > 0 ? 'running' : 'starting' }) as const),
    ],
    report: async (path) => [
      ...(await Promise.all(
        [...planes].map(async ([name, plane]) => {
          const { latestReadyRevision, uri } = get(name)
          const instances = await Promise.all(
            plane.list().map(async ({ state, instance, active }) => ({
              state,
              active,
              ...(instance ? { pid: instance.pid, revision: instance.revision, startedAt: instance.startedAt } : {}),
              ...(path !== undefined && instance && state === 'ready' ? { health: await instance.get(path) } : {}),
            })),
          )
          const about = { address: uri, revision: latestReadyRevision, waiting: plane.waiting() }
          return { service: idOf(name), ...plane.state(), ...about, instances }
        }),
      )),
      ...workerPools.running().map(({ pool, revision: of, instances, reason }): ServiceReport => {
        const isRunning = instances.some(({ state }) => state === 'ready')
        return {
          service: pool,
          state: isRunning ? 'running' : reason === undefined ? 'starting' : 'failed',
          ...(reason === undefined ? {} : { reason }),
          revision: of,
          waiting: 0,
          instances: instances.map((one) => ({ ...one, ...(one.pid === undefined ? {} : { revision: of }) })),
        }
      }),
    ],
    warm: async (service) => planeOf(service).warm(),
    async restart(service, turn = Promise.resolve(true)) {
      if (workerPools.running().some(({ pool }) => pool === service))
        return (await turn) ? workerPools.restart(service) : undefined
      const plane = planeOf(service)
      const recycled = plane.recycle()
      if (!(await turn)) return
      // Two processes can not open one inspector.
      if (options.nodeOptions?.(service).length) await recycled
      await plane.warm()
    },
    kill: (service, signal) =>
      signalAll(
        [...services.keys()].find((name) => idOf(name) === service),
        signal,
      ),
    async signalAccount(account, signal) {
      // The caller may be a request's process or a worker: the port is that of the account.
      const [pid, worker] = await Promise.all([
        signalAll([...services.values()].find((one) => runsAs(one, account))?.name, signal, {
          onlyBusy: signal !== 'SIGCONT',
        }),
        workerPools.signalAccount(account, signal),
      ])
      return pid ?? worker
    },
    unopened: () => [...unopened].map(([name, reason]) => ({ name, reason })),
    async start() {
      for (const [name, { template }] of services.entries()) {
        if (planes.has(name)) continue
        try {
          if (!isOurs(name)) throw new Error(`the local cloud is the project ${context.project.id}`)
          checkAccount(template, context)
          await open(name)
          unopened.delete(name)
        } catch (error) {
          unopened.set(name, (error as Error).message)
        }
      }
      isStarted = true
      void startMinimum()
      await workerPools.start()
    },
    async stop() {
      await closeAll([
        () => workerPools.stop(),
        () => Promise.all([...planes.values()].map((plane) => plane.close())),
        () => orphanReaper.close(),
        () => logs.close(),
      ])
    },
  }
}
