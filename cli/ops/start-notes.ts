/** For a command that waits for the services' work: names each service that does not start, and the reason. */

import type { Running } from '../command.ts'
import { failedStarts, readWaiting } from './waiting.ts'

/** Each call notes what was not printed before. It does not fail: the command's own answer says more. */
export function startNotes(read: () => Promise<readonly string[]>, note: (line: string) => void): () => Promise<void> {
  const printed = new Set<string>()
  return async () => {
    for (const line of await read().catch(() => [])) {
      if (printed.has(line)) continue
      printed.add(line)
      note(line)
    }
  }
}

/** One sentence for each service of the platform that does not start; none of a deployed one, whose services are not seen from here. */
export const readFailedStarts =
  (running: Running | undefined): (() => Promise<readonly string[]>) =>
  async () =>
    running ? failedStarts((await readWaiting(running)).services) : []
