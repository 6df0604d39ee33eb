/** The query that lists the status of each order's shipments. Reconciliation asks it. */

import { z } from 'zod'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { rowsQuery } from '../../shared/base/paging.ts'
import { goods, orderId } from '../shop/fields.ts'

const shipmentRecord = z.object({
  orderId,
  /** The time of the last commit. */
  changedAt: timestamp,
  /** Shipments that have left are dispatched, delivered or returned. */
  shipments: z.array(
    z.object({
      shipmentId: reference,
      status: reference,
      /** Absent in answers of earlier revisions: they did not compare lines. */
      lines: goods.optional(),
    }),
  ),
})
export type ShipmentRow = Immutable<z.output<typeof shipmentRecord>>

export const shippingRecordQueries = {
  /** Sorted by order id. */
  listShipmentRecords: rowsQuery('/shipment-records', shipmentRecord),
} as const
