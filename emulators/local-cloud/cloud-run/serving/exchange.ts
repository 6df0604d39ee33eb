/** A request at the address of a service and its answer: the ingress treats all alike, from wherever they come. */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

export interface Exchange {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string | undefined
  /** The status of the answer so far. */
  readonly status: number
  readonly hasHead: boolean
  /** The caller has its answer, or the connection to it is gone. */
  readonly isClosed: boolean
  onClose(listener: () => void): void
  offClose(listener: () => void): void
  /** Answers in the ingress's own words. */
  refuse(status: number, reason: string, challenge?: string): void
  /** Sends head and body to an instance, the body once the instance takes the connection: a body that was read can not be sent to another. */
  sendTo(upstream: ClientRequest): void
  /** Forwards an instance's answer. `finished` is called when all of it has left. */
  answer(status: number, headers: IncomingHttpHeaders, body: IncomingMessage, finished: () => void): void
  /** Ends the forwarding: the instance gets no more of an incomplete exchange. */
  detach(upstream: ClientRequest): void
  /** Breaks off an answer that has begun. */
  destroy(): void
}

/** Of a caller with a socket. */
export function socketExchange(request: IncomingMessage, response: ServerResponse): Exchange {
  return {
    method: request.method!,
    url: request.url!,
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress,
    get status() {
      return response.statusCode
    },
    get hasHead() {
      return response.headersSent
    },
    get isClosed() {
      return response.closed
    },
    onClose: (listener) => void response.once('close', listener),
    offClose: (listener) => void response.off('close', listener),
    refuse(status, reason, challenge) {
      request.resume()
      response.writeHead(status, refusalHeaders(challenge))
      response.end(`${reason}\n`)
    },
    sendTo(upstream) {
      upstream.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => request.pipe(upstream))
        else request.pipe(upstream)
      })
      // Without delay: the headers of a request without a body must not wait for the end of the piped body.
      upstream.flushHeaders()
    },
    answer(status, headers, body, finished) {
      response.once('finish', finished)
      response.writeHead(status, headers)
      body.pipe(response)
    },
    detach(upstream) {
      // It may be answered before the end of its body: the rest is read, or the connection's next request never would be.
      request.unpipe(upstream)
      request.resume()
      if (!request.complete || !response.writableFinished) upstream.destroy()
    },
    destroy: () => void response.destroy(),
  }
}

export const refusalHeaders = (challenge: string | undefined): Record<string, string> => ({
  'content-type': 'text/plain; charset=utf-8',
  ...(challenge ? { 'www-authenticate': challenge } : {}),
})
