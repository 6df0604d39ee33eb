/** The gateway that `victim` measures, in a process of its own: the limits of production, callees that answer at once. */

import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { app } from '../../functions/gateway/app.ts'
import { gateway } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, openIssuer } from '../../functions/gateway/issuer.testing.ts'
import { business } from '../../functions/index.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'

/** Enough customers that none reaches its own limit (5 requests a second after a burst of 30). */
const CUSTOMERS = 2_000
const TICK_MS = 50

const issuer = await openIssuer()
const platform = testPlatform(gateway, {
  settings: { ...settingsOf(environments.prod, business), ...issuer.settings },
  call: async () => Response.json({ sku: 'TEA-001', unitMinor: 100, currency: 'EUR' }),
  callExternal: (url, options) =>
    url.includes('accounts:lookup') ? everyAccountIsValid(url, options) : Promise.resolve(Response.json({ keys: [] })),
})
// The virtual clock follows the real one, and recorded messages are dropped, so that the memory is the gateway's.
let lastMs = performance.now()
setInterval(() => {
  const nowMs = performance.now()
  platform.advance(nowMs - lastMs)
  lastMs = nowMs
  for (const kept of [platform.logs, platform.measures, platform.spans, platform.calls, platform.externalCalls])
    kept.length = 0
}, TICK_MS)

const server = createAdaptorServer({
  fetch: createHttpApp(app, platform, testConfig('gateway')).fetch,
  serverOptions,
}) as Server
limitServer(server)
await once(server.listen(0, '127.0.0.1'), 'listening')
process.send!({
  port: (server.address() as AddressInfo).port,
  customers: await Promise.all(
    Array.from({ length: CUSTOMERS }, (_, at) => issuer.token({ sub: `customer-${at}`, roles: ['customer'] })),
  ),
  staff: await issuer.token({ sub: 'staff-1', roles: ['admin'] }),
  mallory: await issuer.token({ sub: 'mallory', roles: ['customer'] }),
})
process.once('disconnect', () => process.exit(0))
