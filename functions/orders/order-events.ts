/** The progress of one order, as a stream of the entries of its timeline. */

import type { OperationContext } from '../../shared/service/operation-context.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Caller } from '../../shared/service/operation.ts'
import { historyContracts } from '../history/contracts.ts'
import { servesCustomers } from '../shop/roles.ts'
import { visibleOrder, withoutStaff } from './order-with-timeline.ts'

/** After one of these the stream has ended. A refund or a dispute may follow months later. */
const ends = ['completed', 'closed', 'rejected', 'expired', 'cancelled', 'imported'].map((status) => `order.${status}`)

/** Events before the end may arrive after it. */
const SETTLED_MS = 3_000

/** @throws Refused for an order that the caller may not see */
export async function followOrder(
  c: OperationContext,
  platform: Platform,
  caller: Caller,
  orderId: string,
): Promise<Response> {
  await visibleOrder(platform, caller, orderId)
  return c.events(async () => {
    const answer = await platform.query(historyContracts, 'readTimeline', { orderId })
    // Its first event is on the way.
    const entries = answer.refused ? [] : answer.body.entries
    return {
      events: entries.map((entry) => ({
        id: entry.eventId,
        data: servesCustomers(caller) ? entry : withoutStaff(entry),
      })),
      isComplete: entries.some(
        ({ type, time }) => ends.includes(type) && platform.now() - Date.parse(time) >= SETTLED_MS,
      ),
    }
  })
}
