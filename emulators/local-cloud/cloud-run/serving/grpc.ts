/**
 * Native gRPC at the address of a service: Cloud Run hands it on as HTTP/2, while all else reaches the container as HTTP/1.1, as long as
 * the container's port is not called `h2c`. https://cloud.google.com/run/docs/configuring/http2
 */

import type { Agent, IncomingHttpHeaders, Server } from 'node:http'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders as Http2Headers,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { sniff } from '../../core/first-bytes.ts'
import { type Exchange, refusalHeaders } from './exchange.ts'

/** One whose caller speaks HTTP/2. */
export interface Http2Exchange extends Exchange {
  readonly stream: ServerHttp2Stream
}

/** gRPC-Web and Connect need no HTTP/2. */
export const isGrpc = ({ headers }: Exchange): boolean =>
  /^application\/grpc(?:[+;]|$)/.test(headers['content-type'] ?? '')

export const hasStream = (exchange: Exchange): exchange is Http2Exchange => 'stream' in exchange

/** HTTP/2 without TLS, beside HTTP/1.1 on the port of a server. @returns a function that ends all connections of it */
export function acceptHttp2(server: Server, serve: (exchange: Http2Exchange) => void): () => void {
  const http2 = createServer()
  const sessions = new Set<ServerHttp2Session>()
  http2.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
  })
  http2.on('stream', (stream: ServerHttp2Stream, headers: Http2Headers) => serve(streamExchange(stream, headers)))
  const acceptHttp1 = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    sniff(socket, (isHttp2) => {
      if (isHttp2) http2.emit('connection', socket)
      else for (const accept of acceptHttp1) accept.call(server, socket)
    })
  })
  return () => {
    for (const session of sessions) session.destroy()
  }
}

/** Headers of HTTP/1.1 that HTTP/2 does not have. */
const OF_CONNECTIONS = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'http2-settings',
]

const withoutConnection = (headers: IncomingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OF_CONNECTIONS.includes(name) && !name.startsWith(':')),
  )

function streamExchange(stream: ServerHttp2Stream, received: Http2Headers): Http2Exchange {
  const { ':method': method = 'GET', ':path': url = '/', ':authority': host } = received
  const headers = { ...withoutConnection(received), ...(host === undefined ? {} : { host }) } as IncomingHttpHeaders
  let status = 200
  stream.on('error', () => {})
  return {
    stream,
    method,
    url,
    headers,
    remoteAddress: stream.session?.socket.remoteAddress,
    get status() {
      return status
    },
    get hasHead() {
      return stream.headersSent
    },
    get isClosed() {
      return stream.closed
    },
    onClose: (listener) => void stream.once('close', listener),
    offClose: (listener) => void stream.off('close', listener),
    refuse(code, reason, challenge) {
      status = code
      if (stream.closed) return
      stream.resume()
      stream.respond({ ':status': code, ...refusalHeaders(challenge) })
      stream.end(`${reason}\n`)
    },
    sendTo(upstream) {
      upstream.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => stream.pipe(upstream))
        else stream.pipe(upstream)
      })
      upstream.flushHeaders()
    },
    answer(code, given, body, finished) {
      status = code
      if (stream.closed) return
      stream.once('finish', finished)
      stream.respond({ ':status': code, ...withoutConnection(given) })
      body.pipe(stream)
    },
    detach(upstream) {
      stream.unpipe(upstream)
      if (!stream.writableFinished) upstream.destroy()
    },
    destroy: () => stream.close(),
  }
}

interface Upstream {
  readonly port: number
  readonly agent: Agent
}

const sessions = new WeakMap<Upstream, ClientHttp2Session>()

/** The connection of HTTP/2 to an instance, by its agent as all others. */
function sessionOf(target: Upstream): ClientHttp2Session {
  const known = sessions.get(target)
  if (known && !known.closed && !known.destroyed) return known
  const session = connect(`http://127.0.0.1:${target.port}`, {
    createConnection: () => target.agent.createConnection({ host: '127.0.0.1', port: target.port }, undefined)!,
  })
  session.on('error', () => session.destroy())
  // It holds no process that would end otherwise.
  session.unref()
  sessions.set(target, session)
  return session
}

interface Forwarding {
  readonly target: Upstream
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  intercept(when: 'before' | 'after'): Promise<void>
  /** @returns a function that calls it off */
  atDeadline(passed: () => void): () => void
}

/**
 * Hands a call on with its trailers. Resolves as `unreached` when the instance took no connection, and as `broken` when it ended before
 * its answer.
 */
export function forwardGrpc(
  exchange: Http2Exchange,
  { target, headers, intercept, atDeadline }: Forwarding,
): Promise<'ended' | 'unreached' | 'broken'> {
  const { stream } = exchange
  const { host, ...others } = headers
  return new Promise((resolve) => {
    const session = sessionOf(target)
    const upstream = session.request({
      ...withoutConnection(others),
      te: 'trailers',
      ':method': exchange.method,
      ':path': exchange.url,
      ':scheme': 'http',
      ':authority': String(host),
    })
    const callOff = atDeadline(() => {
      if (stream.headersSent) stream.close()
      else exchange.refuse(504, 'The request has been terminated because it has reached the maximum request timeout.')
      upstream.close()
    })
    let trailers: Http2Headers = {}
    upstream.on('trailers', (received) => (trailers = received))
    upstream.once('response', (answer) => {
      void intercept('before')
        .then(() => {
          if (stream.closed) return
          stream.respond({ ...answer, ':status': answer[':status'] ?? 502 }, { waitForTrailers: true })
          stream.once('wantTrailers', () => stream.sendTrailers(withoutConnection(trailers)))
          stream.once('finish', () => void intercept('after').catch(() => {}))
          upstream.pipe(stream)
        })
        .catch(() => stream.close())
    })
    let isAnswered = false
    upstream.once('response', () => (isAnswered = true))
    upstream.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') resolve('unreached')
    })
    // Also without an error, when the instance ends its connection in good order.
    upstream.once('close', () => {
      callOff()
      if (isAnswered && upstream.rstCode !== constants.NGHTTP2_NO_ERROR) stream.close()
      if (!isAnswered) resolve('broken')
    })
    exchange.onClose(() => {
      callOff()
      if (!upstream.closed) upstream.close()
      resolve('ended')
    })
    if (session.connecting) session.once('connect', () => stream.pipe(upstream))
    else stream.pipe(upstream)
  })
}
