/** Orders as the public API shows them. */

import type { z } from 'zod'
import type { operations } from '../../gateway/operations.ts'

export type OrderView = z.output<(typeof operations)['readOrder']['answers'][200][1]>
export type OrderList = z.output<(typeof operations)['listOrders']['answers'][200][1]>
export type TimelineEntry = NonNullable<OrderView['timeline']['entries']>[number]

export const hasEnded = (order: OrderView): boolean =>
  ['completed', 'closed', 'rejected', 'expired', 'cancelled'].includes(order.status)
