/** Reads the local cloud's own reports, under `/_local`. */

import { type Running, secretOf, UsageError } from './command.ts'

/** @throws UsageError with the answer, when it is not of success */
export async function getLocal<Answer>(running: Running, path: string): Promise<Answer> {
  const response = await fetch(`http://${running.apiHost}${path}`, { headers: secretOf(running) })
  if (!response.ok)
    throw new UsageError(
      `${path} answered ${response.status}: ${await response.text()}${inTerminal('local cloud', response.status)}`,
    )
  return (await response.json()) as Answer
}

/** After an answer of a server that `npm start` itself runs, which has no log of its own: empty unless it failed. */
export const inTerminal = (server: string, status: number): string =>
  status < 500 ? '' : `\nThe ${server} answered this: its error is in the terminal of npm start.`
