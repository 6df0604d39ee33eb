/** A suite's client of a platform that it has started or joined. */

import { connect, type Api } from '../../cli/api.ts'
import { hasEnded, type OrderView } from '../../functions/shop/cli/order-view.ts'
import { references, type TestCard } from '../../functions/shop/cli/references.ts'
import { getLocal } from '../../cli/local.ts'
import type { Authorization, Posting } from '../../functions/shop/local/payment-provider/ledger.ts'
import { documentId } from '../../shared/base/ids.ts'
import type { Running } from '../../emulators/running.ts'
import { secretValue } from './secret-value.ts'
import type { LocalPorts } from '../../stacks/environments.ts'

export interface Product {
  readonly sku: string
  readonly currency?: string
  readonly unitMinor: number
}

interface Placing {
  /** The customer (default: that of `customer()`). */
  readonly by?: Api
  readonly card?: TestCard
  readonly currency?: string
}

export interface ProviderLedger {
  readonly authorizations: readonly Authorization[]
  readonly postings: readonly Posting[]
}

/** The shop has a public service. */
export type RunningShop = Running & { readonly publicUrl: string }

export interface PlatformClient {
  readonly running: RunningShop
  readonly ports: LocalPorts
  customer(sub?: string): Api
  staff(roles?: readonly string[]): Api
  /** Publishes products with 1,000 pieces of each in stock, and waits until orders of them can be placed. */
  sell(...products: readonly Product[]): Promise<void>
  /** Places an order of one line with the references of its customer. Returns the order's id. */
  place(line: { readonly sku: string; readonly quantity: number }, placing?: Placing): Promise<string>
  /** Reads the order as its customer until it has ended and its timeline has the last event. */
  followed(api: Api, orderId: string, withinMs?: number): Promise<OrderView>
  /** The local cloud's own data at `/_local/PATH`, with the secret of the run. */
  local<Body>(path: string): Promise<Body>
  /** An ID token from the metadata server at the account's port. */
  idToken(account: string, audience: string): Promise<string>
  /** The payment provider's ledger: authorizations and postings. */
  ledger(): Promise<ProviderLedger>
}

const IN_STOCK = 1_000
/** A read of an order is work of three services, of which the order waits for others. */
const POLL_INTERVAL_MS = 100

/** `someCustomer` is the subject of `customer()`. */
export function clientOf(running: RunningShop, ports: LocalPorts, someCustomer = 'customer-1'): PlatformClient {
  const customer = (sub = someCustomer): Api => connect(running, { sub, roles: ['customer'] })
  const staff = (roles: readonly string[] = ['admin']): Api => connect(running, { sub: 'staff-1', roles })
  const idToken = async (account: string, audience: string): Promise<string> => {
    const path = '/computeMetadata/v1/instance/service-accounts/default/identity'
    const url = `http://127.0.0.1:${ports.account(account)}${path}?audience=${encodeURIComponent(audience)}`
    return (await ok(await fetch(url, { headers: { 'metadata-flavor': 'Google' } }))).text()
  }
  return {
    running,
    ports,
    customer,
    staff,
    idToken,
    async sell(...products) {
      const shop = staff()
      const lines = products.map(({ sku }) => ({ sku, quantity: IN_STOCK }))
      for (const { sku, unitMinor, currency = 'EUR' } of products) {
        const body = { sku, unitMinor, currency, name: `Test ${sku}` }
        await shop.send('POST', '/v1/products', { key: crypto.randomUUID(), body, waitSeconds: 20 })
      }
      await shop.send('POST', '/v1/stock', { key: crypto.randomUUID(), body: { lines } })
      // Orders prices by its own replica, which gets a product after the catalog shows it.
      const price = (sku: string): string =>
        `http://${running.apiHost}/v1/projects/${running.projectId}/databases/orders/documents/prices/${encodeURIComponent(documentId(sku))}`
      for (const { sku } of products) {
        await until(`stock of ${sku}`, () => exists(shop, `/v1/stock/${sku}`))
        await until(`the price of ${sku}`, async () => (await fetch(price(sku))).ok)
      }
    },
    async place(line, { by = customer(), card = 'card-ok', currency = 'EUR' } = {}) {
      const { body } = await by.send<{ orderId: string }>('POST', '/v1/orders', {
        key: crypto.randomUUID(),
        body: { currency, lines: [line], ...(await references(by, card)) },
      })
      return body.orderId
    },
    async followed(api, orderId, withinMs = 30_000) {
      let order: OrderView | undefined
      const read = async (): Promise<boolean> => {
        order = (await api.send<OrderView>('GET', `/v1/orders/${orderId}`)).body
        const { status, timeline } = order
        return hasEnded(order) && timeline.entries?.some(({ type }) => type === `order.${status}`) === true
      }
      await until(() => `the end of ${JSON.stringify(order)}`, read, withinMs)
      return order!
    },
    local: (path) => getLocal(running, `/_local/${path}`),
    async ledger() {
      const origin = `http://127.0.0.1:${ports.partner('payment-provider')}`
      const headers = { authorization: `Bearer ${await secretValue(running, 'payment-provider-key')}` }
      return (await (await ok(await fetch(`${origin}/v1/ledger`, { headers }))).json()) as ProviderLedger
    },
  }
}

async function exists(api: Api, path: string): Promise<boolean> {
  return api.send('GET', path).then(
    () => true,
    () => false,
  )
}

async function ok(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  return response
}

/** Polls until the condition holds, also outside of vitest. @throws Error after the timeout. */
async function until(
  what: string | (() => string),
  condition: () => Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadlineMs)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS))
  }
}
