/** One order from two services: the order itself, and its history, without which the order still answers. */

import { Refused } from '../../shared/base/errors.ts'
import type { QueryAnswer } from '../../shared/contracts/query.ts'
import { compose } from '../../shared/service/compose.ts'
import type { LoadEdge } from '../../shared/service/edges.ts'
import type { OperationContext } from '../../shared/service/operation-context.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Caller } from '../../shared/service/operation.ts'
import { historyContracts } from '../history/contracts.ts'
import { servesCustomers } from '../shop/roles.ts'
import { ordersContracts, type OrderView } from './contracts.ts'

const HISTORY_TIMEOUT_MS = 2_000

export async function orderWithTimeline(
  c: OperationContext,
  platform: Platform,
  caller: Caller,
  orderId: string,
): Promise<Response> {
  const [order, { found, missing }] = await Promise.all([
    visibleOrder(platform, caller, orderId),
    compose(platform, { timeline: () => timelineOf(platform, orderId) }),
  ])
  const timeline = found.timeline ?? { unavailable: true }
  const shown = servesCustomers(caller) ? timeline : forCustomers(timeline)
  return c.json({ ...order, timeline: shown, ...(missing.length > 0 ? { missing } : {}) }, 200)
}

/** The orders that the caller may see, by their ids. */
export const visibleOrders =
  (platform: Platform): LoadEdge =>
  async (orderIds, caller, edge) => {
    const { body } = await platform.query(ordersContracts, 'readOrders', { body: { orderIds: [...orderIds] } }, edge)
    const visible = body.orders.filter(({ customerRef }) => customerRef === caller.sub || servesCustomers(caller))
    return new Map(visible.map((one) => [one.orderId, one]))
  }

/** The timelines of orders that the caller sees, by their ids; of one without an event yet, an empty one. */
export const timelinesOf =
  (platform: Platform): LoadEdge =>
  async (orderIds, caller, edge) => {
    const request = { body: { orderIds: [...orderIds] } }
    const { body } = await platform.query(historyContracts, 'readTimelines', request, edge)
    const entries = new Map(body.timelines.map((one) => [one.orderId, one.entries]))
    return new Map(
      orderIds.map((orderId) => {
        const shown = { entries: entries.get(orderId) ?? [] }
        return [orderId, servesCustomers(caller) ? shown : forCustomers(shown)]
      }),
    )
  }

/** An order that the caller may see. @throws Refused */
export async function visibleOrder(platform: Platform, caller: Caller, orderId: string): Promise<OrderView> {
  const answer = await platform.query(ordersContracts, 'readOrder', { orderId })
  if (answer.refused) throw new Refused(answer.refused, answer.detail)
  // 404 and not 403, so that ids can not be probed.
  if (answer.body.customerRef !== caller.sub && !servesCustomers(caller)) {
    throw new Refused('not-found', `There is no order ${orderId}.`, { event: 'order-of-another-customer' })
  }
  return answer.body
}

type Entries = QueryAnswer<typeof historyContracts.queries.readTimeline>['body'] extends infer Body
  ? NonNullable<Body> extends { readonly entries: infer E }
    ? E
    : never
  : never
type ShownTimeline = { readonly entries: Entries } | { readonly unavailable: true }

/** Names of the staff and reasons that are written for the books stay inside; the order itself has the reason for its end. */
function forCustomers(timeline: ShownTimeline): object {
  if ('unavailable' in timeline) return timeline
  return { entries: timeline.entries.map(withoutStaff) }
}

export function withoutStaff(entry: Entries[number]): object {
  const { actor: _, reason: __, ...shown } = entry
  return shown
}

async function timelineOf(platform: Platform, orderId: string): Promise<ShownTimeline> {
  const options = { timeoutMs: HISTORY_TIMEOUT_MS }
  const answer = await platform.query(historyContracts, 'readTimeline', { orderId }, options)
  return { entries: answer.refused ? [] : answer.body.entries }
}
