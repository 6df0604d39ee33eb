/** The timeouts and limits of Node's server, which apply before the platform's code gets a request. */

import type { Server, ServerOptions } from 'node:http'
import type { ServerOptions as Http2Options } from 'node:http2'

/** A front end sends the head of a request at once. */
const HEADERS_TIMEOUT_MS = 10_000
/** The time to receive a request with its body. The largest push (14 MiB) may take 58 s: see body.ts. */
const REQUEST_TIMEOUT_MS = 65_000
const SLOW_CHECK_INTERVAL_MS = 2_000
/** A token has up to 8 KiB. */
const HEADER_BYTES = 16 * 1024
/** Cloud Run sends 80 requests at once; where no front end stands before it, strangers may hold connections open. */
const CONNECTIONS = 1_000
/** The idle time of a connection with a request in flight: longer than the longest answer takes. */
const IDLE_REQUEST_MS = 65_000
/**
 * Longer than any front end keeps an idle connection (Google's load balancers: 600 s): the side that closes first may meet a
 * request that is on its way, which then fails although nothing is wrong. Node's own 5 s do that under load.
 */
const KEEP_ALIVE_MS = 620_000

export const serverOptions = {
  maxHeaderSize: HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: SLOW_CHECK_INTERVAL_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
} satisfies ServerOptions

/** Requests of one connection at once: the least that RFC 9113 (6.5.2) recommends. Those beyond it wait, or take another connection. */
const STREAMS = 100
/** A connection of HTTP/2 on which nothing happens. */
export const HTTP2_IDLE_MS = KEEP_ALIVE_MS

export const http2Options = {
  settings: { maxConcurrentStreams: STREAMS, maxHeaderListSize: HEADER_BYTES, enablePush: false },
} satisfies Http2Options

/** Sets the limits that are not options of the constructor. */
export function limitServer(server: Server): void {
  // Connections that wait for nothing make room for the next ones: one address alone could hold all for KEEP_ALIVE_MS.
  server.on('drop', () => server.closeIdleConnections())
  // All that fit into HEADER_BYTES: they are counted by `limitHeaders` (shared/http/header-limit.ts).
  server.maxHeadersCount = 0
  server.maxConnections = CONNECTIONS
  server.timeout = IDLE_REQUEST_MS
}
