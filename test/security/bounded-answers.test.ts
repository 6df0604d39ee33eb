/** Answers quote only a bounded part of the request, and the page for people is styled in a browser. */

import { createAdaptorServer } from '@hono/node-server'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { testCharges } from '../../functions/orders/charges.testing.ts'
import { testPlacing } from '../../functions/orders/placements.testing.ts'
import { orders } from '../../functions/orders/service.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, pushBody, testConfig } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { hasBrowser, inPage } from '../support/browser.ts'

const ANSWER_BYTES = 4_000
const long = 'x'.repeat(7_000)
const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'a',
  paymentMethodRef: 'card-ok',
}
const manyKeys = Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`key-${at}`, 0]))

let issuer: TestIssuer
let http: ReturnType<typeof createHttpApp>
let ordersHttp: ReturnType<typeof createHttpApp>
const ordersPlatform = testPlatform(orders, {
  settings: { RELEASE_DELAY_SECONDS: '0', PLACING: testPlacing(), CHARGES: testCharges() },
})
const json: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': 'key-1' }

beforeAll(async () => {
  issuer = await openIssuer()
  const settings = { EDGE: testEdge(), ...issuer.settings, PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1' }
  http = createHttpApp(gatewayApp, testPlatform(gateway, { settings }), testConfig('gateway'))
  ordersHttp = createHttpApp(ordersApp, ordersPlatform, testConfig('orders', { callers: { readOrder: ['gateway'] } }))
  json['authorization'] = `Bearer ${await issuer.token()}`
})
afterAll(() => issuer.close())

describe('an answer', () => {
  it.each<[string, string, string, Record<string, string>, unknown]>([
    ['many unknown keys', 'POST', '/v1/orders', {}, { ...order, ...manyKeys }],
    ['a long unknown key', 'POST', '/v1/orders', {}, { ...order, ['k'.repeat(900_000)]: 0 }],
    ['a long value', 'POST', '/v1/orders', {}, { ...order, currency: 'E'.repeat(900_000) }],
    ['many faults', 'POST', '/v1/orders', {}, { ...order, lines: Array.from({ length: 100 }, () => ({ [long]: 1 })) }],
    ['a long path', 'GET', `/v1/${long}`, {}, undefined],
    ['a long name in the path', 'GET', `/v1/orders/${long}`, {}, undefined],
    ['a long media type', 'POST', '/v1/orders', { 'content-type': long }, order],
    ['a long coding', 'POST', '/v1/orders', { 'content-encoding': long }, order],
    ['a long key', 'POST', '/v1/orders', { 'idempotency-key': long }, order],
    ['a malformed token', 'POST', '/v1/orders', { authorization: `Bearer ${long}` }, order],
    ['a malformed webhook', 'POST', '/v1/webhooks/payment-provider', { 'webhook-signature': long }, { a: long }],
    ['a long origin', 'GET', '/openapi.json', { origin: `https://${long}` }, undefined],
  ])('of the gateway to %s is short', async (_, method, path, headers, body) => {
    const init = { method, headers: { ...json, ...headers } }
    const answer = await http.request(path, body === undefined ? init : { ...init, body: JSON.stringify(body) })
    const head = [...answer.headers].join()
    expect(head.length).toBeLessThan(ANSWER_BYTES)
    if (!answer.ok) expect((await answer.arrayBuffer()).byteLength).toBeLessThan(ANSWER_BYTES)
    expect(answer.ok).toBe(path.startsWith('/openapi.json'))
  })

  it.each<[string, string, string, Record<string, string>]>([
    [
      'a token for a long audience',
      'GET',
      '/orders/o-1',
      { authorization: idToken('orders', 'gateway', { aud: long }) },
    ],
    [
      'a token of a long account',
      'GET',
      '/orders/o-1',
      { authorization: idToken('orders', 'gateway', { email: long }) },
    ],
    ['a long path', 'GET', `/${long}`, { authorization: idToken('orders', 'gateway') }],
  ])('of a service to %s is short', async (_, method, path, headers) => {
    const answer = await ordersHttp.request(path, { method, headers })
    expect(answer.ok).toBe(false)
    expect((await answer.arrayBuffer()).byteLength).toBeLessThan(ANSWER_BYTES)
  })

  it('about an unparseable message is short in its dead letter and in the log', async () => {
    const broken = message('stock.reserved', { orderId: 'o-1', ...manyKeys })
    const headers = { authorization: idToken('orders', 'orders-push') }
    await ordersHttp.request('/events/stock.reserved', { method: 'POST', headers, body: pushBody(broken) })
    expect(ordersPlatform.deadLetters).toHaveLength(1)
    for (const line of ordersPlatform.logs) expect(JSON.stringify(line).length).toBeLessThan(ANSWER_BYTES)
  })
})

describe('the page for people', () => {
  it.runIf(hasBrowser)('is styled in a browser', { timeout: 60_000 }, async () => {
    const server = createAdaptorServer({ fetch: http.fetch }) as Server
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/docs`
      expect(await inPage(url, 'getComputedStyle(document.body).maxWidth')).toBe('960px')
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
