/** The number of an order's operations is part of the design, and does not grow unnoticed. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { root } from '../../support/root.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { representatives } from '../../support/whole-lists.ts'
import { deliverWebhooks, endTimers, openFlows, PAYMENT_WAIT_MS } from './flows.testing.ts'
import { beyondBudget, type BudgetName, budgetOf, operationsOfOneOrder } from './operations.testing.ts'

describe('a budget', () => {
  const given = {
    order: 'one',
    usdPerMillion: 100,
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
    [{ 'trace.spans': 501 }, ['100.2 dollars for a million, the budget has 100']],
  ])('%j', (operations, expected) => {
    expect(beyondBudget(operations, given)).toEqual(expected)
  })
})

/** Each flow, and how many times it is counted: one that waits for seconds, fewer times. */
const counted = [
  { name: 'one-order', times: 5 },
  { name: 'two-parcels', times: 5 },
  { name: 'second-card', times: 5 },
  { name: 'renewal', times: 3 },
  { name: 'refund', times: 5 },
  { name: 'cancelled-order', times: 5 },
  { name: 'recapture', times: 3 },
  { name: 'corrected-address', times: 3 },
  { name: 'lapse', times: 3 },
  { name: 'dispute', times: 4 },
  { name: 'captured-once', times: 5 },
  { name: 'bank-page', times: 3 },
  { name: 'cancelled-parcel', times: 3 },
  { name: 'imported-order', times: 3 },
  { name: 'nothing-to-pay', times: 5 },
  { name: 'returned-parcel', times: 3 },
  { name: 'cancelled-too-late', times: 3 },
  // It waits for its deadline.
  { name: 'expired-order', times: 1, waitsMs: PAYMENT_WAIT_MS },
] as const satisfies readonly { readonly name: BudgetName; readonly times: number; readonly waitsMs?: number }[]
const common = ['one-order', 'second-card', 'refund', 'cancelled-parcel']
const flows = representatives(counted, common, ({ name }) => name)

it('the price of each flow stands in docs/benchmarks.md', () => {
  const page = readFileSync(join(root, 'docs/benchmarks.md'), 'utf8')
  const shown = [...page.matchAll(/^\| `(\S+)\.json` .*?\| +(\d+) \|$/gm)].map(([, name, usd]) => [name, Number(usd)])
  expect(shown).toEqual(counted.map(({ name }) => [name, budgetOf(name).usdPerMillion]))
})

describe('the platform', () => {
  let platform: TestPlatform
  let flow: Awaited<ReturnType<typeof openFlows>>
  beforeAll(async () => {
    platform = platformInTurn().platform
    // The suites before have placed orders, whose timers would otherwise fire within a flow.
    await endTimers(platform)
    flow = await openFlows(platform)
    // The first of each kind starts the services, which then have the keys and the prices.
    for (const one of flows) if (!('waitsMs' in one)) await flow[one.name]()
  }, 180_000)

  it.each(flows)('uses no more operations for the flow $name than its budget', { timeout: 700_000 }, async (one) => {
    await endTimers(platform)
    if ('waitsMs' in one) await deliverWebhooks(platform)
    const operations = await operationsOfOneOrder(platform, flow[one.name], one.times)
    expect(beyondBudget(operations, budgetOf(one.name))).toEqual([])
  })
})
