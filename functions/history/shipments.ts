/** The rows of shipments, for any order of delivery: each event sets fields of its own, and the status only grows. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type ShipmentStatus, shipmentStandings } from './standing.ts'

export interface ShipmentRow {
  readonly shipmentId: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly status: ShipmentStatus
}

interface ShipmentData {
  readonly orderId: string
  readonly shipmentId: string
  readonly trackingRef?: string
  readonly stage?: 'booking' | 'delivery'
  readonly code?: string
  readonly cancelledShipments?: readonly string[]
}

/** The rows that this event changes, none for most. */
export function shipmentRows({ type, time, data }: Pick<Envelope, 'type' | 'time' | 'data'>): ShipmentRow[] {
  const { orderId, shipmentId, trackingRef, stage, code, cancelledShipments = [] } = data as ShipmentData
  const at = new Date(time).toISOString()
  switch (type) {
    case 'shipment.created':
      return [{ shipmentId, status: 'created', fields: { orderId, shipmentId, createdAt: at } }]
    case 'shipment.dispatched':
      return [{ shipmentId, status: 'dispatched', fields: { orderId, shipmentId, dispatchedAt: at, trackingRef } }]
    case 'shipment.delivered':
      return [{ shipmentId, status: 'delivered', fields: { orderId, shipmentId, deliveredAt: at } }]
    case 'shipment.failed':
      // A refused booking has not left: it is booked again, or cancelled.
      return stage === 'delivery' ? [{ shipmentId, status: 'returned', fields: { orderId, shipmentId, code } }] : []
    case 'shipment.cancel-decided':
      return cancelledShipments.map((one) => ({
        shipmentId: one,
        status: 'cancelled',
        fields: { orderId, shipmentId: one },
      }))
    default:
      return []
  }
}

export const standingOf = ({ status }: ShipmentRow): number => shipmentStandings[status]
