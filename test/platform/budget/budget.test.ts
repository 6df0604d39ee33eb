/** The number of an order's operations is part of the design, and does not grow unnoticed. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Api } from '../../../cli/api.ts'
import { references, type References } from '../../../functions/shop/cli/references.ts'
import { startTestPlatform, type TestPlatform } from '../../support/platform.ts'
import { beyondBudget, budgetOf, operationsOfOneOrder } from './operations.testing.ts'

describe('a budget', () => {
  const given = {
    order: 'one',
    aims: { 'document writes': { most: 4, counters: 'firestore.documentWrites' } },
    lines: {
      'firestore.documentWrites.orders': { most: 3, for: 'its stream' },
      'firestore.documentWrites.history': { most: 9, for: 'its timeline' },
      'firestore.documentWrites.payments': { most: 9, for: 'its stream' },
      'tasks.operations.orders': { most: 2, for: 'its timer' },
    },
  }
  it.each([
    [{ 'firestore.documentWrites.orders': 3, 'tasks.operations.orders': 1, 'tasks.dispatches': 99 }, []],
    [
      { 'firestore.documentWrites.orders': 4, 'tasks.operations.orders': 2 },
      ['firestore.documentWrites.orders: 4 an order, the budget has 3 (its stream)'],
    ],
    [
      { 'firestore.documentReads.shipping': 1 },
      ['firestore.documentReads.shipping: 1 an order, which the budget does not have'],
    ],
    // History is counted separately.
    [{ 'firestore.documentWrites.orders': 3, 'firestore.documentWrites.history': 9 }, []],
    [
      { 'firestore.documentWrites.orders': 3, 'firestore.documentWrites.payments': 2 },
      ['document writes: 5 an order without history and notifications, at most 4'],
    ],
  ])('%j', (operations, expected) => {
    expect(beyondBudget(operations, given)).toEqual(expected)
  })
})

describe('the platform', () => {
  let platform: TestPlatform
  let api: Api
  let own: References
  let thatWaits: References
  let declined: References
  let late: References
  const ended = (event: string): number => platform.cloud.counters()[`pubsub.messages.published.${event}`] ?? 0
  /** Acts, and waits until each of these events was published once more: found by its counter, without a query. */
  const until = async (events: readonly string[], act: () => Promise<void>): Promise<void> => {
    const before = events.map(ended)
    await act()
    await vi.waitFor(() => expect(events.map(ended)).toEqual(before.map((count) => count + 1)), {
      timeout: 60_000,
      interval: 20,
    })
  }
  const send = async (owned: References, quantity = 1): Promise<string> => {
    const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity }], ...owned },
    })
    return body.orderId
  }
  /** The orders that are completed, to be refunded. */
  const completed: string[] = []
  const place = (): Promise<void> => until(['order.completed'], async () => void completed.push(await send(own)))
  /** A parcel holds twenty pieces. */
  const placeTwoParcels = (): Promise<void> => until(['order.completed'], async () => void (await send(own, 21)))
  /** While its card waits for the customer, so that all of its checkout is taken back. */
  const placeAndCancel = async (): Promise<void> => {
    let orderId = ''
    await until(['order.payment-needed'], async () => void (orderId = await send(thatWaits)))
    await until(['payment.voided', 'stock.released'], async () => {
      const body = { reason: 'changed-mind' }
      await api.send('POST', `/v1/orders/${orderId}/cancel`, { key: crypto.randomUUID(), body })
    })
  }
  /** With a card that is declined, and then with a good one. */
  const placeAndPayAgain = async (): Promise<void> => {
    let orderId = ''
    await until(['order.payment-needed'], async () => void (orderId = await send(declined)))
    await until(['order.completed'], async () => {
      const { paymentMethodRef } = own
      await api.send('POST', `/v1/orders/${orderId}/payment`, { key: crypto.randomUUID(), body: { paymentMethodRef } })
    })
  }
  /** Its parcel is refused for its address, so that it stays open until its authorization ends. */
  const placeAndRenew = (): Promise<void> => until(['order.payment-renewed'], async () => void (await send(late)))
  const refund = (): Promise<void> =>
    until(['refund.issued'], async () => {
      const body = { amountMinor: 1, reason: 'it was broken' }
      const path = `/v1/orders/${completed.shift()!}/refunds`
      await platform.staff().send('POST', path, { key: crypto.randomUUID(), body })
    })
  beforeAll(async () => {
    platform = await startTestPlatform()
    api = platform.customer()
    own = await references(api)
    thatWaits = await references(api, 'card-action-required')
    declined = await references(api, 'card-declined')
    const unknown = { name: 'A', lines: ['1 Mill Lane'], postcode: '00000', city: 'Nowhere', country: 'DE' }
    const { body } = await api.send<{ addressRef: string }>('POST', '/v1/addresses', { key: 'unknown', body: unknown })
    late = { ...(await references(api, 'card-ends-soon')), addressRef: body.addressRef }
    // The first order starts the services, which then have the keys and the prices.
    await place()
    await placeAndCancel()
    await placeAndPayAgain()
    await placeAndRenew()
    await refund()
  }, 120_000)
  afterAll(() => platform.close(), 30_000)

  it('uses no more operations for an order than its budget', { timeout: 120_000 }, async () => {
    expect(beyondBudget(await operationsOfOneOrder(platform, place), budgetOf('one-order'))).toEqual([])
  })

  it('uses no more operations for an order of two parcels than its budget', { timeout: 120_000 }, async () => {
    const operations = await operationsOfOneOrder(platform, placeTwoParcels)
    expect(beyondBudget(operations, budgetOf('two-parcels'))).toEqual([])
  })

  it('uses no more operations for an order that a second card pays than its budget', { timeout: 120_000 }, async () => {
    expect(beyondBudget(await operationsOfOneOrder(platform, placeAndPayAgain), budgetOf('second-card'))).toEqual([])
  })

  it('uses no more operations for an order that is renewed than its budget', { timeout: 240_000 }, async () => {
    expect(beyondBudget(await operationsOfOneOrder(platform, placeAndRenew, 3), budgetOf('renewal'))).toEqual([])
  })

  it('uses no more operations for a refund than its budget', { timeout: 120_000 }, async () => {
    expect(completed.length).toBeGreaterThanOrEqual(5)
    expect(beyondBudget(await operationsOfOneOrder(platform, refund), budgetOf('refund'))).toEqual([])
  })

  it('uses no more operations for an order that is cancelled than its budget', { timeout: 120_000 }, async () => {
    expect(beyondBudget(await operationsOfOneOrder(platform, placeAndCancel), budgetOf('cancelled-order'))).toEqual([])
  })
})
