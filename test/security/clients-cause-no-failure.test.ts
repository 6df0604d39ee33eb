/** A client's deadline, disconnection or slow body is no failure: no circuit opens, no 5xx is counted, no error is logged. */

import { serve } from '@hono/node-server'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from 'vitest'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { testCharges } from '../../functions/orders/charges.testing.ts'
import { testPlacing } from '../../functions/orders/placements.testing.ts'
import { orders } from '../../functions/orders/service.ts'
import { createCaller } from '../../shared/runtime/caller.ts'
import { placed } from '../../functions/gateway/placed-order.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { answerOf, openRequest } from '../support/raw-client.ts'

const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'a',
  paymentMethodRef: 'card-ok',
}

let issuer: TestIssuer
let customer: string
const servers: Server[] = []
beforeAll(async () => {
  issuer = await openIssuer()
  customer = `Bearer ${await issuer.token()}`
})
afterAll(() => issuer.close())
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function portOf(server: Server): Promise<number> {
  servers.push(server)
  if (!server.listening) await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const listening = (fetch: (request: Request) => Response | Promise<Response>): Promise<number> =>
  portOf(serve({ fetch, port: 0, hostname: '127.0.0.1' }) as Server)

/** The gateway before an `orders` that answers 201 after so long. */
async function gatewayBefore(answerAfterMs: number) {
  const deadlines: string[] = []
  const callee = createServer((request, response) => {
    deadlines.push(String(request.headers['x-deadline-ms']))
    setTimeout(
      () => response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(placed)),
      answerAfterMs,
    )
  })
  return { deadlines, ...(await gatewayOf(callee)) }
}

/** The gateway before an `orders` that never answers, with the number of its requests and closed connections. */
async function gatewayBeforeSilence() {
  let open = 0
  let closed = 0
  const callee = createServer((_, response) => {
    open += 1
    response.once('close', () => (closed += 1))
  })
  return { open: () => open, closed: () => closed, ...(await gatewayOf(callee)) }
}

async function gatewayOf(callee: Server) {
  const origin = `http://127.0.0.1:${await portOf(callee.listen(0, '127.0.0.1'))}`
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(),
      ...issuer.settings,
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    call: (...parameters) => caller.call(...parameters),
  })
  const caller = createCaller({
    peers: { orders: origin },
    authorizationFor: async () => 'Bearer x',
    accessAuthorization: async () => 'Bearer x',
    telemetry: platform.telemetry,
  })
  const http = createHttpApp(gatewayApp, platform, testConfig('gateway'))
  return { platform, http, openCircuits: caller.openCircuits }
}

describe('a deadline of the client', () => {
  it('is ignored at the gateway: the callee gets its full timeout, and its circuit stays closed', async () => {
    const { http, deadlines, platform, openCircuits } = await gatewayBefore(40)
    const place = async (at: number): Promise<number> => {
      const headers = {
        authorization: customer,
        'content-type': 'application/json',
        'idempotency-key': `key-${at}`,
        'x-deadline-ms': '10',
      }
      return (await http.request('/v1/orders', { method: 'POST', headers, body: JSON.stringify(order) })).status
    }
    expect(await Promise.all(Array.from({ length: 20 }, (_, at) => place(at)))).toEqual(Array(20).fill(201))
    expect(deadlines).toHaveLength(20)
    for (const ms of deadlines) expect(Number(ms)).toBeGreaterThan(10_000)
    expect(openCircuits()).toEqual([])
    expect(errorsOf(platform)).toEqual([])
  })

  it('that a service sets ends its request without an error of the callee', async () => {
    const platform = testPlatform(orders, {
      settings: { RELEASE_DELAY_SECONDS: '0', PLACING: testPlacing(), CHARGES: testCharges() },
    })
    // The test decides when the store answers.
    const { promise: held, resolve } = Promise.withResolvers<void>()
    const read = platform.streams.read
    Object.assign(platform.streams, { read: async (id: string) => (await held, read(id)) })
    const http = createHttpApp(ordersApp, platform, testConfig('orders', { callers: { readOrder: ['gateway'] } }))
    const headers = { 'x-serverless-authorization': idToken('orders', 'gateway'), 'x-deadline-ms': '5' }
    const answer = await http.request('/orders/o-1', { headers })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([499, 'deadline-exceeded'])
    expect(platform.logs).toMatchObject([{ severity: 'INFO', event: 'request.abandoned' }])
    expect(JSON.stringify(platform.logs)).not.toContain('stack')
    expect(statuses(platform)).toEqual([499])
    resolve()
  })
})

describe('a client that disconnects in the middle of its body', () => {
  const started: [string, () => Promise<[number, TestPlatform, string, Record<string, string>]>][] = [
    [
      'the gateway',
      async () => {
        const { platform, http } = await gatewayBefore(0)
        const headers = { authorization: customer, 'content-type': 'application/json', 'idempotency-key': 'key-1' }
        return [await listening(http.fetch), platform, '/v1/orders', headers]
      },
    ],
    [
      'a service that Hono serves',
      async () => {
        const platform = testPlatform(orders, {
          settings: { RELEASE_DELAY_SECONDS: '0', PLACING: testPlacing(), CHARGES: testCharges() },
        })
        const http = createHttpApp(ordersApp, platform, testConfig('orders'))
        const headers = { authorization: idToken('orders', 'orders-push') }
        return [await listening(http.fetch), platform, '/events/stock.reserved', headers]
      },
    ],
  ]

  it.each(started)('of %s causes one log line of severity INFO, and counts as a closed request', async (_, start) => {
    const [port, platform, path, headers] = await start()
    const socket = await openRequest(port, { path, headers: { ...headers, expect: '100-continue' }, bodyBytes: 1_000 })
    // The server has read the head when it sends 100 Continue.
    await once(socket, 'data')
    socket.write('{"currency":', () => socket.resetAndDestroy())
    await vi.waitFor(() => expect(statuses(platform)).toEqual([499]))
    expect(platform.logs).toMatchObject([{ severity: 'INFO', event: 'request.abandoned', fields: { path } }])
    expect(JSON.stringify(platform.logs)).not.toMatch(/stack|\bat \S+:\d+/)
    expect(platform.deadLetters).toEqual([])
  })
})

describe('a client that disconnects before its answer', () => {
  it('ends the calls of its request, counts as a closed request, and opens no circuit', async () => {
    const { platform, http, open, closed, openCircuits } = await gatewayBeforeSilence()
    const port = await listening(http.fetch)
    const times = 10
    for (let at = 1; at <= times; at++) {
      const headers = { authorization: customer, 'content-type': 'application/json', 'idempotency-key': `key-${at}` }
      const body = JSON.stringify(order)
      const socket = await openRequest(port, { path: '/v1/orders', headers, bodyBytes: body.length })
      socket.write(body)
      await vi.waitFor(() => expect(open()).toBe(at))
      socket.resetAndDestroy()
      await vi.waitFor(() => expect(closed()).toBe(at))
    }
    await vi.waitFor(() => expect(statuses(platform)).toEqual(Array(times).fill(499)))
    expect(platform.logs.map(({ severity, event }) => `${severity} ${event}`)).toEqual(
      Array(times).fill('INFO request.abandoned'),
    )
    expect(openCircuits()).toEqual([])
  })
})

describe('a body that arrives too slowly', () => {
  afterEach(() => void vi.useRealTimers())

  it('is answered 408 and its connection closed, and counts as no failure', async () => {
    const { platform, http } = await gatewayBefore(0)
    const port = await listening(http.fetch)
    const headers = { authorization: customer, 'content-type': 'application/json', 'idempotency-key': 'key-1' }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const socket = await openRequest(port, { path: '/v1/orders', headers, bodyBytes: 1_000 })
    const answer = answerOf(socket)
    // The server reads in real turns of the event loop, between which the clock advances.
    while (statuses(platform).length === 0) {
      socket.write('x')
      await new Promise((resolve) => void setImmediate(resolve))
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 408 [^]*connection: close[^]*"code":"body-too-slow"/i)
    expect(statuses(platform)).toEqual([408])
    expect(errorsOf(platform)).toEqual([])
  })
})

const errorsOf = ({ logs }: TestPlatform): unknown[] =>
  logs.filter(({ severity }) => severity === 'ERROR' || severity === 'WARNING')
const statuses = ({ measures }: TestPlatform): unknown[] =>
  measures
    .filter(({ name }) => name === 'http.server.request.duration')
    .map(({ attributes }) => attributes['http.response.status_code'])
