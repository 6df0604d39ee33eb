/** One instance of a service: a process of its own container, with exactly the environment that Cloud Run would give it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { type Agent, get as httpGet } from 'node:http'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { freePort } from '../../core/free-ports.ts'
import { IngressAgent } from './ingress-agent.ts'
import { newSecret } from './ingress-secret.ts'
import { startFailure } from './start-failure.ts'
import type { Reaper } from './reaper.ts'
import { limits } from '../values/limits.ts'
import { servingContainer, type ServiceResource, type Template } from '../values/service.ts'

export interface ProcessOptions {
  /** The service or worker pool. */
  readonly name: string
  readonly template: Template
  /** The variables that Cloud Run itself sets. */
  readonly ownVariables: Readonly<Record<string, string>>
  /** Of its variables that refer to secrets. */
  readonly secretValues: Readonly<Record<string, string>>
  /** Variables by which clients find the local cloud. */
  readonly cloudEnvironment: Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly nodePath: string
  readonly nodeOptions: readonly string[]
  readonly reaper: Reaper
  onLine(line: string): void
}

export interface InstanceOptions extends Omit<ProcessOptions, 'name' | 'template' | 'ownVariables'> {
  readonly service: string
  readonly resource: ServiceResource
  /** Its process is there, and not ready yet. */
  onSpawn(process: Spawned): Promise<void>
}

/** A process of a container. */
export interface ContainerProcess extends Spawned {
  /** Its ingress alone knows it. */
  readonly secret: Buffer
  /** Once it has ended. */
  readonly gone: Promise<void>
  /** Signals its group, if it still runs. */
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL after ten seconds. */
  stop(): Promise<void>
  /** Why it ended, with its last lines. */
  failure(): string
}

/** A process, ready or not. */
export interface Spawned {
  readonly pid: number
  /** To the group; resolves once the signal is sent, after SIGKILL once the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
  readonly exited: boolean
}

interface Target {
  readonly port: number
  /** The process takes no other connections on that port. */
  readonly agent: Agent
}

export interface Instance extends Spawned, Target {
  readonly revision: string
  /** When its process was started, ISO 8601. */
  readonly startedAt: string
  /** Without CPU it stands still, as between two requests under request-based billing. A new instance has CPU. */
  setCpu(given: boolean): void
  /** SIGTERM, and SIGKILL after ten seconds. */
  stop(): Promise<void>
  /** Whether it takes a new connection, and keeps it: the system still takes some for a process that is ending. */
  listens(): Promise<boolean>
  /** The answer of the container to a GET, past the ingress. */
  get(path: string, timeoutMs?: number): Promise<Answered>
}

/** `silent`: it took the connection and did not answer in time; `broken`: it refused the connection, or ended it. */
export type Answered = { readonly status: number; readonly text: string } | 'silent' | 'broken'

/** Between two startup probes. Cloud Run's own are seconds apart, which would delay a start here; each that fails takes half a millisecond of the processor for which the process waits. */
const PROBE_EVERY_MS = 50
const PROBE_TIMEOUT_MS = 1_000
/** Of the answer to a probe. */
const PROBE_CHARACTERS = 1_000
const START_TIMEOUT_MS = 60_000
/** Does for a process what Cloud Run's sandbox does for a container. */
const INGRESS_ONLY = new URL('ingress-only.ts', import.meta.url).href

/** The code of a service fills the usual young generation of 1 MB many times: its collections would be a seventh of a start. */
const YOUNG_GENERATION = '--min-semi-space-size=16'
/** `idle-memory.ts` collects once an instance is idle. V8 would do so again, and free nothing more. */
const ONE_COLLECTION = '--no-memory-reducer'

/** @throws Error for a container that the local cloud can not run */
export function startProcess(options: ProcessOptions): ContainerProcess {
  const { name, template } = options
  const container = servingContainer(template)
  const [command, ...commandArgs] = [...(container.command ?? []), ...(container.args ?? [])]
  if (!command)
    throw new Error(`${name}: its container has no command; an image's own entry point is not known locally.`)
  if (command !== 'node')
    throw new Error(
      `${name}: its container's command is "${command}", and the local cloud runs "node" only: it can not restrict another program's port to the ingress.`,
    )
  const child = spawn(
    options.nodePath,
    [YOUNG_GENERATION, ONE_COLLECTION, ...options.nodeOptions, '--import', INGRESS_ONLY, ...commandArgs],
    {
      cwd: options.workingDirectory,
      env: environment(options),
      // A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops each in order.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  const secret = newSecret()
  child.stdin.on('error', () => {})
  child.stdin.end(secret)
  const lastLines: string[] = []
  const keep = (line: string): void => {
    lastLines.push(line)
    if (lastLines.length > 20) lastLines.shift()
    options.onLine(line)
  }
  readLines(child.stdout, keep)
  readLines(child.stderr, keep)
  let exited = false
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      exited = true
      keep(`${command} could not be started: ${error.message}`)
      resolve()
    })
    child.once('exit', () => {
      exited = true
      resolve()
    })
  })
  if (child.pid !== undefined) options.reaper.watch(child.pid)
  void gone.then(() => {
    if (child.pid !== undefined) options.reaper.forget(child.pid)
  })
  return {
    pid: child.pid ?? 0,
    secret,
    gone,
    signal: (signal) => signalGroup(child, signal),
    async kill(signal) {
      signalGroup(child, signal)
      if (signal === 'SIGKILL') await gone
    },
    async stop() {
      if (exited) return
      signalGroup(child, 'SIGTERM')
      // A process that is being stopped has CPU again.
      signalGroup(child, 'SIGCONT')
      const timeout = setTimeout(() => signalGroup(child, 'SIGKILL'), limits.stopTimeoutMs)
      await gone
      clearTimeout(timeout)
    },
    failure: () => startFailure(name, lastLines, options.workingDirectory),
    get exited() {
      return exited
    },
  }
}

/** @throws Error with the last lines that the process wrote, when it ends or stays silent before it is ready. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { resource, service } = options
  const port = await freePort()
  const startedAt = new Date().toISOString()
  const started = startProcess({
    ...options,
    name: service,
    template: resource.template,
    ownVariables: {
      PORT: String(port),
      K_SERVICE: service,
      K_REVISION: resource.latestReadyRevision,
      K_CONFIGURATION: service,
    },
  })
  const agent = new IngressAgent(started.secret)
  await options.onSpawn(started)
  const ready = await Promise.race([
    probe(resource, { port, agent }, () => started.exited),
    started.gone.then(() => false),
  ])
  if (!ready) {
    started.signal('SIGKILL')
    throw new Error(started.failure())
  }
  return {
    pid: started.pid,
    port,
    agent,
    revision: resource.latestReadyRevision,
    startedAt,
    kill: (signal) => started.kill(signal),
    setCpu: (given) => started.signal(given ? 'SIGCONT' : 'SIGSTOP'),
    stop: () => started.stop(),
    listens: async () => !started.exited && (await answerAt(probePath(resource), { port, agent })) !== 'broken',
    get: (path, timeoutMs) => answerAt(path, { port, agent }, timeoutMs),
    get exited() {
      return started.exited
    },
  }
}

/** The variables of the stacks, those of Cloud Run, and the addresses of the local cloud. No other variable is inherited. */
function environment({
  template,
  secretValues,
  cloudEnvironment,
  ownVariables,
}: ProcessOptions): Record<string, string> {
  const written = (servingContainer(template).env ?? []).map(({ name, value }) => [name, value ?? ''] as const)
  return { ...Object.fromEntries(written), ...secretValues, ...cloudEnvironment, ...ownVariables }
}

const probePath = ({ template }: ServiceResource): string =>
  servingContainer(template).startupProbe?.httpGet?.path ?? '/'

async function probe(resource: ServiceResource, target: Target, ended: () => boolean): Promise<boolean> {
  const path = probePath(resource)
  const deadlineMs = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadlineMs && !ended()) {
    const answer = await answerAt(path, target)
    if (typeof answer === 'object' && answer.status >= 200 && answer.status < 400) return true
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS))
  }
  return false
}

export function answerAt(path: string, { port, agent }: Target, timeoutMs = PROBE_TIMEOUT_MS): Promise<Answered> {
  return new Promise((resolve) => {
    const at = { host: '127.0.0.1', port }
    const probe = httpGet({ ...at, path, agent, headers: { connection: 'close' }, timeout: timeoutMs }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(0, PROBE_CHARACTERS)))
      response.once('end', () => resolve({ status: response.statusCode!, text }))
    })
    probe.once('timeout', () => {
      resolve('silent')
      probe.destroy()
    })
    probe.once('error', () => resolve('broken'))
    // An answer that breaks off ends with neither `end` nor an error.
    probe.once('close', () => resolve('broken'))
  })
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has just ended.
  }
}

function readLines(stream: Readable, keep: (line: string) => void): void {
  createInterface({ input: stream }).on('line', keep)
}
