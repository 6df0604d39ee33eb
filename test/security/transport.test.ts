/** Services call only the addresses of their stack: by TLS outside the laptop, and without following redirects. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { createCaller } from '../../shared/runtime/caller.ts'
import { testTelemetry } from '../../shared/instrumentation/telemetry.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { variablesOf } from '../../stacks/service-variables.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listening(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(Object.values(environments))('every address that $name gives', (environment) => {
  it.each(services)('to $name is HTTPS', (service) => {
    const written = Object.entries(variablesOf(service, business, environment)).flatMap(([name, value]) =>
      [...value.matchAll(/http:\/\/[^"\s]*/g)].map(([url]) => ({ name, url })),
    )
    expect(written).toEqual([])
  })
})

describe.each([302, 307, 308])('a redirect with %i', (status) => {
  it.each(['a service', 'a partner'])('of %s is not followed', async (callee) => {
    let reached = 0
    const elsewhere = await listening((_, response) => {
      reached += 1
      response.end('{}')
    })
    const origin = await listening((_, response) => {
      response.writeHead(status, { location: `${elsewhere}/token` }).end()
    })
    const { call, callExternal } = createCaller({
      peers: { catalog: origin },
      authorizationFor: async () => 'Bearer token',
      accessAuthorization: async () => 'Bearer access',
      telemetry: testTelemetry({ service: 'shop' }).telemetry,
    })
    const answer =
      callee === 'a service'
        ? call('catalog', '/products/A')
        : callExternal(`${origin}/charges`, { method: 'POST', operation: 'provider.charge', body: {} })
    await expect(answer).rejects.toThrow(`${status} with a redirect to ${elsewhere}/token, which is not followed`)
    expect(reached).toBe(0)
  })
})
