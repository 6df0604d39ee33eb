/** An order's progress over a real socket: for its owner and staff alone, beyond the deadline of requests, until its client hangs up. */

import { serve } from '@hono/node-server'
import { request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { testConfig } from '../../shared/base/config.testing.ts'
import { STREAMS_PER_CALLER } from '../../shared/edge/event-stream.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { entry } from './graphql.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'

const placed = entry('e-1', 'order.placed')
const completed = entry('e-2', 'order.completed')

let issuer: TestIssuer
let server: Server
let port: number
let entries: readonly object[]
let readings: string[]

beforeAll(async () => {
  issuer = await openIssuer()
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge({ requestTimeoutMs: 500 }),
      ...issuer.settings,
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal: everyAccountIsValid,
    async call(service, path) {
      readings.push(service)
      return path.endsWith('/timeline')
        ? Response.json({ orderId: 'o-1', entries })
        : Response.json({
            orderId: 'o-1',
            status: 'pending',
            customerRef: 'jo',
            currency: 'EUR',
            totalMinor: 0,
            shippingMinor: 0,
            lines: [],
            placedAt: '2025-12-31T23:00:00.000Z',
          })
    },
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  server = serve({ fetch: http.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await new Promise((resolve) => void server.once('listening', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => void server.close(resolve))
  issuer.close()
})
beforeEach(() => {
  entries = [placed]
  readings = []
})

async function follow(sub: string, roles: readonly string[] = ['customer'], headers: object = {}) {
  const authorization = `Bearer ${await issuer.token({ sub, roles })}`
  return new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port, path: '/v1/orders/o-1/events', headers: { authorization, ...headers } }
    request(options, resolve).once('error', reject).end()
  })
}

async function textOf(response: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const part of response) text += part.toString()
  return text
}
const dataIn = (text: string): unknown[] =>
  [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data!) as unknown)

it('an order that has ended is sent whole, to customers without what is written for staff', async () => {
  entries = [placed, completed]
  const response = await follow('jo')
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  })
  const text = await textOf(response)
  const { actor: _, reason: __, ...shown } = placed
  expect(dataIn(text)[0]).toEqual(shown)
  expect(text).toContain('id: e-2~2\n')
  expect(text.endsWith('event: end\ndata: {}\n\n')).toBe(true)
  expect(dataIn(await textOf(await follow('clerk', ['support'])))[0]).toEqual(placed)
  expect((await follow('jo', ['customer'], { 'last-event-id': 'e-2~2' })).statusCode).toBe(204)
})

it("another customer's order is answered 404, and its timeline is not read", async () => {
  const response = await follow('someone')
  expect([response.statusCode, JSON.parse(await textOf(response))]).toMatchObject([404, { code: 'not-found' }])
  expect(readings).toEqual(['orders'])
})

it('a stream outlives the deadline of requests', { timeout: 20_000 }, async () => {
  const response = await follow('jo')
  // The list was read before the answer began. It is read again a second later, and requests have half a second.
  entries = [placed, completed]
  expect(dataIn(await textOf(response))).toHaveLength(3)
})

it('a client that hangs up frees its stream', { timeout: 20_000 }, async () => {
  const open = []
  for (let at = 0; at < STREAMS_PER_CALLER; at++) open.push(await follow('jo'))
  expect((await follow('jo')).statusCode).toBe(429)
  open[0]!.destroy()
  const status = async () => {
    const response = await follow('jo')
    if (response.statusCode === 200) open.push(response)
    else response.resume()
    return response.statusCode
  }
  await expect.poll(status, { timeout: 10_000 }).toBe(200)
  for (const one of open) one.destroy()
})
