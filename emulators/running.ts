/** The note that a running platform leaves for the commands in other terminals. */

import { readFileSync } from 'node:fs'

export interface Running {
  readonly pid: number
  readonly projectId: string
  /** `host:port` that answers every Google API as the owner. */
  readonly apiHost: string
  readonly gatewayUrl: string
  readonly identityUrl: string
  readonly dataDirectory: string
}

/** The platform that left this note, if its process still lives. */
export function aliveElsewhere(file: string): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(file, 'utf8')) as Running
    process.kill(running.pid, 0)
    return running
  } catch {
    // No note, or one of a process that was killed.
    return undefined
  }
}
