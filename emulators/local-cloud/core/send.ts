/** Outgoing HTTP: pushes and task dispatches. `fetch` would do, at three times the processor time, and one request to a platform leads to dozens of them. */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { guardedLookup, refusedTarget } from './control-ports.ts'

export interface OutgoingRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
  /** Redirects are answers, as for Google's senders. */
  readonly redirect: 'manual'
}

/** The parts of an answer that senders read. */
export interface OutgoingAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
}

/** Resolves when the whole answer has arrived; its body is discarded. Rejects without an answer, and for control ports. */
export type Send = (url: string, request: OutgoingRequest) => Promise<OutgoingAnswer>

const httpAgent = new HttpAgent({ keepAlive: true })
const httpsAgent = new HttpsAgent({ keepAlive: true })

export const send: Send = (url, { method, headers, body, signal }) =>
  new Promise((resolve, reject) => {
    const refused = refusedTarget(url)
    if (refused !== undefined) throw new Error(refused)
    const isHttps = url.startsWith('https:')
    const lookup = guardedLookup(url)
    const options = {
      method,
      agent: isHttps ? httpsAgent : httpAgent,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      signal,
      ...(lookup ? { lookup } : {}),
    }
    const answered = (response: IncomingMessage): void => {
      response.resume()
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode!,
          headers: { get: (name) => [response.headers[name.toLowerCase()] ?? null].flat()[0]! },
        }),
      )
      // Without an end: the other side broke off.
      response.once('close', () => {
        if (!response.complete) reject(new Error('The connection was closed before the answer had ended.'))
      })
    }
    const outgoing = isHttps ? httpsRequest(url, options, answered) : httpRequest(url, options, answered)
    outgoing.once('error', reject)
    outgoing.end(body)
  })
