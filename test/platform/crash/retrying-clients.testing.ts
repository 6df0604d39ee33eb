/** Customers and staff that retry: a failed request is sent again with its key until it is answered. */

import { type Api, type Method, Refusal } from '../../../cli/api.ts'
import { references, type References, type TestCard } from '../../../functions/shop/cli/references.ts'
import type { TestPlatform } from '../../support/platform.ts'

/** Doubled after each consecutive failure, as in a well-behaved client. */
const FIRST_WAIT_MS = 200
const MAX_WAIT_MS = 1_600
const POLL_INTERVAL_MS = 250
const REQUEST_TIMEOUT_MS = 300_000

export interface Placed {
  readonly orderId: string
  readonly sku: string
  readonly quantity: number
  readonly totalMinor: number
  /** `either`: its cancellation races with its parcel, so that it is completed or cancelled. */
  readonly ends: 'completed' | 'rejected' | 'cancelled' | 'either'
  /** The amount that staff gave back of it. */
  readonly refundedMinor?: number
  /** Its first capture was refused, and staff took the money from another card. */
  readonly isRecaptured?: true
}

export interface Product {
  readonly sku: string
  readonly unitMinor: number
  /** 0: out of stock. */
  readonly stock: number
}

export interface RetryingClients {
  readonly placed: readonly Placed[]
  readonly products: readonly Product[]
  /** The times at which a request failed and was sent again. */
  readonly retries: readonly number[]
  /** The requests that are sent again and again, with their last answer, and the states that are waited for. */
  waits(): readonly string[]
  /** Publishes products, changes their prices, and stocks them in one delivery. */
  publishProducts(products: readonly Product[]): Promise<void>
  /** The customer has the events of its orders sent to this address. */
  registerWebhook(url: string): Promise<void>
  /** A new customer adds an address and withdraws it. */
  withdrawNewAddress(): Promise<{ sub: string; addressRef: string }>
  /** Places one order, pays it with another card if its card is declined, reads it and its product's stock, and returns its id. */
  placeOrder(options: OrderOptions): Promise<string>
  /** Places one order, waits for its end, and gives a part of its money back. */
  refundOrder(options: OrderOptions): Promise<void>
  /** Places one order whose capture is refused, and takes its money from another card. */
  recaptureOrder(options: Omit<OrderOptions, 'card'>): Promise<void>
}

interface OrderOptions {
  readonly sku: string
  readonly quantity: number
  readonly card: TestCard
  /** Its customer cancels it as soon as it is placed, or while the card waits for the customer. */
  readonly isCancelled?: boolean
}

export function retryingClients(platform: Pick<TestPlatform, 'customer' | 'staff'>): RetryingClients {
  const placed: Placed[] = []
  const products: Product[] = []
  const retries: number[] = []
  const waits = new Map<symbol, string>()
  const customer = platform.customer()
  const staff = platform.staff()
  const currency = 'EUR'
  let movers = 0

  const sendUntilAnswered = async <Body>(
    api: Api,
    method: Method,
    path: string,
    options: { body?: unknown; key?: string } = {},
  ): Promise<Body> => {
    const deadlineMs = Date.now() + REQUEST_TIMEOUT_MS
    const self = Symbol(path)
    try {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
        try {
          return (await api.send<Body>(method, path, options)).body
        } catch (error) {
          if (!isTransient(error) || Date.now() > deadlineMs) throw error
          waits.set(self, `${method} ${path} (${(error as Error).message})`)
          retries.push(Date.now())
          await pause(waitMs)
        }
      }
    } finally {
      waits.delete(self)
    }
  }
  const kept = new Map<TestCard, Promise<References>>()
  const ownedWith = (card: TestCard): Promise<References> => {
    const known =
      kept.get(card) ??
      references(
        {
          send: async (method, path, options) => ({
            status: 201,
            body: await sendUntilAnswered(customer, method, path, options),
          }),
        },
        card,
      )
    kept.set(card, known)
    return known
  }
  /** Waits until the accepted command was carried out. */
  const until = async (path: string, isSo: (body: Record<string, unknown>) => boolean): Promise<void> => {
    const deadlineMs = Date.now() + REQUEST_TIMEOUT_MS
    const self = Symbol(path)
    try {
      for (;;) {
        const body = await sendUntilAnswered<Record<string, unknown>>(staff, 'GET', path).catch(absent)
        if (body && isSo(body)) return
        if (Date.now() > deadlineMs) throw new Error(`${path} is still ${JSON.stringify(body)}.`)
        waits.set(
          self,
          `${path}, which is ${String(body?.['status'])}${body?.['reason'] ? ` (${String(body['reason'])})` : ''}`,
        )
        await pause(POLL_INTERVAL_MS)
      }
    } finally {
      waits.delete(self)
    }
  }

  const note = (orderId: string, more: Partial<Placed>): void => {
    const index = placed.findIndex((one) => one.orderId === orderId)
    placed[index] = { ...placed[index]!, ...more }
  }

  const place = async ({ sku, quantity, card, isCancelled = false }: OrderOptions): Promise<string> => {
    const { unitMinor, stock } = products.find((product) => product.sku === sku)!
    const totalMinor = quantity * unitMinor
    const body = {
      currency,
      lines: [{ sku, quantity }],
      ...(await ownedWith(card)),
      // The replica of prices may not have received the last change yet.
      expectedTotalMinor: totalMinor,
    }
    const { orderId } = await sendUntilAnswered<{ orderId: string }>(customer, 'POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body,
    })
    const isRecaptured = card === 'card-capture-refused'
    const isPaidAgain = stock > 0 && card === 'card-declined'
    const ends = stock > 0 && (card === 'card-ok' || isRecaptured || isPaidAgain) ? 'completed' : 'rejected'
    placed.push({ orderId, sku, quantity, totalMinor, ends, ...(isRecaptured ? { isRecaptured } : {}) })
    if (isCancelled) {
      const key = `${orderId}-cancel`
      const requested = await sendUntilAnswered(customer, 'POST', `/v1/orders/${orderId}/cancel`, {
        key,
        body: { reason: 'changed-mind' },
      }).catch(tooLate)
      if (requested !== undefined) note(orderId, { ends: card === 'card-action-required' ? 'cancelled' : 'either' })
    }
    if (isPaidAgain) {
      await until(`/v1/orders/${orderId}`, ({ status }) => status === 'payment-needed')
      const { paymentMethodRef } = await ownedWith('card-ok')
      const second = { key: `${orderId}-second`, body: { paymentMethodRef } }
      await sendUntilAnswered(customer, 'POST', `/v1/orders/${orderId}/payment`, second)
    }
    await sendUntilAnswered(customer, 'GET', `/v1/orders/${orderId}`)
    await sendUntilAnswered(customer, 'GET', '/v1/webhook-endpoints')
    await sendUntilAnswered(staff, 'GET', `/v1/stock/${sku}`).catch(absent)
    return orderId
  }

  return {
    placed,
    products,
    retries,
    waits: () => [...waits.values()],
    async publishProducts(some) {
      for (const { sku, unitMinor } of some) {
        const body = { sku, name: `Product ${sku}`, unitMinor: unitMinor + 1, currency }
        await sendUntilAnswered(staff, 'POST', '/v1/products', { key: sku, body })
      }
      for (const { sku, unitMinor } of some) {
        await until(`/v2/products/${sku}`, () => true)
        await sendUntilAnswered(staff, 'POST', '/v1/prices', {
          key: `${sku}-price`,
          body: { sku, unitMinor, currency },
        })
      }
      const lines = some.filter(({ stock }) => stock > 0).map(({ sku, stock }) => ({ sku, quantity: stock }))
      const key = some[0]!.sku
      const { deliveryId } = await sendUntilAnswered<{ deliveryId: string }>(staff, 'POST', '/v1/stock', {
        key,
        body: { lines },
      })
      await until(`/v1/deliveries/${deliveryId}`, () => true)
      for (const { sku, unitMinor } of some)
        await until(
          `/v2/products/${sku}`,
          ({ prices }) => (prices as { unitMinor: number }[])[0]?.unitMinor === unitMinor,
        )
      products.push(...some)
    },
    async registerWebhook(url) {
      const path = '/v1/webhook-endpoints'
      const { endpointId } = await sendUntilAnswered<{ endpointId: string }>(customer, 'POST', path, {
        key: url,
        body: { url },
      })
      await sendUntilAnswered(customer, 'POST', `${path}/${endpointId}/verification`)
    },
    async withdrawNewAddress() {
      const sub = `mover-${(movers += 1)}`
      const api = platform.customer(sub)
      const body = { name: sub, lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }
      const { addressRef } = await sendUntilAnswered<{ addressRef: string }>(api, 'POST', '/v1/addresses', {
        key: 'move',
        body,
      })
      await sendUntilAnswered(api, 'DELETE', `/v1/addresses/${addressRef}`)
      return { sub, addressRef }
    },
    placeOrder: place,
    async refundOrder(options) {
      const orderId = await place(options)
      await until(`/v1/orders/${orderId}`, ({ status }) => status === 'completed')
      const refundedMinor = 1
      const body = { amountMinor: refundedMinor, reason: 'it was broken' }
      await sendUntilAnswered(staff, 'POST', `/v1/orders/${orderId}/refunds`, { key: orderId, body })
      note(orderId, { refundedMinor })
    },
    async recaptureOrder(options) {
      const orderId = await place({ ...options, card: 'card-capture-refused' })
      await until(`/v1/orders/${orderId}`, ({ status }) => status === 'payment-failed')
      const { paymentMethodRef } = await ownedWith('card-ok')
      const body = { paymentMethodRef, reason: 'the customer has another card' }
      await sendUntilAnswered(staff, 'POST', `/v1/orders/${orderId}/recapture`, { key: orderId, body })
      await until(`/v1/orders/${orderId}`, ({ status }) => status === 'completed')
    },
  }
}

/** No answer, a transient failure, or a price that the replica does not have yet. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof Refusal)) return true
  const { status, code } = error.problem
  return status >= 500 || status === 429 || code === 'price-changed'
}

/** The parcel has left meanwhile. */
function tooLate(error: unknown): undefined {
  if (error instanceof Refusal && error.problem.status === 409) return undefined
  throw error
}

function absent(error: unknown): undefined {
  if (error instanceof Refusal && error.problem.status === 404) return undefined
  throw error
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
