/** Why a start failed, in one line with the remedy. */

import { processOnPort } from 'local-google-cloud/host'

interface Remedies {
  /** The command that starts on other ports. */
  readonly start: string
  /** The command that makes an empty state folder, as a sentence. */
  readonly empty: string
}

export async function explainStart(error: unknown, { start, empty }: Remedies): Promise<string> {
  if (!(error instanceof Error)) return String(error)
  const taken = /EADDRINUSE.*?:(\d+)|port (\d+) is (?:taken|in use)/i.exec(error.message)
  const port = Number(taken?.[1] ?? taken?.[2])
  if (/ is damaged\b/.test(error.message)) return `${error.message} ${empty}`
  if (!Number.isInteger(port)) return process.env['DEBUG'] ? (error.stack ?? error.message) : error.message
  const owner = await processOnPort(port)
  const service = /^The service (\S+) can't be opened/.exec(error.message)?.[1]
  return `Port ${port}${service ? ` of the service ${service}` : ''} is taken${owner ? ` by ${owner}` : ''}: stop it, or start on other ports with ${start}.`
}
