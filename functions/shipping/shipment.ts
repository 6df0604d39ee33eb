/**
 * The shipments of one order: their states, and which of them a cancellation still reaches. Pure: a handler asks the
 * carrier, and this file decides.
 *
 *     created ──▶ dispatched      the carrier has the parcel
 *        └──────▶ cancelled       it never leaves
 */

import type { RecordOf } from '../../shared/contracts/contract.ts'
import type { shippingContracts } from './contracts.ts'

export type ShippingRecord = RecordOf<typeof shippingContracts>
type DataOf<Type extends ShippingRecord['type']> = Extract<ShippingRecord, { type: Type }>['data']
export type Goods = DataOf<'shipment.created'>['lines']

export interface Shipment {
  readonly shipmentId: string
  readonly status: 'created' | 'dispatched' | 'cancelled'
  readonly lines: Goods
}

export interface OrderShipments {
  readonly shipments: readonly Shipment[]
  readonly addressRef?: string
  /** The cancellations that were decided. One is a tombstone: no shipment is created after it. */
  readonly decided: readonly string[]
}

export const initial: OrderShipments = { shipments: [], decided: [] }

export function evolve(state: OrderShipments, { type, data }: ShippingRecord): OrderShipments {
  switch (type) {
    case 'shipment.created': {
      const { shipmentId, lines } = data
      return { ...state, shipments: [...state.shipments, { shipmentId, lines, status: 'created' }] }
    }
    case 'address.noted':
      return { ...state, ...data }
    case 'shipment.dispatched':
      return withStatus(state, [data.shipmentId], 'dispatched')
    case 'shipment.cancel-decided':
      return {
        ...withStatus(state, data.cancelledShipments, 'cancelled'),
        decided: [...state.decided, data.cancellationId],
      }
  }
}

const withStatus = (state: OrderShipments, ids: readonly string[], status: Shipment['status']): OrderShipments => ({
  ...state,
  shipments: state.shipments.map((one) => (ids.includes(one.shipmentId) ? { ...one, status } : one)),
})

export const shipmentOf = ({ shipments }: OrderShipments, shipmentId: string): Shipment | undefined =>
  shipments.find((one) => one.shipmentId === shipmentId)

/** True once the order was released to shipping, or cancelled before that. */
export const isKnown = ({ shipments, decided }: OrderShipments): boolean => shipments.length > 0 || decided.length > 0

/** The shipments about which the carrier has to be asked before a cancellation is decided. */
export const undecided = ({ shipments }: OrderShipments): readonly Shipment[] =>
  shipments.filter(({ status }) => status === 'created')

export interface CancelRequest {
  readonly orderId: string
  readonly cancellationId: string
  /** The lines of the order that are to be cancelled. */
  readonly lines: Goods
}

/**
 * Lines that have left are refused, all others are cancelled, those without a shipment too.
 * @param collected The undecided shipments that the carrier has collected: their dispatch is not recorded yet.
 */
export function decideCancellation(
  state: OrderShipments,
  { orderId, cancellationId, lines }: CancelRequest,
  collected: readonly string[],
): ShippingRecord {
  const hasLeft = ({ shipmentId, status }: Shipment): boolean =>
    status === 'dispatched' || collected.includes(shipmentId)
  const left = quantities(state.shipments.filter(hasLeft).flatMap((one) => one.lines))
  const refused = part(lines, (line) => Math.min(line.quantity, left.get(line.lineId) ?? 0))
  const cancelled = part(lines, (line) => Math.max(0, line.quantity - (left.get(line.lineId) ?? 0)))
  const cancelledShipments = undecided(state)
    .filter((one) => !hasLeft(one))
    .map(({ shipmentId }) => shipmentId)
  return { type: 'shipment.cancel-decided', data: { orderId, cancellationId, cancelled, refused, cancelledShipments } }
}

function quantities(lines: Goods): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { lineId, quantity } of lines) sums.set(lineId, (sums.get(lineId) ?? 0) + quantity)
  return sums
}

/** The lines with this part of their quantity; without those of which nothing is left. */
const part = (lines: Goods, quantityOf: (line: Goods[number]) => number): Goods =>
  lines.map((line) => ({ ...line, quantity: quantityOf(line) })).filter(({ quantity }) => quantity > 0)
