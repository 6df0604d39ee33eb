/**
 * The process that owns DuckDB and the translation of GoogleSQL, so that no query can keep the local cloud from its other
 * work. `engine.ts` starts it, and ends it when a query does not. Its arguments are the folder of the database and, in tests, the limit of its memory.
 */

import { join } from 'node:path'
import { giveBackIdleMemory } from '../../core/idle-memory.ts'
import { STATE_UMASK } from '../../core/state-files.ts'
import { StatusError } from '../../core/status.ts'
import { openDuck } from './duck.ts'
import { endsWithinChange, LOG_FILE } from './log-end.ts'
import { type Call, type EngineWork, MEMORY_SIGNAL, type Reply } from './engine-work.ts'
import { translate } from '../sql/translate.ts'

/** Planning allocates beyond DuckDB's own limit; a process that takes so much ends. */
const MAX_PROCESS_BYTES = 4 * 1024 ** 3
const CHECK_INTERVAL_MS = 250
/** Another process may still hold the database: the one before, which has not yet noticed that the local cloud ended. */
const OPEN_TIMEOUT_MS = 10_000
const TRY_EVERY_MS = 100

process.umask(STATE_UMASK)
giveBackIdleMemory()
// Ctrl-C reaches every process of a terminal; this one ends when the local cloud does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
// Acknowledged changes are in the log of the database. SIGKILL does not wait for the threads of an endless query.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
setInterval(() => {
  if (process.memoryUsage.rss() > MAX_PROCESS_BYTES) process.kill(process.pid, MEMORY_SIGNAL)
}, CHECK_INTERVAL_MS)

/** Fails when the local cloud has ended, which `disconnect` reports: the failure itself is of no use. */
const send = (reply: Reply): void => void process.send!(reply, undefined, undefined, () => {})
const failed = (id: number, error: unknown): Reply => {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof StatusError) return { id, message, status: { code: error.code, details: error.details } }
  // SQL so deep that the parser's stack overflows: the caller's error, and the process goes on.
  return { id, message: error instanceof RangeError ? `The query is too complex: ${message}.` : message }
}

try {
  const { duck, isCutOff } = await opened(process.argv[2]!)
  const work: EngineWork = {
    ...duck,
    translate: async (...given) => translate(...given),
  }
  process.on('message', (call: Call) => {
    const method = work[call.method] as (...given: readonly unknown[]) => Promise<unknown>
    method(...call.arguments).then(
      (value) => send({ id: call.id, value }),
      (error: unknown) => send(failed(call.id, error)),
    )
  })
  send({ id: 0, value: isCutOff })
} catch (error) {
  send(failed(0, error))
}

/** The database, and whether its log ended within a change. */
async function opened(directory: string): Promise<{ duck: Awaited<ReturnType<typeof openDuck>>; isCutOff: boolean }> {
  for (const endMs = performance.now() + OPEN_TIMEOUT_MS; ;) {
    try {
      // Before the database is opened, which may take the log into its file.
      const isCutOff = endsWithinChange(join(directory, LOG_FILE))
      return { duck: await openDuck(directory, process.argv[3]), isCutOff }
    } catch (error) {
      const isHeld = /conflicting lock is held/i.test((error as Error).message)
      if (!isHeld || performance.now() > endMs) throw error
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
    }
  }
}
