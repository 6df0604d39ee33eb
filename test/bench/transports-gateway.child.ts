/** The gateway that `transports` measures, in a process of its own: no limit applies, and callees answer at once. */

import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const { everyAccountIsValid, openIssuer } = await import('../../functions/gateway/issuer.testing.ts')
const { testPlatform } = await import('../../shared/runtime/platform.testing.ts')
const { testConfig } = await import('../../shared/base/config.testing.ts')
const { createHttpApp } = await import('../../shared/runtime/http-app.ts')
const { acceptHttp2 } = await import('../../shared/runtime/http2.ts')
const { limitServer, serverOptions } = await import('../../shared/runtime/server-limits.ts')
const { gateway, testEdge } = await import('../../functions/gateway/edge.testing.ts')
// All that they share is loaded: the rest is the operations, which the descriptions of the services have already.
const before = cpuMs()
const { app } = await import('../../functions/gateway/app.ts')
const derived = cpuMs()
const issuer = await openIssuer()
const placedAt = '2026-01-01T00:00:00.000Z'
const unlimited = { perSecond: 1_000_000, burst: 1_000_000 }
const { limits } = JSON.parse(testEdge()) as { limits: Record<string, unknown> }
const platform = testPlatform(gateway, {
  settings: {
    ...issuer.settings,
    EDGE: testEdge({ limits: Object.fromEntries(Object.keys(limits).map((name) => [name, unlimited])) as never }),
    GRAPHQL_DOCUMENTS: 'any',
  },
  call: async () =>
    Response.json({
      sku: 'TEA-001',
      name: 'Tea',
      unitMinor: 1_250,
      currency: 'EUR',
      validFrom: placedAt,
      prices: [
        { unitMinor: 1_250, currency: 'EUR', validFrom: placedAt },
        { unitMinor: 1_450, currency: 'USD', validFrom: placedAt },
      ],
    }),
  callExternal: everyAccountIsValid,
})
const routing = cpuMs()
const { fetch } = createHttpApp(app, platform, testConfig('gateway'))
const routed = cpuMs()
const server = createAdaptorServer({ fetch, serverOptions }) as Server
limitServer(server)
acceptHttp2(server, fetch)
await once(server.listen(0, '127.0.0.1'), 'listening')
const token = await issuer.token()
const startedCpuMs = cpuMs()
process.send!({
  port: (server.address() as AddressInfo).port,
  token,
  derivedCpuMs: derived - before,
  routedCpuMs: routed - routing,
})
process.on('message', () => {
  for (const kept of [platform.logs, platform.measures, platform.spans, platform.calls]) kept.length = 0
  process.send!(cpuMs() - startedCpuMs)
})
process.once('disconnect', () => process.exit(0))
