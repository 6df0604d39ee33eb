/** For a command that waits for the services' work: names each service that does not start, and the reason. */

import type { Running } from '../command.ts'
import { failedStarts } from '../failed-starts.ts'
import { readWaiting } from './waiting.ts'

/**
 * Each call prints the sentences that were not printed before. It does not fail: the command's own answer says more.
 * @param running undefined: a deployed platform, whose services are not seen from here
 * @param read one sentence for each service that does not start
 */
export function startNotes(
  running: Running | undefined,
  print: (line: string) => void,
  read: (running: Running) => Promise<readonly string[]> = failedStartsOf,
): () => Promise<void> {
  const printed = new Set<string>()
  return async () => {
    const lines = running ? await read(running).catch(() => []) : []
    for (const line of lines) {
      if (printed.has(line)) continue
      printed.add(line)
      print(line)
    }
  }
}

const failedStartsOf = async (running: Running): Promise<readonly string[]> =>
  failedStarts((await readWaiting(running)).services)
