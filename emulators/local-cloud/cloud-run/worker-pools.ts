/** The worker pools of Cloud Run: their descriptions in the journal, and the processes of each, without an address. */

import { closeAll } from '../core/close-all.ts'
import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, notFound } from '../core/status.ts'
import type { CloudRunOptions } from './options.ts'
import type { LogKeeper } from './process/logs.ts'
import { startProcess } from './process/process.ts'
import type { Reaper } from './process/reaper.ts'
import { secretValues } from './process/secret-values.ts'
import { keepWorkers, type WorkerReport, type Workers } from './process/workers.ts'
import { checkAccount, revisionName } from './values/service.ts'
import { checkWorkerPool, type WorkerPoolResource } from './values/worker-pool.ts'

export interface WorkerPools {
  create(parent: string, id: string, body: Partial<WorkerPoolResource>): Promise<WorkerPoolResource>
  update(name: string, body: Partial<WorkerPoolResource>): Promise<WorkerPoolResource>
  delete(name: string): Promise<WorkerPoolResource>
  get(name: string): WorkerPoolResource
  list(parent: string): WorkerPoolResource[]
  /** Of each pool: its running processes. */
  running(): {
    readonly pool: string
    readonly account: string
    readonly revision: string
    readonly pids: readonly number[]
    readonly instances: readonly WorkerReport[]
    /** Why one is missing. */
    readonly reason: string | undefined
  }[]
  /** New instances take the place of those that run. */
  restart(pool: string): Promise<void>
  /** Signals every instance of the pools that run as this account; resolves with one of their pids. */
  signalAccount(account: string, signal: NodeJS.Signals): Promise<number | undefined>
  start(): Promise<void>
  stop(): Promise<void>
}

export interface WorkerPoolParts {
  readonly options: CloudRunOptions
  readonly nodePath: string
  readonly reaper: Reaper
  readonly logs: LogKeeper
}

const idOf = (name: string): string => name.split('/').at(-1)!
const accountOf = ({ template: { serviceAccount = '' } }: WorkerPoolResource): string => serviceAccount

export function makeWorkerPools(
  context: CloudContext,
  { options, nodePath, reaper, logs }: WorkerPoolParts,
): WorkerPools {
  const pools = context.journal.table<WorkerPoolResource>('cloud-run/worker-pools')
  const workers = new Map<string, Workers>()
  let isStarted = false

  const get = (name: string): WorkerPoolResource => {
    const found = pools.get(name)
    if (!found) throw notFound(`Resource '${idOf(name)}' of kind 'WORKERPOOL' does not exist.`)
    return found
  }
  const onLine = (id: string, line: string): void => {
    context.count('logging.bytes', Buffer.byteLength(line))
    logs.write(id, line)
    options.onLog?.(id, line)
  }
  const startOne = async (name: string) => {
    const id = idOf(name)
    const resource = get(name)
    const started = startProcess({
      name: id,
      template: resource.template,
      ownVariables: { CLOUD_RUN_WORKER_POOL: id, CLOUD_RUN_REVISION: resource.latestReadyRevision },
      secretValues: secretValues(context, resource),
      cloudEnvironment: options.environmentOf(accountOf(resource)),
      workingDirectory: options.workingDirectory,
      nodePath,
      nodeOptions: [],
      reaper,
      onLine: (line) => onLine(id, line),
    })
    context.count('run.coldStarts')
    return started
  }
  const workersOf = (name: string): Workers => {
    const known = workers.get(name)
    if (known) return known
    const kept = keepWorkers({
      clock: context.clock,
      start: () => startOne(name),
      failed: (reason) => console.error(reason),
    })
    workers.set(name, kept)
    return kept
  }
  /** Stored pools run once the whole cloud does: their first calls find it. */
  const run = async (name: string): Promise<void> => {
    if (isStarted) await workersOf(name).scaleTo(get(name).scaling.manualInstanceCount!)
  }
  const store = (name: string, body: Partial<WorkerPoolResource>, generation: number): WorkerPoolResource => {
    const resource = { ...body, name, generation, latestReadyRevision: revisionName(idOf(name), generation, context) }
    pools.set(name, resource as WorkerPoolResource)
    return resource as WorkerPoolResource
  }

  return {
    get,
    list: (parent) => [...pools.values()].filter(({ name }) => name.startsWith(`${parent}/workerPools/`)),
    async create(parent, id, body) {
      const name = `${parent}/workerPools/${id}`
      if (pools.has(name)) throw alreadyExists(`Resource '${id}' already exists.`)
      checkWorkerPool(id, body)
      checkAccount(body.template!, context)
      const resource = store(name, body, 1)
      await run(name)
      return resource
    },
    async update(name, body) {
      const before = get(name)
      const after = { ...before, ...body }
      checkWorkerPool(idOf(name), after)
      checkAccount(after.template, context)
      if (JSON.stringify(after) === JSON.stringify(before)) return before
      const isNewRevision = JSON.stringify(after.template) !== JSON.stringify(before.template)
      const resource = store(name, after, before.generation + 1)
      if (isNewRevision) await workers.get(name)?.replace()
      await run(name)
      return resource
    },
    async delete(name) {
      const resource = get(name)
      await workers.get(name)?.close()
      workers.delete(name)
      pools.delete(name)
      return resource
    },
    running: () =>
      [...pools.entries()].map(([name, resource]) => ({
        pool: idOf(name),
        account: accountOf(resource),
        revision: resource.latestReadyRevision,
        pids:
          workers
            .get(name)
            ?.running()
            .map(({ pid }) => pid) ?? [],
        instances: workers.get(name)?.list() ?? [],
        reason: workers.get(name)?.reason(),
      })),
    async restart(pool) {
      for (const [name, kept] of workers) if (idOf(name) === pool) await kept.replace()
    },
    async signalAccount(account, signal) {
      const named = [...pools.entries()].filter(([, resource]) => isAccount(accountOf(resource), account))
      const running = named.flatMap(([name]) => workers.get(name)?.running() ?? [])
      await Promise.all(running.map((one) => one.kill(signal)))
      return running[0]?.pid
    },
    async start() {
      isStarted = true
      await Promise.all([...pools.keys()].map(run))
    },
    async stop() {
      await closeAll([...workers.values()].map((kept) => () => kept.close()))
    },
  }
}

const isAccount = (email: string, account: string): boolean => email === account || email.split('@')[0] === account
