/** One platform per data directory: its lock, and `running.json`, by which commands in other terminals find it. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { closeState, writeState } from 'local-google-cloud/host'

export interface Running {
  readonly pid: number
  readonly projectId: string
  /** `host:port` that answers every Google API as the owner. */
  readonly apiHost: string
  readonly region: string
  /** The address of the service with public ingress. Absent: no service has it. */
  readonly publicUrl?: string
  /** Service → where it answers; its OIDC audience too. */
  readonly serviceUrls: Readonly<Record<string, string>>
  readonly identityUrl: string
  /** Required where Google has no API: `/_local/*`, tokens of the identity platform. */
  readonly secret: string
  readonly dataDirectory: string
}

/** Prints `secret`. */
export const SECRET_COMMAND = 'npm run -s secret'

/** The content of `running.json`. A start writes it before the platform is ready. */
export type RunInfo = Running & { readonly ready: boolean }

export interface DirectoryLock {
  /** Commands in other terminals find the platform from now on. */
  ready(): void
  /** Commands no longer find the platform; the directory stays locked. */
  withdraw(): void
  /** Unlocks the directory for another start. The end of this process, however it comes, unlocks it too. */
  release(): void
}

/** Files of the lock itself, which is acquired before anything else in the directory is touched. */
export const lockFiles: readonly string[] = ['running.json', 'lock']
const SQLITE_BUSY = 5
const SQLITE_NOTADB = 26
/** Two processes that lock at the same time may refuse each other for an instant. */
const LOCK_TIMEOUT_MS = 250

/**
 * Locks the data directory for this process.
 * @throws Error in one line when a platform that is starting, running or stopping has locked it.
 */
export function acquireLock(running: Running): DirectoryLock {
  const file = join(running.dataDirectory, 'running.json')
  const lock = lockDirectory(running.dataDirectory, () => alreadyRunning(file))
  // Not before the lock: a start that is refused must not see files that another one writes or deletes.
  closeState(running.dataDirectory)
  const write = (ready: boolean): void =>
    writeState(file, JSON.stringify({ ...running, ready } satisfies RunInfo, undefined, 2))
  const withdraw = (): void => rmSync(file, { force: true })
  write(false)
  return {
    ready: () => write(true),
    withdraw,
    release() {
      withdraw()
      if (lock.isOpen) lock.close()
    },
  }
}

/**
 * Makes the directory, and locks it until `close` or the end of this process. SQLite has the lock of the operating system
 * for which Node has no function: it ends with the process, even by SIGKILL.
 * @param whyBusy the message of the Error that is thrown if another process has locked it
 */
export function lockDirectory(directory: string, whyBusy: () => string): DatabaseSync {
  mkdirSync(directory, { recursive: true })
  const lock = new DatabaseSync(join(directory, 'lock'), { timeout: LOCK_TIMEOUT_MS })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    const { errcode } = error as { errcode?: number }
    if (errcode === SQLITE_NOTADB)
      throw new Error(`${join(directory, 'lock')} was overwritten: delete it, then start again. It holds no data.`, {
        cause: error,
      })
    if (errcode !== SQLITE_BUSY) throw error
    throw new Error(whyBusy(), { cause: error })
  }
}

function alreadyRunning(file: string): string {
  const info = liveRunInfo(file)
  if (info === 'damaged')
    return `${file} can't be read: stop the Millrace that runs here with Ctrl-C, then start again. The file holds no data.`
  if (!info) return 'Millrace is just starting or stopping here: wait a moment, then try again.'
  const { pid, apiHost, publicUrl = `http://${apiHost}`, ready } = info
  return ready
    ? `Millrace already runs here (process ${pid}, ${publicUrl}): use it, or stop it with Ctrl-C first.`
    : `Millrace is already starting here (process ${pid}): wait for it, or stop it with Ctrl-C first.`
}

/** Undefined when its process has ended: one that was killed leaves the file behind. */
function liveRunInfo(file: string): RunInfo | 'damaged' | undefined {
  const info = readRunInfo(file)
  if (info === undefined || info === 'damaged') return info
  try {
    process.kill(info.pid, 0)
    return info
  } catch {
    return undefined
  }
}

function readRunInfo(file: string): RunInfo | 'damaged' | undefined {
  try {
    const info = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunInfo> | null
    return typeof info?.pid === 'number' ? (info as RunInfo) : 'damaged'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'damaged'
  }
}
