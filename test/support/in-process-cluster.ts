/** An in-process cluster: all services in memory, connected as the stacks connect them: a request through the gateway reaches the others. */

import type { Hono } from 'hono'
import type { References } from '../../functions/shop/cli/references.ts'
import { vaultOf } from '../../functions/customers/contracts.ts'
import { loadApp } from '../../functions/apps.ts'
import { services } from '../../functions/index.ts'
import { testEdge } from '../../functions/gateway/edge.testing.ts'
import { everyAccountIsValid, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { testCharges } from '../../functions/orders/charges.testing.ts'
import { testPlacing } from '../../functions/orders/placements.testing.ts'
import { readSettings } from '../../shared/base/config.ts'
import { createCaller } from '../../shared/runtime/caller.ts'
import { republishCommand } from '../../shared/base/names.ts'
import { createCloudEventFunction } from '../../shared/runtime/cloud-event-function.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { idToken, pushBody, testConfig } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'

export interface Cluster {
  readonly apps: ReadonlyMap<string, Hono>
  readonly platforms: ReadonlyMap<string, TestPlatform>
  /** A customer's address and payment method in the vault. */
  references(sub: string): Promise<References>
  request(service: string, path: string, init: RequestInit): Promise<Response>
  /** Callees for which a service has an open circuit. */
  openCircuits(): readonly string[]
  /** Log lines of bugs in all services. */
  bugs(): readonly object[]
}

const settings = {
  EDGE: testEdge(),
  PAYMENT_PROVIDER_URL: 'https://payments.example.com',
  PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
  PAYMENT_WEBHOOK_URL: 'https://gateway.example.com/v1/webhooks/payment-provider',
  CARRIER_URL: 'https://carrier.example.com',
  CARRIER_WEBHOOK_URL: 'https://gateway.example.com/v1/webhooks/carrier',
  RELEASE_DELAY_SECONDS: '0',
  PIECES_PER_PARCEL: '20',
  PLACING: testPlacing(),
  CHARGES: testCharges(),
  GRAPHQL_DOCUMENTS: 'any',
  // No receiver answers here.
  WEBHOOK_TARGETS: 'public',
}

/** A provider and a carrier that always succeed. */
async function partner(url: string): Promise<Response> {
  if (url.endsWith('/payment-methods'))
    return Response.json({ paymentMethodRef: 'pm-1', brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2034 })
  // As the carrier answers for a key that it does not know.
  if (/\/bookings\/[^/]+\/cancel$/.test(url)) return Response.json({ status: 'cancelled' })
  if (url.includes('/bookings')) return Response.json({ trackingRef: 't-1', status: 'delivered' })
  // No order of the generated requests is disputed.
  if (url.includes('/disputes/')) return Response.json({}, { status: 404 })
  if (url.includes('/captures')) return Response.json({ status: 'captured', captureId: 'c-1', captures: [] })
  return Response.json({ status: 'authorized', expiresAt: '2026-01-08T00:00:00.000Z', captures: [], refunds: [] })
}

export async function openCluster(issuer: TestIssuer['settings']): Promise<Cluster> {
  const platforms = new Map<string, TestPlatform>()
  const apps = new Map<string, Hono>()
  const callers: ReturnType<typeof createCaller>[] = []
  const peers = Object.fromEntries(services.map(({ name }) => [name, `http://${name}.cluster`]))
  const nameOf = (url: string): string => new URL(url).hostname.replace(/\.cluster$/, '')
  const reach = async (service: string, path: string, init: RequestInit): Promise<Response> =>
    apps.get(service)!.request(path, init)

  for (const service of services) {
    // As at its start: a test platform reads a setting when a request needs it, which few generated requests may do.
    readSettings(service, { ...settings, ...issuer })
    const platform = testPlatform(service, {
      settings: { ...settings, ...issuer },
      callExternal: (url, options) =>
        url.includes('accounts:lookup') ? everyAccountIsValid(url, options) : partner(url),
      call: (...parameters) => caller.call(...parameters),
    })
    // Includes the circuit of each callee.
    const caller = createCaller({
      peers,
      authorizationFor: async (origin) => idToken(nameOf(origin), service.name),
      accessAuthorization: async () => 'Bearer access',
      telemetry: platform.telemetry,
      send: (url, init) => reach(nameOf(url), url.slice(`http://${nameOf(url)}.cluster`.length), init),
    })
    callers.push(caller)
    platforms.set(service.name, platform)
    const app = await loadApp(service.name)
    const config = testConfig(service.name, {
      senders: Object.fromEntries([...service.accepts, republishCommand].map((command) => [command, ['sender']])),
      submitters: Object.fromEntries(service.acceptsSubmitted.map((command) => [command, ['gateway']])),
      callers: Object.fromEntries(
        Object.keys(service.contracts.queries ?? {}).map((query) => [
          query,
          services.filter(({ queries }) => queries.includes(query)).map(({ name }) => name),
        ]),
      ),
    })
    const call =
      service.runtime === 'cloudevent' ? await createCloudEventFunction(service.name, 'test-project') : undefined
    apps.set(service.name, createHttpApp(app, platform, config, call))
  }
  await stock(reach)
  const references = (sub: string): Promise<References> => registered(reach, sub)
  // The customer of the generated orders.
  await references('customer-1')
  return {
    apps,
    platforms,
    references,
    openCircuits: () => callers.flatMap((caller) => caller.openCircuits()),
    request: reach,
    bugs: () =>
      [...platforms.values()].flatMap(({ logs }) =>
        logs
          .filter(({ event }) => event === 'request.failed' || event === 'message.failed')
          .map(({ event, fields }) => ({ event, ...fields })),
      ),
  }
}

async function registered(request: Cluster['request'], sub: string): Promise<References> {
  const add = async (path: string, body: object): Promise<object> => {
    const response = await request('customers', `/vaults/${vaultOf(sub)}/${path}`, {
      method: 'POST',
      headers: { 'x-serverless-authorization': idToken('customers', 'gateway'), 'content-type': 'application/json' },
      body: JSON.stringify({ idempotencyKey: path, body }),
    })
    if (response.status !== 201) throw new Error(`customers answered ${response.status}`)
    return (await response.json()) as object
  }
  const address = { name: 'A. Customer', lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }
  const { addressRef } = (await add('addresses', address)) as References
  const { paymentMethodRef } = (await add('payment-methods', { token: 'card-ok' })) as References
  return { addressRef, paymentMethodRef }
}

/** Adds a product with stock, so that some of the orders are placed. */
async function stock(request: Cluster['request']): Promise<void> {
  const deliver = async (service: string, path: string, account: string, body: string): Promise<void> => {
    const headers = { authorization: idToken(service, account), 'content-type': 'application/json' }
    const { status } = await request(service, path, { method: 'POST', headers, body })
    if (status !== 204) throw new Error(`${service} answered ${status}`)
  }
  for (const sku of ['TEA-001', 'BANK CHARGES']) {
    const price = { sku, unitMinor: 100, currency: 'EUR' }
    const product = message('PublishProduct', { ...price, name: sku }, { subject: sku, sequence: 0 })
    await deliver('catalog', '/commands/PublishProduct', 'sender', JSON.stringify(product))
    await deliver(
      'orders',
      '/events/price.changed',
      'orders-push',
      pushBody(message('price.changed', price, { subject: sku })),
    )
  }
}
