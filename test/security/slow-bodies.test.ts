/** Slow bodies over real connections, with the limits of production, do not block other requests. */

import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { app } from '../../functions/gateway/app.ts'
import { gateway } from '../../functions/gateway/edge.testing.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { placed } from '../../functions/gateway/placed-order.testing.ts'
import { business } from '../../functions/index.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { answerOf, openRequest } from '../support/raw-client.ts'

const inProd = settingsOf(environments.prod, business)

/** More than the places of an instance, which they could once block. */
const SLOW = 74
const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'a',
  paymentMethodRef: 'card-ok',
}
const attacker = { 'x-forwarded-for': '203.0.113.66' }
const victim = { 'x-forwarded-for': '198.51.100.7' }
const json = { 'content-type': 'application/json', 'idempotency-key': 'key-1' }

let issuer: TestIssuer
let server: Server
let port: number
const bearer = async (sub: string) => ({ authorization: `Bearer ${await issuer.token({ sub })}` })
const platform = (settings: object) =>
  testPlatform(gateway, {
    settings: {
      EDGE: inProd['EDGE']!,
      PAYMENT_PROVIDER_URL: 'https://provider.example.com',
      PAYMENT_WEBHOOK_URL: inProd['PAYMENT_WEBHOOK_URL']!,
      ...settings,
    },
    call: async () => Response.json(placed, { status: 201 }),
    callExternal: async () => Response.json({ keys: [] }),
  })

beforeAll(async () => {
  issuer = await openIssuer()
  const http = createHttpApp(app, platform(issuer.settings), testConfig('gateway'))
  server = createAdaptorServer({ fetch: http.fetch, serverOptions }) as Server
  limitServer(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
  issuer.close()
})

async function place(sub: string): Promise<number> {
  const headers = { ...victim, ...json, ...(await bearer(sub)) }
  const body = JSON.stringify(order)
  return (await fetch(`http://127.0.0.1:${port}/v1/orders`, { method: 'POST', headers, body })).status
}

/** Heads of so many requests, each with one byte of its body; their first line of an answer once there is one. */
async function slowly(path: string, headers: Record<string, string>) {
  const sockets: Socket[] = await Promise.all(
    Array.from({ length: SLOW }, () =>
      openRequest(port, { path, headers: { ...attacker, ...headers }, bodyBytes: 900 }),
    ),
  )
  for (const socket of sockets) socket.write('{')
  return { sockets, answers: sockets.map((socket) => answerOf(socket)) }
}

describe('74 slow bodies', () => {
  it.each(['/v1/webhooks/payment-provider', '/v1/orders', '/v1/stock', '/nothing'])(
    'without a token, to %s, are refused before they are read, and take no place',
    async (path) => {
      const { sockets, answers } = await slowly(path, { ...json, 'webhook-signature': 'a.b.c' })
      for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 (401|404|429) /)
      expect(await Promise.all(Array.from({ length: 10 }, (_, at) => place(`victim-${path}-${at}`)))).toEqual(
        Array(10).fill(201),
      )
      for (const socket of sockets) socket.destroy()
    },
  )

  it('of one customer take only the places of one customer, while others are served', async () => {
    const mallory = await bearer('mallory')
    const { sockets, answers } = await slowly('/v1/orders', { ...json, ...mallory })
    const refused: string[] = []
    for (const answer of answers) void answer.then((text) => refused.push(text.slice(0, 12)))
    const { requestsPerCaller } = JSON.parse(inProd['EDGE']!) as { requestsPerCaller: number }
    await vi.waitFor(() => expect(refused).toHaveLength(SLOW - requestsPerCaller), { timeout: 20_000 })
    expect(new Set(refused)).toEqual(new Set(['HTTP/1.1 429']))
    expect(await Promise.all(Array.from({ length: 10 }, (_, at) => place(`victim-${at}`)))).toEqual(Array(10).fill(201))
    for (const socket of sockets) socket.destroy()
  })

  it('of eight customers from several addresses are evicted for other requests', async () => {
    const { requestsPerCaller, concurrentRequests } = JSON.parse(inProd['EDGE']!) as Record<string, number>
    const many = 2 * concurrentRequests!
    const sockets = await Promise.all(
      Array.from({ length: many }, async (_, at) =>
        openRequest(port, {
          path: '/v1/orders',
          headers: {
            ...json,
            'x-forwarded-for': `203.0.113.${at % 4}`,
            ...(await bearer(`mallory-${Math.floor(at / requestsPerCaller!)}`)),
          },
          bodyBytes: 900_000,
        }),
      ),
    )
    // Send a part of each body, so that none times out.
    for (const socket of sockets) socket.write(`{"a":"${'x'.repeat(60_000)}`)
    const evicted: string[] = []
    for (const socket of sockets) void answerOf(socket).then((text) => evicted.push(text.slice(0, 12)))
    await vi.waitFor(() => expect(evicted).toHaveLength(many - concurrentRequests!), { timeout: 20_000 })
    expect(new Set(evicted)).toEqual(new Set(['HTTP/1.1 503']))
    for (let at = 0; at < 10; at++) expect(await place(`newcomer-${at}`)).toBe(201)
    for (const socket of sockets) socket.destroy()
  })
})
