/** Reads the local cloud's own reports, under `/_local`. */

import { type Running, secretOf, UsageError } from './command.ts'

/** @throws UsageError with the answer, when its status is not 2xx */
export async function getLocal<Answer>(running: Running, path: string): Promise<Answer> {
  const response = await fetch(`http://${running.apiHost}${path}`, { headers: secretOf(running) })
  if (!response.ok)
    throw new UsageError(
      `${path} answered ${response.status}: ${await response.text()}${inTerminal('local cloud', response.status)}`,
    )
  return (await response.json()) as Answer
}

/** A hint for the user where a server of `npm start` failed: it has no log, and prints its errors in that terminal. Empty for a status below 500. */
export const inTerminal = (server: string, status: number): string =>
  status < 500 ? '' : `\nThe ${server} answered this: its error is in the terminal of npm start.`
