/** A client that writes HTTP itself: it can stop in the middle, send slowly, or disconnect. */

import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** The announced length of the body. */
  readonly bodyBytes?: number
  /** The empty line that ends the head is not sent. */
  readonly isUnfinished?: boolean
  /** The local address of the connection: any of loopback. */
  readonly from?: string
}

/** Connects to loopback and sends the head of a request. */
export async function openRequest(
  port: number,
  { method = 'POST', path, headers = {}, bodyBytes, isUnfinished = false, from = '127.0.0.1' }: RawRequest,
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  // The test ends the connection, so errors on this side are expected.
  socket.on('error', () => {})
  await once(socket, 'connect')
  const all = {
    host: `127.0.0.1:${port}`,
    ...headers,
    ...(bodyBytes === undefined ? {} : { 'content-length': String(bodyBytes) }),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  socket.write([`${method} ${path} HTTP/1.1`, ...lines, ...(isUnfinished ? [''] : ['', ''])].join('\r\n'))
  return socket
}

/** Everything that the server sends until it closes the connection. */
export async function answerOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
  if (!socket.destroyed) await once(socket, 'close')
  return text
}
