/** The operations of one order by the emulators' counters, and the list price of a million orders. */

import type { Api } from '../../cli/api.ts'
import { billings, billOf, editions } from '../../cli/bill/price.ts'
import { operationsOfOneOrder, quiescentOperations, sumOf } from '../platform/budget/operations.testing.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { rounded, underLoad } from './measure.ts'
import { subscribeToOutcomes, place } from './outcomes.ts'
import type { Section } from './section.ts'

const MILLION = 1_000_000
const CLIENTS = 16

export const operations: Section = {
  name: 'operations',
  about: 'operations of one order, each counter; USD per million orders in each way of billing',
  async run({ orders, pulled }) {
    const platform = await startTestPlatform({ views: 'all', pulled })
    try {
      const outcomes = await subscribeToOutcomes(platform.running)
      // Each registers its address and payment method once: benchmarks measure orders.
      const customers = Array.from({ length: CLIENTS }, (_, at) => platform.customer(`customer-${at}`))
      let placed = 0
      const order = (): Promise<void> => place(outcomes, customers[placed++ % CLIENTS]!)
      await underLoad({ clients: CLIENTS, orders: 32, order })
      // Without a subscription of this program, whose deliveries would be counted.
      const before = await quiescentOperations(platform)
      await underLoad({ clients: CLIENTS, orders, order })
      const after = await quiescentOperations(platform)
      await outcomes.close()
      const one = await operationsOfOneOrder(platform, () => placeAndCount(platform, customers[0]!))
      const used = Object.fromEntries(
        Object.entries(after).map(([counter, count]) => [counter, count - (before[counter] ?? 0)]),
      )
      const { totals } = billOf(used)
      return [
        {
          title: 'operations of one order',
          rows: Object.entries(one).map(([counter, count]) => ({ counter, 'one order': count })),
        },
        {
          title: 'without history and notifications, which only listen',
          rows: [
            { sum: 'document writes', 'one order': sumOf(one, 'firestore.documentWrites'), aim: 20 },
            { sum: 'document reads', 'one order': sumOf(one, 'firestore.documentReads'), aim: 20 },
            { sum: 'task operations', 'one order': sumOf(one, 'tasks.operations'), aim: 8 },
          ],
        },
        {
          title: `USD per million orders, from ${orders} orders of ${CLIENTS} clients`,
          rows: editions.map((edition) => ({
            'Firestore edition': edition,
            ...Object.fromEntries(
              billings.map((billing) => [
                `Cloud Run ${billing}`,
                rounded((totals[edition]![billing]! / orders) * MILLION, 2),
              ]),
            ),
          })),
        },
      ]
    } finally {
      await platform.close()
    }
  },
}

/** Finds the end of an order by the counter of its event. */
async function placeAndCount(platform: TestPlatform, customer: Api): Promise<void> {
  const ended = (): number => platform.cloud.counters()['pubsub.messages.published.order.completed'] ?? 0
  const before = ended()
  await place(undefined, customer)
  while (ended() === before) await new Promise((resolve) => setTimeout(resolve, 20))
}
