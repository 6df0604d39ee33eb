/** The least that answers a call: `node:http2` and `node:http` alone, which read the request and answer with an empty message. */

import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface BareServer {
  /** `127.0.0.1:port`, for both protocols. */
  readonly host: string
  close(): void
}

const EMPTY_FRAME = Buffer.alloc(5)
const PREFACE_BEGINS = 'P'.charCodeAt(0)

export async function openBareServer(): Promise<BareServer> {
  const http = createHttpServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end('{"ok":true}')
  })
  const http2 = createHttp2Server()
  http2.on('stream', (stream) => {
    stream.on('data', () => {})
    stream.once('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(EMPTY_FRAME)
    })
  })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    socket.once('readable', () => {
      const begins = socket.read() as Buffer | null
      if (!begins) return
      socket.unshift(begins)
      ;(begins[0] === PREFACE_BEGINS ? http2 : http).emit('connection', socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
