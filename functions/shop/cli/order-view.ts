/** Orders as the public API shows them. */

import type { z } from 'zod'
import type { historyContracts } from '../../history/contracts.ts'
import type { ordersApi } from '../../orders/api.ts'

export type OrderView = z.output<
  ReturnType<(typeof ordersApi)['operations']['readOrder']['describe']>['answers'][200][1]
>
export type OrderList = z.output<(typeof historyContracts)['queries']['listOrders']['answers'][200]>
export type TimelineEntry = NonNullable<OrderView['timeline']['entries']>[number]

export const hasEnded = (order: OrderView): boolean =>
  ['completed', 'closed', 'rejected', 'expired', 'cancelled'].includes(order.status)
