/**
 * The engine as the local cloud sees it: a process of its own (`engine-process.ts`), started when it is first needed. A call
 * that outlives its time ends that process, even when it can't be interrupted; acknowledged changes are in DuckDB's log,
 * and the next process reads them again.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeState } from '../../core/state-files.ts'
import { type Code, invalidArgument, StatusError } from '../../core/status.ts'
import { type Call, type EngineWork, MEMORY_SIGNAL, type Query, type Reply } from './engine-work.ts'
import { LOG_FILE } from './log-end.ts'
import { outOfMemory } from '../sql/engine-errors.ts'
import { timedOut } from '../values/limits.ts'

export interface EngineOptions {
  /** The folder of the database. Absent: a temporary folder, which is removed at the end. */
  readonly directory?: string
  /** Longest time of a query (default 60 s). */
  readonly queryTimeoutMs?: number
  /** DuckDB's memory, such as `200MB` (default 2 GB). */
  readonly memoryLimit?: string
}

export interface Engine extends Omit<EngineWork, 'query'> {
  query(
    query: Omit<Query, 'timeoutMs'> & { readonly timeoutMs?: number },
  ): Promise<Awaited<ReturnType<EngineWork['query']>>>
  /** The pid of the engine's process; undefined while it does not run. */
  readonly pid: number | undefined
  close(): Promise<void>
}

const QUERY_TIMEOUT_MS = 60_000
/** For all calls but queries, which have their own timeout: translating a text of 1 MB, an append, a change of a table. */
const CALL_TIMEOUT_MS = 60_000
/** For a new process: to start, to wait until the previous one has ended, and to read the database's log. */
const OPEN_TIMEOUT_MS = 60_000
/** After its time a query is interrupted; DuckDB does not look for that while it plans. */
const INTERRUPT_TIMEOUT_MS = 1_000
/** Calls that wait for their answer. */
const MAX_WAITING_CALLS = 1_000
const OLD_SPACE_MB = 1_024
/** The number of threads, one for each running query, so that hanging queries leave some to others. */
const THREADS = 16
/** Calls that change nothing, so that they may be made again in another process. */
const repeatable = new Set<Call['method']>(['translate', 'describe'])

interface Waiting {
  readonly call: Call
  readonly timeoutMs: number
  readonly repeatable: boolean
  repeated: boolean
  timer: NodeJS.Timeout | undefined
  resolve(value: unknown): void
  reject(error: Error): void
}

export function makeEngine({ directory, queryTimeoutMs = QUERY_TIMEOUT_MS, memoryLimit }: EngineOptions = {}): Engine {
  const waiting = new Map<number, Waiting>()
  let folder = directory
  let running: { readonly child: ChildProcess; readonly open: Promise<void> } | undefined
  let lastId = 0
  let closed = false

  const start = (): NonNullable<typeof running> => {
    folder ??= mkdtempSync(join(tmpdir(), 'local-bigquery-'))
    closeState(folder)
    const child = spawned(folder, memoryLimit)
    const { promise: open, resolve, reject } = Promise.withResolvers<void>()
    child.on('message', (reply: Reply) => {
      if (reply.id === 0) {
        if ('value' in reply) {
          if (reply.value === true)
            console.error(
              `${join(folder!, LOG_FILE)} ended within a change, which is dropped. If more rows are missing than the last change before a kill, begin with an empty state folder.`,
            )
          return resolve()
        }
        reject(errorOf(reply))
        // The next call tries again.
        return void child.kill('SIGKILL')
      }
      const one = waiting.get(reply.id)
      if (!one) return
      settle(one)
      if ('value' in reply) one.resolve(reply.value)
      else one.reject(errorOf(reply))
    })
    const opening = setTimeout(() => child.kill('SIGKILL'), OPEN_TIMEOUT_MS)
    const opened = (): void => clearTimeout(opening)
    open.then(opened, opened)
    child.once('exit', (_, signal) => {
      reject(restarted())
      if (running?.child === child) ended(signal === MEMORY_SIGNAL)
    })
    return { child, open }
  }
  const settle = (one: Waiting): void => {
    clearTimeout(one.timer)
    waiting.delete(one.call.id)
  }
  /**
   * The process has ended: calls that only read are repeated once, one after the other, so that a query which ends the process
   * again ends no other. Whether calls that write took effect is unknown.
   */
  const ended = (isOutOfMemory = false): void => {
    running = undefined
    // Repeated calls are added to `waiting` during the loop, so it is copied.
    const lost = [...waiting.values()]
    let before = Promise.resolve()
    for (const one of lost) {
      settle(one)
      if (one.repeatable && !one.repeated && !closed) before = before.then(() => repeat(one))
      else one.reject(isOutOfMemory && one.repeated ? outOfMemory() : restarted())
    }
  }
  /** Resolves when the call has ended, also in failure. */
  const repeat = (one: Waiting): Promise<void> =>
    new Promise((resolve) => {
      const then =
        <T>(settled: (value: T) => void) =>
        (value: T): void => {
          settled(value)
          resolve()
        }
      if (closed) then(one.reject)(restarted())
      else submit({ ...one, repeated: true, resolve: then(one.resolve), reject: then(one.reject) })
    })
  const late = (one: Waiting): void => {
    settle(one)
    one.reject(one.call.method === 'query' ? timedOut(one.timeoutMs) : restarted())
    const { child } = running ?? {}
    ended()
    child?.kill('SIGKILL')
  }
  const submit = (one: Waiting): void => {
    waiting.set(one.call.id, one)
    running ??= start()
    const { child, open } = running
    open.then(
      () => {
        // Its time begins when the process is there.
        if (waiting.get(one.call.id) !== one) return
        one.timer = setTimeout(() => late(one), one.timeoutMs + INTERRUPT_TIMEOUT_MS)
        try {
          child.send(one.call)
        } catch (error) {
          // A value with too many nested levels can't be copied to the process.
          settle(one)
          one.reject(invalidArgument(`The call can't be made: ${(error as Error).message}.`))
        }
      },
      (error: Error) => {
        if (waiting.get(one.call.id) !== one) return
        settle(one)
        one.reject(error)
      },
    )
  }
  const call = <Method extends keyof EngineWork>(
    method: Method,
    given: Parameters<EngineWork[Method]>,
    { timeoutMs = CALL_TIMEOUT_MS, again = repeatable.has(method) } = {},
  ): ReturnType<EngineWork[Method]> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (closed) reject(restarted())
    else if (waiting.size >= MAX_WAITING_CALLS) reject(tooMany())
    else {
      lastId += 1
      const message: Call = { id: lastId, method, arguments: given }
      submit({ call: message, timeoutMs, repeatable: again, repeated: false, timer: undefined, resolve, reject })
    }
    return promise as ReturnType<EngineWork[Method]>
  }
  return {
    get pid() {
      return running?.child.pid
    },
    translate: (...given) => call('translate', given),
    describe: (...given) => call('describe', given),
    query({ timeoutMs = queryTimeoutMs, ...query }) {
      const limitMs = Math.min(timeoutMs, queryTimeoutMs)
      return call('query', [{ ...query, timeoutMs: limitMs }], {
        timeoutMs: limitMs,
        again: query.isSelect && !query.before && !query.after,
      })
    },
    execute: (...given) => call('execute', given),
    append: (...given) => call('append', given),
    async close() {
      closed = true
      const { child } = running ?? {}
      const gone = child && new Promise((resolve) => child.once('exit', resolve))
      ended()
      child?.kill('SIGKILL')
      await gone
      if (directory === undefined && folder !== undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

function spawned(folder: string, memoryLimit: string | undefined): ChildProcess {
  const child = fork(
    new URL('engine-process.ts', import.meta.url),
    memoryLimit === undefined ? [folder] : [folder, memoryLimit],
    {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [`--max-old-space-size=${OLD_SPACE_MB}`],
      env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: String(THREADS) },
    },
  )
  // An exit follows; a message that can't be sent any more belongs to a call that `ended` takes care of.
  child.on('error', () => {})
  return child
}

function errorOf(reply: Extract<Reply, { message: string }>): Error {
  const { message, status } = reply
  return status ? new StatusError(status.code as Code, message, status.details) : new Error(message)
}

const restarted = (): StatusError =>
  new StatusError('UNAVAILABLE', 'The query engine of the local cloud was restarted: repeat the call.')
const tooMany = (): StatusError =>
  new StatusError(
    'RESOURCE_EXHAUSTED',
    `Quota exceeded: the local cloud has ${MAX_WAITING_CALLS} calls to its query engine that wait for an answer: repeat the call later.`,
  )
