/** Whole runs with faults of all kinds: for every seed the invariants hold after the faults stop. */

import { assert, asyncProperty, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { expectAlwaysTrue, ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { expectRunsToReachAll } from '../support/simulation/reach-all.ts'
import { createReleases } from '../support/simulation/releases.ts'
import { simulate } from '../support/simulation/simulate.ts'
import type { World } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'

/** For a longer run: `SIMULATION_RUNS=10000 npm test -- test/simulation`. A failure prints its seed. */
const MOST_RUNS = Number(process.env['SIMULATION_RUNS'] ?? 40)
/** `npm test` ends after so many, once all of `all` is reached. */
const LEAST_RUNS = wholeLists || process.env['SIMULATION_RUNS'] ? MOST_RUNS : 12
/** Seeds whose runs together reach all of `all`; a change of the rules may make others reach it, after more runs. */
const reaching = [182, 23, 121, 153]
/** So many runs are enough to reach all of `all`. */
const SAMPLE = 40
const runs = { least: LEAST_RUNS, most: MOST_RUNS, sample: SAMPLE }

/** The events of this run that all runs together have to reach. */
function marksOf(world: World): string[] {
  return ordersOf(world).flatMap(({ orderId, status, types, parcels }) => {
    const payments = eventsOf(world, 'payments', orderId).map(({ type }) => type)
    const stages = eventsOf(world, 'orders', orderId)
      .filter(({ type }) => type === 'order.cancel-requested')
      .map(({ data }) => `${(data as { stage: string }).stage}, ${status}`)
    const decided = ['order.cancel-refused', 'order.partly-cancelled', 'order.delayed'].filter((type) =>
      types.includes(type),
    )
    const isPaidAgain = types.includes('order.payment-continued')
    const isInquired = world
      .platform('orders')
      .sent.some(({ envelope }) => envelope.type === 'FindAuthorization' && envelope.correlationId === orderId)
    const paying = [...(isPaidAgain ? [`another card, ${status}`] : []), ...(isInquired ? [`inquired, ${status}`] : [])]
    const money = [
      'refund.issued',
      'refund.pending',
      'refund.failed',
      'refund.refused',
      'recapture.done',
      'capture.retried',
      'payment.nothing-due',
    ]
    const ends = new Set(parcels.map(({ end }) => end))
    const carried = [
      ...(parcels.length > 1 ? [`several parcels, ${status}`] : []),
      ...(ends.has('returned') ? [ends.has('delivered') ? 'a part comes back' : 'all comes back'] : []),
    ]
    return [...stages, ...decided, ...carried, ...paying, ...money.filter((type) => payments.includes(type))]
  })
}
const all = [
  'checkout, cancelled',
  'before-release, cancelled',
  'shipping, cancelled',
  'shipping, completed',
  'order.cancel-refused',
  'order.partly-cancelled',
  'order.delayed',
  'several parcels, completed',
  'several parcels, closed',
  'all comes back',
  'another card, completed',
  'inquired, completed',
  'inquired, expired',
  'refund.issued',
  'refund.pending',
  'refund.failed',
  'refund.refused',
  'recapture.done',
  'capture.retried',
  'payment.nothing-due',
]

/** Trace ids are random and do not affect decisions. */
const publishedBy = (world: World, service: string): object[] =>
  world.platform(service).published.map((event) => ({ ...event, traceparent: '' }))

describe('a run with faults of every kind', () => {
  it('keeps all invariants', { timeout: 30_000 + MOST_RUNS * 3_000 }, async () => {
    await expectRunsToReachAll({ simulate, marksOf, all, seed: 20_261_131, reaching, ...runs })
  })

  it(
    'keeps them while every service is deployed with another shape of each command',
    { timeout: 30_000 + MOST_RUNS * 3_000 },
    async () => {
      const crossed = new Set<string>()
      await assert(
        asyncProperty(integer({ min: 1, max: 2 ** 31 }), async (seed) => {
          const releases = createReleases(services)
          expectAlwaysTrue(await simulate(seed, releases))
          for (const type of releases.crossed) crossed.add(type)
        }),
        { seed: 20_261_129, numRuns: Math.ceil(MOST_RUNS / (wholeLists ? 2 : 5)) },
      )
      expect(crossed.size).toBeGreaterThan(4)
    },
  )

  it('is the same run for the same seed', async () => {
    const [one, again] = [await simulate(7), await simulate(7)]
    expect(ordersOf(again)).toEqual(ordersOf(one))
    for (const service of ['orders', 'inventory', 'payments', 'shipping'])
      expect(publishedBy(again, service)).toEqual(publishedBy(one, service))
  })
})
