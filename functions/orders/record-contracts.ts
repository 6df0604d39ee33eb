/** The query by which orders answers what it knows of each order, for a comparison with other services. */

import { z } from 'zod'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { rowsQuery } from '../../shared/base/paging.ts'
import { currency, goods, minor, orderId } from '../shop/fields.ts'

const orderRecord = z.object({
  orderId,
  /** Of the last commit. */
  changedAt: timestamp,
  /** As `readOrder` has it. */
  status: reference,
  currency,
  totalMinor: minor,
  /** An order of the past: no other service has any part of it. */
  imported: z.boolean(),
  lines: z.array(goods.element),
  cancelled: z.array(goods.element),
  /** The amount that the customer does not pay for these lines. Absent: nothing was cancelled, or as of the release before. */
  cancelledMinor: minor.optional(),
  /** As the customer sees them. Absent: of the time before the amounts of captures were recorded, or as of the release before. */
  capturedMinor: minor.optional(),
  refundedMinor: minor.optional(),
  /** The shipments of which orders knows that they left. */
  dispatched: z.array(reference),
})
export type OrderRecordRow = Immutable<z.output<typeof orderRecord>>

export const orderRecordQueries = {
  /** In the order of the ids. */
  listOrderRecords: rowsQuery('/order-records', orderRecord),
} as const
