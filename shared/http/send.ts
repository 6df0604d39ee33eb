/** Outgoing requests by Node's own client, for half of the processor time of `fetch`: a connection stays open for the next one. */

import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export interface SentRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** The whole answer as it came. */
export interface WholeAnswer {
  readonly status: number
  readonly body: Buffer
  /** The values of each header, under its name in small letters. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>
}

/**
 * The whole answer, also a redirect, which is not followed. A request that met a connection which the other side was closing is sent
 * once more, if it only reads or has an idempotency key. Rejects with the signal's reason, with a TypeError where no whole
 * answer came, as `fetch` does, and with another Error for an answer that is not read.
 */
export type Send = (url: string, request: SentRequest) => Promise<Response>

/** The same without a Response, which with its stream is a quarter of the cost of a small answer. */
type Exchange = (url: string, request: SentRequest) => Promise<WholeAnswer>

/** A timeline has less than 1 MiB: a Firestore document holds no more. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Shorter than servers keep a connection: one that they are closing would lose a request. */
const IDLE_CONNECTION_MS = 4_000

const options = { keepAlive: true, timeout: IDLE_CONNECTION_MS }
const httpAgent = new HttpAgent(options)
const httpsAgent = new HttpsAgent(options)
/** Statuses whose answer has no body. */
const BODILESS: readonly number[] = [204, 205, 304]

export const exchange: Exchange = (url, request) =>
  sendBy(url.startsWith('https:') ? httpsAgent : httpAgent, url, request)

export const send: Send = async (url, request) => {
  const { status, body, headers } = await exchange(url, request)
  const hasBody = body.byteLength > 0 && !BODILESS.includes(status)
  return new Response(hasBody ? body : null, { status, headers: headersOf(headers) })
}

/** @param agent false: on a connection of its own */
function sendBy(agent: HttpAgent | false, url: string, sent: SentRequest): Promise<WholeAnswer> {
  const { method, headers, body, signal } = sent
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise<WholeAnswer>((resolve, reject) => {
    const fail = (error: unknown): void => {
      if (error instanceof Unread) reject(error)
      else reject(signal.aborted ? signal.reason : new TypeError(`${url} gave no answer.`, { cause: error }))
    }
    const closed = (): void => fail(new Error('The connection was closed.'))
    const outgoing = request(
      url,
      {
        method,
        agent,
        // An answer is read as it is: none is compressed.
        headers: { ...headers, 'accept-encoding': 'identity', ...lengthOf(method, body) },
        signal,
      },
      (response) => {
        outgoing.off('close', closed)
        read(url, response, { resolve, fail })
      },
    )
    // Each error has a listener, also a second one: without one, it would end the process.
    outgoing.on('error', (error) => {
      const isAgain = agent && outgoing.reusedSocket && isReset(error) && isRepeatable(sent) && !signal.aborted
      if (isAgain) resolve(sendBy(false, url, sent))
      else fail(error)
    })
    // An answer that changes the protocol, 101, ends like this, without any other event.
    outgoing.once('close', closed)
    outgoing.end(body)
  })
}

/** The other side had closed the connection before the request came, although it was to stay open. */
const isReset = (error: Error & { readonly code?: string }): boolean =>
  error.code === 'ECONNRESET' || error.code === 'EPIPE'

/** It may have had its effect all the same: repeated, it has no other one. */
const isRepeatable = ({ method, headers }: SentRequest): boolean => method === 'GET' || 'idempotency-key' in headers

class Unread extends Error {}

const lengthOf = (method: string, body: string | undefined): Record<string, string> =>
  body !== undefined || method !== 'GET' ? { 'content-length': String(Buffer.byteLength(body ?? '')) } : {}

interface Outcome {
  resolve(answer: WholeAnswer): void
  fail(error: unknown): void
}

/** A response that has begun ends with `end` or an error. */
function read(url: string, response: IncomingMessage, { resolve, fail }: Outcome): void {
  const chunks: Buffer[] = []
  let bytes = 0
  const refuse = (why: string): void => {
    fail(new Unread(`${url} answered ${why}, which is not read.`))
    response.destroy()
  }
  const { 'content-encoding': encoding = 'identity' } = response.headers
  if (encoding !== 'identity') refuse(`with the content-encoding "${encoding}"`)
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) refuse(`more than ${MAX_ANSWER_BYTES} bytes`)
    else chunks.push(chunk)
  })
  response.on('error', fail)
  response.once('end', () => {
    try {
      resolve(answerOf(response, chunks))
    } catch (error) {
      fail(error)
    }
  })
}

function answerOf(response: IncomingMessage, chunks: readonly Buffer[]): WholeAnswer {
  const status = response.statusCode!
  // The server's library puts a Response of its own in place of Node's, which takes any number.
  if (status < 200 || status > 599) throw new TypeError(`${status} is no status of an answer.`)
  return { status, body: Buffer.concat(chunks), headers: response.headersDistinct }
}

/** Headers of the connection are left out: the answer is whole. */
const headersOf = (headers: WholeAnswer['headers']): [string, string][] =>
  Object.entries(headers).flatMap(([name, values = []]) =>
    OF_THE_CONNECTION.has(name) ? [] : values.map((value): [string, string] => [name, value]),
  )

const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'transfer-encoding',
])
