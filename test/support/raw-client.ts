/** A client that speaks HTTP by hand: it may stop in the middle, send slowly, or go away without a word. */

import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** As announced, whatever is sent. */
  readonly bodyBytes?: number
  /** The empty line that ends the head is not sent. */
  readonly isUnfinished?: boolean
  /** The address that it connects from: any of loopback. */
  readonly from?: string
}

/** Connects to loopback and sends the head of a request. */
export async function openRequest(
  port: number,
  { method = 'POST', path, headers = {}, bodyBytes, isUnfinished = false, from = '127.0.0.1' }: RawRequest,
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  // What this side does to the connection is the test.
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

/** All that the server sends until it closes the connection. */
export async function answerOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
  if (!socket.destroyed) await once(socket, 'close')
  return text
}
