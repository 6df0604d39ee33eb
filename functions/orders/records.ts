/** The recorded events of an order's stream. */

import type { RecordOf } from '../../shared/contracts/contract.ts'
import type { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import type { SagaState } from '../../shared/saga/saga.ts'
import type { ordersContracts } from './contracts.ts'

/** All that an order's stream holds. */
export type OrderRecord = RecordOf<typeof ordersContracts> | RecordOf<typeof runtimeContracts>
type DataOf<Type extends OrderRecord['type']> = Extract<OrderRecord, { type: Type }>['data']

export type Placed = DataOf<'order.placed'>
/** An order, with the payment method that the customer gave last, and the number of the authorization with it. */
export type Checkout = Placed & { readonly authorization?: number }
/** An order of the past, as an importer states it. */
export type Imported = DataOf<'order.imported'>
/** The canceller and the reason; the id is that of the command that began it. */
export type Cancellation = Pick<DataOf<'order.cancel-requested'>, 'cancellationId' | 'by' | 'reason'>
/** A service that takes back its part of cancelled lines. */
export type CancellationParty = DataOf<'cancellation.settled'>['service']
export type CancelStage = DataOf<'order.cancel-requested'>['stage']
/** The carrier's refusal of a parcel. Recorded in the stream only, as `refusal.recorded`. */
export type ParcelRefusal = DataOf<'refusal.recorded'>
/** With the number of corrections of the address that refused it; absent: an earlier revision of shipping has reported it. */
export type ReportedRefusal = ParcelRefusal & { readonly correction?: number }
/** The end of a dispatched parcel. Recorded in the stream only, as `delivery.recorded`. */
export type DeliveryFact = DataOf<'delivery.recorded'>
export type Goods = DataOf<'order.released'>['lines']

/** Recorded in the stream only, as `checkout.progressed`: the fields of the state that it changes. */
export interface SagaProgress {
  readonly saga?: SagaState
  readonly timerAtMs?: number
  readonly nextReminderAtMs?: number
  readonly reminderCount?: number
  readonly answerAtMs?: number
  readonly answerRequests?: number
}

/**
 * One of the three facts that must follow for each shipment, or the refusal or the deferral of its capture. Recorded in the stream only, as
 * `fulfilment.recorded`.
 */
export interface FulfilmentFact {
  readonly kind: 'dispatched' | 'captured' | 'committed' | 'refused' | 'deferred'
  readonly shipmentId: string
  /** The lines of a dispatched shipment. */
  readonly lines?: Goods
  /** The carrier's number of a dispatched shipment; absent in facts of the time before it was recorded. */
  readonly trackingRef?: string
  /** Why the capture was refused. */
  readonly code?: string
  /** Of a capture; absent in facts of the time before it was recorded. */
  readonly amountMinor?: number
  /** The authorization of a capture, or of its refusal; absent: the first. */
  readonly authorization?: number
}

/** The known state of a refund. Recorded in the stream only, as `refund.recorded`. */
export type RefundFact = DataOf<'refund.recorded'>
