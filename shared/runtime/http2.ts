/**
 * HTTP/2 without TLS on the port of HTTP/1.1: the first bytes of a connection decide. Cloud Run's front end hands native gRPC on as
 * HTTP/2 and everything else as HTTP/1.1, to one port (docs/decisions/0072-grpc-beside-rest-on-one-port.md).
 */

import { getRequestListener } from '@hono/node-server'
import type { Server } from 'node:http'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { sniff } from './first-bytes.ts'
import { http2Options, HTTP2_IDLE_MS, serverOptions } from './server-limits.ts'

export interface Http2Side {
  /** Each connection ends with its last answer. */
  close(): void
}

/** @param fetch Answers the requests of both. */
export function acceptHttp2(http1: Server, fetch: Parameters<typeof getRequestListener>[0]): Http2Side {
  const http2 = createServer(http2Options, getRequestListener(fetch) as never)
  http2.setTimeout(HTTP2_IDLE_MS)
  const sessions = new Set<ServerHttp2Session>()
  /** Sessions with a request in flight, and how many. */
  const streams = new Map<ServerHttp2Session, number>()
  const count = (session: ServerHttp2Session, change: number): void => {
    const now = (streams.get(session) ?? 0) + change
    if (now > 0) streams.set(session, now)
    else streams.delete(session)
  }
  http2.on('session', (session) => {
    sessions.add(session)
    // As for the head of a request of HTTP/1.1.
    const first = setTimeout(() => session.destroy(), serverOptions.headersTimeout)
    session.on('stream', (stream) => {
      clearTimeout(first)
      count(session, 1)
      stream.once('close', () => count(session, -1))
    })
    session.once('close', () => {
      clearTimeout(first)
      sessions.delete(session)
    })
    // A connection that breaks, or breaks the protocol, ends: its requests see that their client is gone.
    session.on('error', () => session.destroy())
  })
  // As `limitServer` does with idle connections of HTTP/1.1: they make room for the next ones.
  http1.on('drop', () => {
    for (const session of sessions) if (!streams.has(session)) session.destroy()
  })
  const undecided = new Set<Socket>()
  const acceptHttp1 = http1.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  http1.removeAllListeners('connection')
  http1.on('connection', (socket: Socket) => {
    undecided.add(socket)
    socket.once('close', () => undecided.delete(socket))
    sniff(socket, (isHttp2) => {
      undecided.delete(socket)
      if (isHttp2) http2.emit('connection', socket)
      else for (const accept of acceptHttp1) accept.call(http1, socket)
    })
  })
  return {
    close() {
      for (const socket of undecided) socket.destroy()
      for (const session of sessions) session.close()
    },
  }
}
