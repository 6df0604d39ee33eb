/** One loopback port that speaks HTTP/1 behind the gate: the identity platform, partners. */

import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gated } from './gate.ts'
import type { PortServer } from './server.ts'

/**
 * `port` 0: any free one.
 * @throws Error (EADDRINUSE) that names the port when it is taken.
 */
export async function openHttp(port: number, { fetch }: Pick<Hono, 'fetch'>): Promise<PortServer> {
  const answer = getRequestListener(fetch)
  const server = createServer(gated('api', (request, response) => void answer(request, response)))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
