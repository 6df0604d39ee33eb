/** The note that a running platform leaves for the commands in other terminals. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeState, STATE_FILE_MODE } from './core/state-files.ts'

export interface Running {
  readonly pid: number
  readonly projectId: string
  /** `host:port` that answers every Google API as the owner. */
  readonly apiHost: string
  readonly region: string
  readonly gatewayUrl: string
  /** Service → where it answers; its OIDC audience too. */
  readonly serviceUrls: Readonly<Record<string, string>>
  readonly identityUrl: string
  /** Asked for on what Google has no API for: see core/run-secret.ts. */
  readonly secret: string
  readonly dataDirectory: string
}

/** What a start writes before it is ready: from then on nobody else may use the data directory. */
type Note = Running & { readonly ready: boolean }

export interface Claim {
  /** Commands in other terminals find the platform from now on. */
  ready(): void
  release(): void
}

/** A local cloud answers at once; another program that has taken over the process id, or the port, does not. */
const ANSWERS_WITHIN_MS = 2_000

/**
 * Takes the data directory for this process.
 * @throws Error in one line when a platform that is starting or running has it.
 */
export async function claim(running: Running): Promise<Claim> {
  const file = join(running.dataDirectory, 'running.json')
  closeState(running.dataDirectory)
  const write = (ready: boolean, flag: 'wx' | 'w'): void =>
    writeFileSync(file, JSON.stringify({ ...running, ready } satisfies Note, undefined, 2), {
      flag,
      mode: STATE_FILE_MODE,
    })
  const other = noteIn(file)
  if (other && (await holds(other))) throw new Error(alreadyHere(other))
  rmSync(file, { force: true })
  try {
    write(false, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // Another start was faster by a moment.
    throw new Error(alreadyHere(noteIn(file) ?? { ...running, ready: false }), { cause: error })
  }
  return { ready: () => write(true, 'w'), release: () => rmSync(file, { force: true }) }
}

const alreadyHere = ({ pid, gatewayUrl, ready }: Running & { ready?: boolean }): string =>
  ready === false
    ? `Millrace is already starting here (process ${pid}): wait for it, or stop it with Ctrl-C first.`
    : `Millrace already runs here (process ${pid}, ${gatewayUrl}): use it, or stop it with Ctrl-C first.`

function noteIn(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note
  } catch {
    return undefined
  }
}

/** One that was killed leaves its note behind, and its process id may be somebody else's by now. */
async function holds({ pid, apiHost, ready }: Note): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (!ready) return true
  try {
    const answer = await fetch(`http://${apiHost}/_local/health`, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
    return answer.ok
  } catch (error) {
    // Busy or stopped, it is there; where nobody listens it is not.
    return error instanceof DOMException
  }
}
