/** Where the shipments of each order are. */

import type { Stream } from '../../shared/service/platform.ts'
import { changedAt } from '../../shared/service/stream-page.ts'
import type { ShipmentRow } from './record-contracts.ts'
import { shipmentsIn } from './shipment.ts'

export function shipmentRecord(stream: Stream): ShipmentRow {
  const { shipments } = shipmentsIn(stream.events)
  return {
    orderId: stream.id,
    changedAt: changedAt(stream),
    shipments: shipments.map(({ shipmentId, status, lines }) => ({ shipmentId, status, lines: [...lines] })),
  }
}
