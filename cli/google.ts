/** The operator's own credentials at Google, for requests over HTTP. */

import { UsageError } from './command.ts'

export type HeadersOf = (url: string) => Promise<Record<string, string>>

/**
 * The headers of a request to this address, as the person who called gcloud auth application-default login.
 * @param purpose the beginning of the error: "Reading policies"
 * @throws UsageError when this machine has no credentials
 */
export async function googleHeaders(purpose: string): Promise<HeadersOf> {
  const { GoogleAuth } = await import('google-auth-library')
  const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
  return async (url) => {
    try {
      return Object.fromEntries(await auth.getRequestHeaders(url))
    } catch {
      throw new UsageError(`${purpose} needs Google credentials: run gcloud auth application-default login.`)
    }
  }
}
