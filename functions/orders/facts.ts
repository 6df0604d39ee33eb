/** The events of other services that are facts about an order: to subscribe to another one, add it here. */

import type { EventOf } from '../../shared/contracts/contract.ts'
import { subscriptionsFor } from '../../shared/service/subscriptions.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import type { DeliveryFact, FulfilmentFact, Goods, RefundFact, ReportedRefusal } from './records.ts'

type DataOf<Type extends string> = Extract<EventOf<typeof paymentsContracts>, { readonly type: Type }>['data']

/** A command to the order, but for the time at which it is decided. */
export type Fact =
  | { readonly type: 'fulfilment'; readonly fact: FulfilmentFact }
  | { readonly type: 'refund'; readonly fact: RefundFact }
  | { readonly type: 'delivery'; readonly fact: DeliveryFact }
  | { readonly type: 'parcel-refused'; readonly refusal: ReportedRefusal }
  | {
      readonly type: 'cancel-answer'
      readonly cancellationId: string
      readonly cancelled: Goods
      readonly refused: Goods
    }
  | { readonly type: 'authorization-reduced' }
  | { readonly type: 'authorization-lapsed'; readonly lapsed: DataOf<'payment.lapsed'> }

interface FactOfOrder {
  readonly orderId: string
  readonly fact: Fact
}

interface OfShipment {
  readonly orderId: string
  readonly shipmentId: string
}

/** A shipment left, was paid, or was taken out of stock. */
const fulfilment = (
  { orderId, shipmentId }: OfShipment,
  kind: FulfilmentFact['kind'],
  about: Partial<FulfilmentFact> = {},
): FactOfOrder => ({ orderId, fact: { type: 'fulfilment', fact: { ...about, kind, shipmentId } } })

const refund = (
  { orderId, refundId, amountMinor, code }: { orderId: string; refundId: string; amountMinor: number; code?: string },
  status: RefundFact['status'],
): FactOfOrder => ({
  orderId,
  fact: { type: 'refund', fact: { refundId, status, amountMinor, ...(code === undefined ? {} : { code }) } },
})

const delivery = ({ orderId, shipmentId }: OfShipment, end: Omit<DeliveryFact, 'shipmentId'>): FactOfOrder => ({
  orderId,
  fact: { type: 'delivery', fact: { shipmentId, ...end } },
})

export const facts = subscriptionsFor<FactOfOrder>()([inventoryContracts, paymentsContracts, shippingContracts], {
  'shipment.dispatched': ({ data }) =>
    fulfilment(data, 'dispatched', { lines: data.lines, trackingRef: data.trackingRef }),
  'payment.captured': ({ data }) =>
    fulfilment(data, 'captured', { amountMinor: data.amountMinor, authorization: data.authorization }),
  'payment.capture-deferred': ({ data }) => fulfilment(data, 'deferred', { authorization: data.authorization }),
  'payment.nothing-due': ({ data }) => fulfilment(data, 'captured', { amountMinor: 0 }),
  'stock.committed': ({ data }) => fulfilment(data, 'committed'),
  'refund.pending': ({ data }) => refund(data, 'pending'),
  'refund.issued': ({ data }) => refund(data, 'issued'),
  'refund.failed': ({ data }) => refund(data, 'failed'),
  'shipment.failed'({ data }) {
    const { orderId, shipmentId, code, stage, attempt, correction } = data
    const refusal = { shipmentId, code, attempt, ...(correction === undefined ? {} : { correction }) }
    return stage === 'booking'
      ? { orderId, fact: { type: 'parcel-refused', refusal } }
      : delivery(data, { status: 'returned', code })
  },
  'shipment.delivered': ({ data }) => delivery(data, { status: 'delivered' }),
  'shipment.cancel-decided': ({ data: { orderId, cancellationId, cancelled, refused } }) => ({
    orderId,
    fact: { type: 'cancel-answer', cancellationId, cancelled, refused },
  }),
  'payment.lapsed': ({ data }) => ({ orderId: data.orderId, fact: { type: 'authorization-lapsed', lapsed: data } }),
  'payment.reduced': ({ data: { orderId } }) => ({ orderId, fact: { type: 'authorization-reduced' } }),
})
