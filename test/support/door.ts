/** The gateway as clients reach it, before the services of a world in the same process. */

import type { Hono } from 'hono'
import { loadApp } from '../../functions/apps.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { services } from '../../functions/index.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { outcomeRoute } from '../../shared/runtime/command-outcomes.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { submissionRoutes } from '../../shared/runtime/submissions.ts'
import type { World } from './simulation/world.ts'

/** The gateway before all services of a world, by their own routes. */
export async function openDoor(world: World, issuer: TestIssuer): Promise<Hono> {
  const routes = new Map<string, Hono>()
  for (const { name, ingress } of services) {
    if (ingress === 'public') continue
    const app = await loadApp(name)
    const of = serveQueries(app, world.platform(name))
    submissionRoutes(of, app, world.platform(name), async () => 'gateway')
    outcomeRoute(of, world.platform(name), async () => 'gateway')
    routes.set(name, of)
  }
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(),
      ...issuer.settings,
      GRAPHQL_DOCUMENTS: 'any',
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal: everyAccountIsValid,
    call: async (name, path, { method = 'GET', body } = {}) =>
      routes.get(name)!.request(path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  })
  return createHttpApp(await loadApp('gateway'), platform, testConfig('gateway'))
}
