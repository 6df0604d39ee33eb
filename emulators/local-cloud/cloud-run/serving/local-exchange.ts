/** A request to a service from this same process: a push, a task, a schedule. Its sender reads no body. */

import { type IncomingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http'
import type { OutgoingAnswer, OutgoingRequest } from '../../core/send.ts'
import { type Exchange, refusalHeaders } from './exchange.ts'

/** Node's parser refuses a head that is larger, with 431. */
const MAX_HEAD_BYTES = 16 * 1024
/** The parser gives these a meaning for the connection, or treats their repetition in its own way. */
const OF_CONNECTIONS = /^(connection|expect|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings)$/
const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The headers as a port would read them; undefined for a request that only a connection can carry. @throws TypeError for an invalid header */
export function headersAtPort(
  { host }: URL,
  { method, headers, body }: OutgoingRequest,
): IncomingHttpHeaders | undefined {
  if (!METHODS.includes(method) || (body === undefined && method !== 'GET')) return undefined
  const received: Record<string, string> = { host }
  let bytes = 0
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    const lower = name.toLowerCase()
    if (OF_CONNECTIONS.test(lower)) return undefined
    received[lower] = value.replaceAll(/^[\t ]+|[\t ]+$/g, '')
    bytes += name.length + value.length + ': \r\n'.length
  }
  if (body !== undefined) received['content-length'] = String(Buffer.byteLength(body))
  return bytes > MAX_HEAD_BYTES / 2 ? undefined : received
}

export interface LocalExchange {
  readonly exchange: Exchange
  /** As `Send`: rejects when no whole answer came. */
  readonly answer: Promise<OutgoingAnswer>
  /** Breaks the connection that it stands for. */
  breakOff(reason: Error): void
}

export function localExchange(url: URL, headers: IncomingHttpHeaders, request: OutgoingRequest): LocalExchange {
  const { promise: answer, resolve, reject } = Promise.withResolvers<OutgoingAnswer>()
  const closing = new Set<() => void>()
  let answered: IncomingHttpHeaders = {}
  let status = 200
  let hasHead = false
  let isComplete = false
  let isClosed = false

  const close = (): void => {
    isClosed = true
    request.signal.removeEventListener('abort', onAbort)
    for (const listener of closing) listener()
  }
  const finish = (): void => {
    if (isClosed) return
    isComplete = true
    close()
    resolve({ status, headers: { get: (name) => [answered[name.toLowerCase()] ?? null].flat()[0]! } })
  }
  const breakOff = (reason: Error): void => {
    if (isClosed) return
    close()
    reject(reason)
  }
  const onAbort = (): void => breakOff(new Error('The operation was aborted', { cause: request.signal.reason }))
  const exchange: Exchange = {
    method: request.method,
    url: url.pathname + url.search,
    headers,
    remoteAddress: '127.0.0.1',
    get status() {
      return status
    },
    get hasHead() {
      return hasHead
    },
    get isClosed() {
      return isClosed
    },
    onClose: (listener) => void closing.add(listener),
    offClose: (listener) => void closing.delete(listener),
    refuse(code, _, challenge) {
      status = code
      answered = refusalHeaders(challenge)
      hasHead = true
      finish()
    },
    sendTo: (upstream) => void upstream.end(request.body),
    answer(code, received, body, finished) {
      status = code
      answered = received
      hasHead = true
      body.once('end', () => {
        finished()
        finish()
      })
      body.resume()
    },
    detach(upstream) {
      if (!isComplete) upstream.destroy()
    },
    destroy: () => breakOff(new Error('The connection was closed before the answer had ended.')),
  }
  if (request.signal.aborted) onAbort()
  else request.signal.addEventListener('abort', onAbort)
  return { exchange, answer, breakOff }
}
