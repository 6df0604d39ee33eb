/** The number of an order's operations is part of the design, and does not grow unnoticed. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Api } from '../../cli/api.ts'
import { references, type References } from '../../functions/shop/cli/references.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { beyondBudget, budget, operationsOfOneOrder } from './operations.testing.ts'

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
  /** Finds the end of an order by the counter of its event, without a query. */
  const place = async (): Promise<void> => {
    const ended = (): number => platform.cloud.counters()['pubsub.messages.published.order.completed'] ?? 0
    const before = ended()
    await api.send('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }], ...own },
    })
    await vi.waitFor(() => expect(ended()).toBe(before + 1), { timeout: 60_000, interval: 20 })
  }
  beforeAll(async () => {
    platform = await startTestPlatform()
    api = platform.customer()
    own = await references(api)
    // The first order starts the services, which then have the keys and the prices.
    await place()
  }, 120_000)
  afterAll(() => platform.close(), 30_000)

  it('uses no more operations for an order than its budget', { timeout: 120_000 }, async () => {
    expect(beyondBudget(await operationsOfOneOrder(platform, place), budget)).toEqual([])
  })
})
