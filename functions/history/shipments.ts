/** The rows of shipments, for any order of delivery: each event sets fields of its own, and the status only grows. */

import type { EventOf } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { shippingContracts } from '../shipping/contracts.ts'
import { type ShipmentStatus, shipmentStandings } from './standing.ts'

export interface ShipmentRow {
  readonly shipmentId: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly status: ShipmentStatus
}

/** The rows that this event changes, none for most. */
export function shipmentRows(message: Pick<Envelope, 'type' | 'time' | 'data'>): ShipmentRow[] {
  const at = new Date(message.time).toISOString()
  // Its data was parsed by the contract of its type.
  const { type, data } = message as EventOf<typeof shippingContracts>
  switch (type) {
    case 'shipment.created':
      return [row(data, 'created', { createdAt: at })]
    case 'shipment.dispatched':
      return [row(data, 'dispatched', { dispatchedAt: at, trackingRef: data.trackingRef })]
    case 'shipment.delivered':
      return [row(data, 'delivered', { deliveredAt: at })]
    case 'shipment.failed':
      // A refused booking has not left: it is booked again, or cancelled. Its reason is in the order.
      return [data.stage === 'delivery' ? row(data, 'returned', { code: data.code }) : row(data, 'refused', {})]
    case 'shipment.cancel-decided':
      return (data.cancelledShipments ?? []).map((shipmentId) =>
        row({ orderId: data.orderId, shipmentId }, 'cancelled', {}),
      )
    case 'shipment.collected-in-error':
    // And the events of other services.
    default:
      return []
  }
}

const row = (
  { orderId, shipmentId }: { readonly orderId: string; readonly shipmentId: string },
  status: ShipmentStatus,
  fields: ShipmentRow['fields'],
): ShipmentRow => ({ shipmentId, status, fields: { orderId, shipmentId, ...fields } })

export const standingOf = ({ status }: ShipmentRow): number => shipmentStandings[status]
