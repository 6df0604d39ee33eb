/** A service of a Kubernetes cluster is called by the name of its Service: the address in PEERS, its name in DNS and the audience of tokens are one. */

import { serve } from '@hono/node-server'
import dns from 'node:dns'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { idToken, testConfig } from '../base/config.testing.ts'
import { defineContracts } from '../contracts/contract.ts'
import { testTelemetry } from '../instrumentation/telemetry.testing.ts'
import { implement } from '../service/app.ts'
import { defineService } from '../service/service.ts'
import { createCaller } from './caller.ts'
import { createHttpApp } from './http-app.ts'
import { testPlatform } from './platform.testing.ts'

const kitchen = defineService({
  name: 'kitchen',
  ingress: 'internal',
  contracts: defineContracts({
    service: 'kitchen',
    events: {},
    commands: {},
    queries: { readMenu: { method: 'get', path: '/menu', answers: { 200: z.array(z.string()) } } },
  }),
  uses: [],
  on: [],
  sends: [],
})
const app = implement(kitchen, {
  on: {},
  commands: {},
  queries: { readMenu: async () => ({ status: 200, body: ['soup'] }) },
})

const NAME = 'kitchen.shop.svc.cluster.local'
/** The same Service, as the resolver of a pod in another namespace knows it. */
const SHORT = 'kitchen.shop'
afterEach(() => void vi.restoreAllMocks())

/** DNS of the cluster, which knows both names. */
function resolving(): readonly string[] {
  const names: string[] = []
  const lookup = ((name: string, { all }: dns.LookupOptions, answer: (...given: unknown[]) => void) => {
    names.push(name)
    const isKnown = name === NAME || name === SHORT
    const found = { address: '127.0.0.1', family: 4 }
    if (!isKnown) answer(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }))
    else if (all) answer(null, [found])
    else answer(null, found.address, found.family)
  }) as unknown as typeof dns.lookup
  vi.spyOn(dns, 'lookup').mockImplementation(lookup)
  return names
}

async function opened() {
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  const server = serve({ fetch: (request: Request) => http.fetch(request), port: 0, hostname: '127.0.0.1' }, () =>
    resolve(),
  ) as Server
  await listening
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  // As on GKE: without an ingress of Google's, so the signature is verified here.
  const config = {
    ...testConfig('kitchen', { callers: { readMenu: ['waiter'] } }),
    SERVICE_URL: `http://${NAME}:${port}`,
  }
  const http = createHttpApp(app, testPlatform(kitchen), config)
  const audiences: string[] = []
  const callerOf = (name: string) => {
    const { PEERS } = testConfig('waiter', { peers: { kitchen: `http://${name}:${port}` } })
    const caller = createCaller({
      peers: PEERS,
      async authorizationFor(audience) {
        audiences.push(audience)
        return idToken('kitchen', 'waiter', { aud: audience })
      },
      accessAuthorization: () => expect.unreachable(),
      telemetry: testTelemetry({ service: 'waiter' }).telemetry,
    })
    return { ...caller, PEERS }
  }
  return { port, audiences, callerOf }
}

it('a query goes to the name, and its token is for the name, which the callee verifies', async () => {
  const { port, audiences, callerOf } = await opened()
  const names = resolving()
  const answer = await callerOf(NAME).call('kitchen', '/menu')
  expect([answer.status, await answer.json()]).toEqual([200, ['soup']])
  expect(names).toEqual([NAME])
  expect(audiences).toEqual([`http://${NAME}:${port}`])
})

it('the same Service by another name is refused: its token is for that name', async () => {
  const { callerOf } = await opened()
  const names = resolving()
  const answer = await callerOf(SHORT).call('kitchen', '/menu')
  expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'token-invalid' }])
  expect(names).toEqual([SHORT])
})

it('an instance has started when it can connect to the name', async () => {
  const { callerOf } = await opened()
  const names = resolving()
  const startedWith = async (peers: Readonly<Record<string, string>>): Promise<number> => {
    const waiting = createHttpApp(app, testPlatform(kitchen), testConfig('kitchen', { peers }))
    return (await waiting.request('/health/started')).status
  }
  expect(await startedWith(callerOf(NAME).PEERS)).toBe(200)
  expect(await startedWith({ kitchen: 'http://kitchen.elsewhere.svc.cluster.local' })).toBe(503)
  expect(names).toEqual([NAME, 'kitchen.elsewhere.svc.cluster.local'])
})
