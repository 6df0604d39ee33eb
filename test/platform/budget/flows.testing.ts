/** The flows that budgets count: each through the public API, until its last event was published. */

import { expect, vi } from 'vitest'
import { connect } from '../../../cli/api.ts'
import { references, type References } from '../../../functions/shop/cli/references.ts'
import { queueName } from '../../../shared/base/names.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { type BudgetName, quiescentOperations } from './operations.testing.ts'

/** Ends the timers of the orders before: they fire minutes later, and on a slow machine within the count of another flow. */
export async function endTimers({ api, running: { projectId, region } }: TestPlatform): Promise<void> {
  await api('POST', `/v2/projects/${projectId}/locations/${region}/queues/${queueName('orders')}:purge`, {})
}

/** The partners repeat each webhook after a minute: without this wait, those of the orders before would count for a long flow. */
export async function deliverWebhooks({ paymentProvider, carrier }: TestPlatform): Promise<void> {
  const waiting = (): number => paymentProvider.webhooks.waiting() + carrier.webhooks.waiting()
  await vi.waitFor(() => expect(waiting()).toBe(0), { timeout: 2 * 60_000, interval: 1_000 })
}

/** The time that a customer has for another payment method. */
export const PAYMENT_WAIT_MS = 300_000

const FREE = 'FREE-001'
async function giveAway(staff: ReturnType<TestPlatform['staff']>): Promise<void> {
  const product = { sku: FREE, name: 'A sample', unitMinor: 0, currency: 'EUR' }
  await staff.send('POST', '/v1/products', { key: 'sample', body: product })
  await staff.send('POST', '/v1/stock', { key: 'sample', body: { lines: [{ sku: FREE, quantity: 100 }] } })
}

type Flows = Readonly<Record<BudgetName, () => Promise<void>>>

export async function openFlows(platform: TestPlatform): Promise<Flows> {
  const api = platform.customer()
  const own = await references(api)
  const thatWaits = await references(api, 'card-action-required')
  const declined = await references(api, 'card-declined')
  const capturedOnce = await references(api, 'card-captured-once')
  const refusing = await references(api, 'card-capture-refused')
  const nowhere = { name: 'A', lines: ['1 Mill Lane'], postcode: '00000', city: 'Nowhere', country: 'DE' }
  const { body } = await api.send<{ addressRef: string }>('POST', '/v1/addresses', { key: 'unknown', body: nowhere })
  const unknown = { addressRef: body.addressRef }
  const returning = { ...nowhere, postcode: '99999' }
  const { body: back } = await api.send<{ addressRef: string }>('POST', '/v1/addresses', {
    key: 'back',
    body: returning,
  })
  const staff = platform.staff()
  const late = { ...(await references(api, 'card-ends-soon')), ...unknown }
  const lapsing = { ...(await references(api, 'card-lapses')), ...unknown }
  /** The orders that are completed: to be refunded, and to be disputed. */
  const refundable: string[] = []
  const disputable: string[] = []
  let completed = ''

  const place = (owned: References, quantity: number, sku: string) =>
    api.send<{ orderId: string; totalMinor: number }>('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: { currency: 'EUR', lines: [{ sku, quantity }], ...owned },
    })
  const send = async (owned: References, quantity = 1): Promise<string> =>
    (await place(owned, quantity, 'TEA-001')).body.orderId
  const act = (orderId: string, action: string, body: object, by = api) =>
    by.send('POST', `/v1/orders/${orderId}/${action}`, { key: crypto.randomUUID(), body })
  const ended = (event: string): number => platform.cloud.counters()[`pubsub.messages.published.${event}`] ?? 0
  /** Acts, and waits until each of these events was published once more: found by its counter, without a query. */
  const until = async <Result>(
    events: readonly string[],
    begin: () => Promise<Result>,
    timeout = 60_000,
  ): Promise<Result> => {
    const before = events.map(ended)
    const result = await begin()
    const isEach = (): void => expect(events.map(ended)).toEqual(before.map((count) => count + 1))
    await vi.waitFor(isEach, { timeout, interval: 20 })
    return result
  }
  const { paymentMethodRef, addressRef } = own
  await giveAway(staff)
  await vi.waitFor(async () => expect((await place(own, 1, FREE)).status).toBe(201), { timeout: 60_000 })
  return {
    'one-order': async () => {
      const orderId = await until(['order.completed'], () => send(own))
      refundable.push(orderId)
      disputable.push(orderId)
      completed = orderId
    },
    // A parcel holds twenty pieces.
    'two-parcels': async () => void (await until(['order.completed'], () => send(own, 21))),
    // The card allows one capture, so that of the first parcel waits for the second.
    'captured-once': async () => void (await until(['order.completed'], () => send(capturedOnce, 21))),
    // The bank wants the customer's approval, who gives it on its page.
    'bank-page': async () => {
      const orderId = await until(['order.payment-needed'], () => send(thatWaits))
      const provider = `http://127.0.0.1:${platform.ports.partner('payment-provider')}`
      const page = `${provider}/actions/${encodeURIComponent(`action-${orderId}:auth`)}`
      const headers = { 'content-type': 'application/json', 'x-local-cloud-secret': platform.running.secret }
      const approve = { method: 'POST', headers, body: '{"outcome":"authorized"}' }
      await until(['order.completed'], async () => expect((await fetch(page, approve)).status).toBe(200))
    },
    // While its card waits for the customer, so that all of its checkout is taken back.
    'cancelled-order': async () => {
      const orderId = await until(['order.payment-needed'], () => send(thatWaits))
      await until(['payment.voided', 'stock.released'], () => act(orderId, 'cancel', { reason: 'changed-mind' }))
    },
    // After its release: shipping decides. The carrier has refused its address, so that it can not leave meanwhile.
    'cancelled-parcel': async () => {
      const orderId = await until(['shipment.failed'], () => send({ ...own, ...unknown }))
      await until(['payment.voided', 'stock.released'], () => act(orderId, 'cancel', { reason: 'changed-mind' }))
    },
    // Its card is declined, and the customer does nothing for five minutes.
    'expired-order': async () => {
      await until(['order.payment-needed'], () => send(declined))
      await until(['order.expired', 'stock.released'], async () => {}, 2 * PAYMENT_WAIT_MS)
    },
    // Its price is zero, so that its checkout skips the payment.
    'nothing-to-pay': async () => void (await until(['order.completed'], () => place(own, 1, FREE))),
    // The recipient is unknown: staff refunds and closes the order.
    'returned-parcel': async () => {
      const reported = ['order.stalled', 'payment.captured']
      const { body } = await until(reported, () => place({ ...own, addressRef: back.addressRef }, 1, 'TEA-001'))
      const { orderId, totalMinor } = body
      const refund = { amountMinor: totalMinor, reason: 'it came back' }
      await until(['refund.issued'], () => act(orderId, 'refunds', refund, staff))
      await until(['order.closed'], () => act(orderId, 'close', { reason: 'it came back' }, staff))
    },
    // The customer has it.
    'cancelled-too-late': () =>
      expect(act(completed, 'cancel', { reason: 'changed-mind' })).rejects.toThrow('already-completed'),
    // An order of the past.
    'imported-order': async () => {
      const importer = connect(platform.running, { sub: 'importer-1', roles: ['importer'] })
      const lines = [{ sku: 'OLD-001', quantity: 2, unitMinor: 255 }]
      const body = { customerRef: 'former-1', placedAt: '2011-01-01T10:00:00.000Z', currency: 'GBP', lines }
      await until(['order.imported'], () =>
        importer.send('POST', '/v1/imported-orders', { key: crypto.randomUUID(), body }),
      )
    },
    // With a card that is declined, and then with a good one.
    'second-card': async () => {
      const orderId = await until(['order.payment-needed'], () => send(declined))
      await until(['order.completed'], () => act(orderId, 'payment', { paymentMethodRef }))
    },
    // Its parcel is refused for its address, so that it stays open until its authorization ends.
    renewal: async () => void (await until(['order.payment-renewed'], () => send(late))),
    // As the renewal, but it is refused; another payment method continues the order.
    lapse: async () => {
      const orderId = await until(['payment.lapsed', 'order.payment-needed'], () => send(lapsing))
      await until(['order.payment-renewed'], () => act(orderId, 'payment', { paymentMethodRef }))
    },
    // The carrier refuses its address, and the customer names another one.
    'corrected-address': async () => {
      const orderId = await until(['shipment.failed'], () => send({ ...own, ...unknown }))
      // Orders gets the refusal in its own delivery, which may still be under way.
      const correct = () => act(orderId, 'address', { addressRef })
      await until(['order.completed'], () => vi.waitFor(correct, { timeout: 60_000, interval: 100 }))
    },
    // Its capture is refused after its parcel has left; staff names another payment method.
    recapture: async () => {
      const reported = ['payment.capture-failed', 'order.status-changed', 'shipment.delivered']
      const orderId = await until(reported, () => send(refusing))
      // Orders has recorded the delivery: before that a recapture publishes the order's status once more.
      await quiescentOperations(platform)
      const body = { paymentMethodRef, reason: 'a new card' }
      await until(['order.completed'], () => act(orderId, 'recapture', body, platform.staff()))
    },
    refund: async () => {
      const body = { amountMinor: 1, reason: 'it was broken' }
      await until(['refund.issued'], () => act(refundable.shift()!, 'refunds', body, platform.staff()))
    },
    // The bank takes the money back, and decides for the shop.
    dispute: async () => {
      const orderId = disputable.shift()!
      const { ledger } = platform.paymentProvider
      await until(['payment.disputed'], async () => void ledger.dispute(`${orderId}:auth`))
      await until(['payment.dispute-closed'], async () => void ledger.disputes.decide(`du-${orderId}:auth-1`, 'won'))
    },
  }
}
