/** One loopback port that speaks HTTP/1 behind the gate: the identity platform, partners. */

import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reserve } from './control-ports.ts'
import { gated } from './gate.ts'
import type { PortServer } from './server.ts'

/**
 * `port` 0: any free one. `name` is the server in the refusal of a push or task to it: "the identity platform".
 * @throws Error (EADDRINUSE) that names the port when it is taken.
 */
export async function openHttp(port: number, { fetch }: Pick<Hono, 'fetch'>, name: string): Promise<PortServer> {
  const answer = getRequestListener(fetch)
  const server = createServer(gated('api', (request, response) => void answer(request, response)))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: opened } = server.address() as AddressInfo
  const release = reserve(opened, name)
  return {
    port: opened,
    async close() {
      release()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
