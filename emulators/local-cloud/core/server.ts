/** One loopback port that speaks gRPC and HTTP/1: the first bytes of a connection decide. */

import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { GrpcServer } from './api/grpc.ts'
import { reserve } from './control-ports.ts'
import { sniff } from './first-bytes.ts'
import { gated } from './gate.ts'

/** Longer than clients keep idle connections, so that the server closes no connection while a request is arriving. */
const KEEP_ALIVE_MS = 75_000

export interface PortServer {
  readonly port: number
  close(): Promise<void>
}

/** @throws Error (EADDRINUSE) that names the port when it is taken. */
export async function listen(port: number, grpc: GrpcServer, http: RequestListener): Promise<PortServer> {
  const httpServer = createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS }, gated('api', http))
  const sockets = new Set<Socket>()

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    sniff(socket, (isHttp2) => {
      if (isHttp2) grpc.accept(socket)
      else httpServer.emit('connection', socket)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: opened } = server.address() as AddressInfo
  const release = reserve(opened, 'a port of Google’s APIs')
  return {
    port: opened,
    async close() {
      release()
      const closed = new Promise((resolve) => server.close(resolve))
      await grpc.close()
      httpServer.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
