/** After a probing run, the security log contains each refusal and each act with subject and reason, and no secret. */

import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { vaultOf } from '../../functions/customers/contracts.ts'
import { app as customersApp } from '../../functions/customers/app.ts'
import { customers } from '../../functions/customers/service.ts'
import { app } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { app as inventoryApp } from '../../functions/inventory/app.ts'
import { inventory } from '../../functions/inventory/service.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { openShop } from '../../functions/orders/shop.testing.ts'
import answersOfOrders from '../../functions/orders/frozen-queries.json' with { type: 'json' }
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, testConfig } from '../../shared/base/config.testing.ts'
import { startOfTests, testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'

const nowSeconds = Date.parse(startOfTests) / 1000
const card = 'card-4242-secret'
const home = 'address-of-the-customer'
const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 1 }],
  addressRef: home,
  paymentMethodRef: card,
}

let issuer: TestIssuer
let foreign: Awaited<ReturnType<typeof generateKeyPair>>
beforeAll(async () => {
  ;[issuer, foreign] = await Promise.all([openIssuer(), generateKeyPair('RS256')])
})
afterAll(() => issuer.close())

const problem = (status: number, code: string): Response =>
  Response.json(
    { type: `urn:millrace:problem:${code}`, status, code, detail: `refused as ${code}`, instance: '/' },
    { status, headers: { 'content-type': 'application/problem+json' } },
  )
const placed = answersOfOrders['readOrder@200']

/** Sent texts that must not be in the log. */
const secrets: string[] = [card, home]
const secret = <T extends string | undefined>(value: T): T => {
  if (value) secrets.push(value)
  return value
}

function openGateway(limits = {}, answer: (path: string) => Response = () => new Response(undefined, { status: 204 })) {
  const platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(limits),
      PAYMENT_PROVIDER_URL: 'https://provider.example.com',
      PAYMENT_WEBHOOK_URL: 'https://gateway.example.com/v1/webhooks/payment-provider',
      ...issuer.settings,
    },
    call: async (_service, path) => answer(path),
    callExternal: (url, options) =>
      url.includes('accounts:lookup')
        ? everyAccountIsValid(url, options)
        : Promise.resolve(Response.json({ keys: [] })),
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  const send = async (method: string, path: string, bearer?: string, body?: unknown, headers = {}): Promise<number> => {
    const response = await http.request(path, {
      method,
      headers: {
        'x-forwarded-for': '203.0.113.7',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${secret(bearer)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': secret('key-of-mine') }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return response.status
  }
  return { platform, send }
}

const eventsOf = (platform: TestPlatform) =>
  platform.logs.filter(({ event }) => event === 'security').map(({ severity, fields }) => ({ severity, ...fields }))

function noSecretIn(platform: TestPlatform): void {
  const text = JSON.stringify(platform.logs)
  expect(secrets.filter((one) => text.includes(one))).toEqual([])
  // The parts of a token are secret too: header and payload hold subject and roles, the signature makes it usable.
  for (const token of secrets.filter((one) => one.split('.').length === 3))
    expect(token.split('.').filter((part) => text.includes(part))).toEqual([])
}

const at = { outcome: 'refused', address: '203.0.113.7' }

it('the security log has every refusal of the gateway, with subject, reason, address, route and key', async () => {
  const { platform, send } = openGateway({}, (path) =>
    path === '/orders' || path === '/submissions/ReceiveStock'
      ? problem(409, 'idempotency-key-reused')
      : Response.json({ ...placed, unknown: [] }),
  )
  const statuses = [
    await send('GET', '/v1/orders/o-1'),
    await send('GET', '/v1/orders/o-1', await issuer.token({ key: foreign.privateKey, sub: 'mallory' })),
    await send('GET', '/v1/orders/o-1', await issuer.token({ claims: { exp: nowSeconds - 60 } })),
    await send('GET', '/v1/orders/o-1', await issuer.token({ claims: { aud: 'another' } })),
    await send('GET', '/v1/orders/o-1', await issuer.token({ roles: ['root'] })),
    await send('GET', '/v1/orders/o-1', await issuer.token({ sub: 'customer-2' })),
    await send('POST', '/v1/prices', await issuer.token({ sub: 'customer-3' }), {}),
    await send('POST', '/v1/orders', await issuer.token({ sub: 'customer-4' }), order),
    await send('POST', '/v1/stock', await issuer.token({ sub: 'clerk', roles: ['admin'] }), {
      lines: [{ sku: 'TEA-001', quantity: 1 }],
    }),
    await send('POST', '/v1/webhooks/payment-provider', undefined, { id: 'e', type: 't', reference: 'o-1' }),
    await send(
      'POST',
      '/v1/webhooks/payment-provider',
      undefined,
      { id: 'e', type: 't', reference: 'o-1' },
      {
        'webhook-signature': secret(
          await new SignJWT({ body_sha256: 'x' })
            .setProtectedHeader({ alg: 'ES256', kid: 'k-9', typ: 'webhook+jwt' })
            .sign((await generateKeyPair('ES256')).privateKey),
        ),
      },
    ),
  ]
  expect(statuses).toEqual([401, 401, 401, 401, 401, 404, 403, 409, 409, 401, 401])
  const read = { ...at, route: '/v1/orders/:orderId' }
  const expected = [
    { ...read, event: 'token-missing', reason: expect.stringMatching(/Send a token/) },
    { ...read, event: 'token-invalid', reason: expect.stringContaining('SIGNATURE'), keyId: 'key-1' },
    { ...read, event: 'token-expired', reason: expect.any(String), subject: 'token:customer-1', keyId: 'key-1' },
    { ...read, event: 'token-invalid', reason: expect.stringContaining('CLAIM'), subject: 'token:customer-1' },
    { ...read, event: 'token-invalid', reason: expect.stringContaining('role'), subject: 'token:customer-1' },
    { ...read, event: 'order-of-another-customer', reason: expect.any(String), subject: 'customer:customer-2' },
    { ...at, event: 'forbidden', reason: expect.any(String), subject: 'customer:customer-3', route: '/v1/prices' },
    { ...at, event: 'idempotency-key-reused', reason: expect.any(String), subject: 'customer:customer-4' },
    { ...at, event: 'idempotency-key-reused', reason: expect.any(String), subject: 'staff:clerk' },
    { ...at, event: 'signature-invalid', reason: expect.any(String), route: '/v1/webhooks/payment-provider' },
    { ...at, event: 'signature-invalid', reason: expect.any(String), keyId: 'k-9' },
  ]
  const events = eventsOf(platform)
  expect(events).toHaveLength(expected.length)
  for (const [index, one] of expected.entries()) expect(events[index]).toMatchObject({ severity: 'WARNING', ...one })
  // The subject of a token with a forged signature is not logged.
  expect(events[1]).not.toHaveProperty('subject')
  noSecretIn(platform)
})

it('the security log has the refusals by limits of the edge in a bounded number of lines, with the total count', async () => {
  const limits = { customer: { perSecond: 1, burst: 10 }, admin: { perSecond: 1, burst: 10 } }
  const wide = { perSecond: 1_000_000, burst: 1_000_000 }
  const { platform, send } = openGateway(
    { limits: { ...limits, support: wide, warehouse: wide, importer: wide, address: wide } },
    (): Response => Response.json({ ...placed, entries: [] }),
  )
  const bearer = await issuer.token()
  const answers: number[] = []
  for (let sent = 0; sent < 110; sent++) answers.push(await send('GET', '/v1/orders/o-1', bearer))
  expect(answers.filter((status) => status === 429)).toHaveLength(100)
  platform.security.close()
  const events = eventsOf(platform) as { count?: number }[]
  expect(events[0]).toMatchObject({ ...at, event: 'rate-limited', subject: 'customer:customer-1' })
  expect(events).toHaveLength(11)
  expect(events.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(100)
  noSecretIn(platform)
})

const commandId = '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f'

it('the security log has every act of staff with actor, act and object', async () => {
  const { platform, send } = openGateway({}, (path) =>
    path === '/unknown-skus' ? Response.json({ unknown: [] }) : Response.json({ commandId }, { status: 202 }),
  )
  const bearer = await issuer.token({ sub: 'clerk', roles: ['admin'] })
  const price = { sku: 'TEA-001', unitMinor: 1_250, currency: 'EUR' }
  expect([
    await send('POST', '/v1/prices', bearer, price),
    await send('POST', '/v1/stock', bearer, { lines: [{ sku: 'TEA-001', quantity: 1 }] }),
    await send('POST', '/v1/orders/o-1/retry', bearer, { reason: 'inventory is back' }),
    await send('POST', '/v1/orders/o-1/close', bearer, { reason: 'paid by invoice' }),
    await send('POST', '/v1/products', bearer, { ...price, name: 'Tea' }),
  ]).toEqual([202, 202, 202, 202, 202])
  const done = { severity: 'NOTICE', event: 'staff.command', outcome: 'done', subject: 'staff:clerk' }
  const sent = (command: string, object: unknown) => ({
    ...done,
    command,
    object,
    commandId,
    address: '203.0.113.7',
  })
  expect(eventsOf(platform)).toMatchObject([
    sent('ChangePrice', 'TEA-001'),
    sent('ReceiveStock', expect.any(String)),
    sent('RetryCheckout', 'o-1'),
    sent('CloseOrder', 'o-1'),
    sent('PublishProduct', 'TEA-001'),
  ])
  noSecretIn(platform)
})

it('the security log has requests with references of others, and imports, without the references themselves', async () => {
  let isImport = false
  const { platform, send } = openGateway({}, (path) => {
    if (path === '/imports') return Response.json({ references: [] })
    if (path === '/orders' && isImport) return Response.json(placed, { status: 201 })
    return problem(422, path === '/orders' ? 'unknown-reference' : 'payment-method-refused')
  })
  const customers = [
    {
      customerRef: '17850',
      address: { name: secret('A. Customer'), lines: [secret('1 Mill Lane')], city: 'Berlin', country: 'DE' },
      token: card,
    },
  ]
  const importer = await issuer.token({ sub: 'importer', roles: ['importer'] })
  expect([
    await send('POST', '/v1/orders', await issuer.token(), order),
    await send('POST', '/v1/payment-methods', await issuer.token(), { token: card }),
    await send('POST', '/v1/customers', importer, { customers }),
  ]).toEqual([422, 422, 200])
  isImport = true
  expect(await send('POST', '/v1/orders', importer, order)).toBe(403)
  const refused = { ...at, severity: 'WARNING', subject: 'customer:customer-1' }
  expect(eventsOf(platform)).toMatchObject([
    { ...refused, event: 'unknown-reference', route: '/v1/orders' },
    { ...refused, event: 'payment-method-refused', route: '/v1/payment-methods' },
    { event: 'staff.import', outcome: 'done', severity: 'NOTICE', subject: 'staff:importer', customers: 1 },
    { event: 'forbidden', severity: 'WARNING', subject: 'staff:importer', route: '/v1/orders' },
  ])
  noSecretIn(platform)
})

it('the security log has the callers that a service refuses, and no 404 to an allowed caller', async () => {
  const platform = testPlatform(inventory)
  const http = createHttpApp(inventoryApp, platform, testConfig('inventory', { callers: { readStock: ['gateway'] } }))
  const post = (path: string, authorization?: string): Promise<Response> =>
    Promise.resolve(http.request(path, { method: 'POST', body: '{}', headers: authorization ? { authorization } : {} }))
  await post('/commands/ReserveStock')
  await post('/commands/ReserveStock', secret(idToken('inventory', 'catalog')))
  await post('/events/shipment.dispatched', secret(idToken('inventory', 'orders-push')))
  await post('/commands/ReserveStock', secret(idToken('payments', 'orders')))
  await post('/stock/TEA-001', secret(idToken('inventory', 'history')))
  const notFound = await http.request('/stock/TEA-404', {
    headers: { authorization: secret(idToken('inventory', 'gateway')) },
  })
  expect(notFound.status).toBe(404)
  const refused = { event: 'caller-refused', outcome: 'refused', severity: 'WARNING' }
  const account = (name: string): string => expect.stringMatching(new RegExp(`^${name}@`)) as string
  expect(eventsOf(platform)).toMatchObject([
    { ...refused, route: '/commands/:command', reason: expect.stringContaining('no ID token') },
    { ...refused, route: '/commands/:command', subject: account('catalog') },
    { ...refused, route: '/events/shipment.dispatched', subject: account('orders-push') },
    { ...refused, route: '/commands/:command', subject: account('orders'), reason: expect.stringContaining('CLAIM') },
    { ...refused, subject: account('history') },
  ])
  noSecretIn(platform)
})

it("the security log has a customer's command to an order of another one, by the order's owner", async () => {
  const { platform, place } = await openShop()
  const { orderId } = (await (await place()).json()) as { readonly orderId: string }
  const http = createHttpApp(ordersApp, platform, testConfig('orders', { submitters: { CancelOrder: ['gateway'] } }))
  const answer = await http.request('/submissions/CancelOrder', {
    method: 'POST',
    headers: { authorization: secret(idToken('orders', 'gateway')), 'content-type': 'application/json' },
    body: JSON.stringify({
      key: 'key-1',
      actor: 'customer:customer-2',
      subject: orderId,
      limitedTo: 'customer-2',
      address: '203.0.113.9',
      data: { orderId, by: 'customer', reason: 'changed-mind' },
    }),
  })
  expect(answer.status).toBe(404)
  expect(eventsOf(platform)).toMatchObject([
    {
      event: 'order-of-another-customer',
      outcome: 'refused',
      severity: 'WARNING',
      subject: 'customer:customer-2',
      address: '203.0.113.9',
      route: '/submissions/CancelOrder',
    },
  ])
  noSecretIn(platform)
})

it("the security log has a service's request for data that only another service may read", async () => {
  const platform = testPlatform(customers, { settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com' } })
  const http = createHttpApp(
    customersApp,
    platform,
    testConfig('customers', { callers: { listAddresses: ['gateway'], readAddress: ['shipping'] } }),
  )
  const authorization = secret(idToken('customers', 'shipping'))
  const answer = await http.request(`/vaults/${vaultOf('alice')}/addresses`, { headers: { authorization } })
  expect(answer.status).toBe(403)
  expect(eventsOf(platform)).toMatchObject([
    { event: 'caller-refused', outcome: 'refused', subject: expect.stringMatching(/^shipping@/) as string },
  ])
  noSecretIn(platform)
})
