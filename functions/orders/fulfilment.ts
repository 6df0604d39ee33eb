/** The facts that must follow each shipment, the missing ones, and the reminders to their services. */

import { republishCommand } from '../../shared/base/names.ts'
import type { RepublishEvents } from '../../shared/contracts/message.ts'
import { sagaStuck } from '../../shared/saga/saga.ts'
import type {
  Cancellation,
  CancellationParty,
  DeliveryFact,
  FulfilmentFact,
  Goods,
  OrderRecord,
  Placed,
} from './records.ts'

/** The shipments and their facts; the order is complete when no fact is missing. */
export interface Ledger {
  /** Shipment → its lines. */
  readonly dispatched: Readonly<Record<string, Goods>>
  /** Shipment → the carrier's number, where it was recorded. */
  readonly tracking: Readonly<Record<string, string>>
  readonly captured: readonly string[]
  /** Shipment → the captured amount, where it was recorded. */
  readonly amounts: Readonly<Record<string, number>>
  readonly committed: readonly string[]
  /** Shipment → the last authorization under which its capture waits until all goods have left: the card allows one alone. */
  readonly deferred: Readonly<Record<string, number>>
  /** Shipment → why the provider refused its capture, and under which authorization: the last refusal counts. */
  readonly refused: Readonly<Record<string, { readonly code: string; readonly authorization: number }>>
  /** Shipment → why the carrier refused it, and at which attempt: the last refusal counts. */
  readonly refusedParcels: Readonly<Record<string, RefusedParcel>>
  /** Shipment → its end. */
  readonly ended: Readonly<Record<string, { readonly status: DeliveryFact['status']; readonly code?: string }>>
  /** A cancellation that shipping has not decided. */
  readonly cancelling?: Cancellation
  /** Lines that were cancelled while others had left. */
  readonly cancelled: Goods
  /** The amount that the customer does not pay for them. */
  readonly cancelledMinor: number
  /** The services that have taken back their part of these lines. */
  readonly settled: readonly CancellationParty[]
}

export interface RefusedParcel {
  readonly code: string
  readonly attempt: number
  /** The address was corrected since, and the carrier has not answered. */
  readonly isCorrected: boolean
}

export const noFacts: Ledger = {
  dispatched: {},
  tracking: {},
  captured: [],
  amounts: {},
  committed: [],
  deferred: {},
  refused: {},
  refusedParcels: {},
  ended: {},
  cancelled: [],
  cancelledMinor: 0,
  settled: [],
}

export function withFact(ledger: Ledger, fact: FulfilmentFact): Ledger {
  const { kind, shipmentId, lines = [], code = '', amountMinor, authorization = 1, trackingRef } = fact
  switch (kind) {
    case 'dispatched': {
      const tracking = trackingRef === undefined ? ledger.tracking : { ...ledger.tracking, [shipmentId]: trackingRef }
      return { ...ledger, tracking, dispatched: { ...ledger.dispatched, [shipmentId]: lines } }
    }
    case 'refused':
      return { ...ledger, refused: { ...ledger.refused, [shipmentId]: { code, authorization } } }
    case 'captured': {
      const amounts = amountMinor === undefined ? ledger.amounts : { ...ledger.amounts, [shipmentId]: amountMinor }
      return { ...ledger, amounts, captured: [...ledger.captured, shipmentId] }
    }
    case 'committed':
      return { ...ledger, committed: [...ledger.committed, shipmentId] }
    case 'deferred':
      return { ...ledger, deferred: { ...ledger.deferred, [shipmentId]: authorization } }
  }
}

/** True for a fact that is known, and for a refusal or a deferral that is older than the known one. */
export function hasFact(ledger: Ledger, { kind, shipmentId, authorization = 1 }: FulfilmentFact): boolean {
  switch (kind) {
    case 'dispatched':
      return shipmentId in ledger.dispatched
    case 'refused':
      return authorization <= (ledger.refused[shipmentId]?.authorization ?? 0)
    case 'deferred':
      return authorization <= (ledger.deferred[shipmentId] ?? 0)
    case 'captured':
    case 'committed':
      return ledger[kind].includes(shipmentId)
  }
}

/** Every line is shipped, and each shipment paid and taken out of stock: what is missing is the customer's receipt. */
export const isOnItsWay = (order: Placed, ledger: Ledger): boolean =>
  isShipped(order, ledger) && isSettled(order, ledger)

/** On its way, and each shipment is delivered. */
export const isFulfilled = (order: Placed, ledger: Ledger): boolean =>
  isOnItsWay(order, ledger) && notDelivered(ledger).length === 0

/** Shipments that have left, and that the customer does not have. */
export const notDelivered = ({ dispatched, ended }: Ledger): string[] =>
  Object.keys(dispatched).filter((shipmentId) => ended[shipmentId]?.status !== 'delivered')

/** Shipments that come back, or are lost: staff refunds them. */
export const returned = ({ dispatched, ended }: Ledger): { shipmentId: string; code?: string }[] =>
  Object.keys(dispatched).flatMap((shipmentId) => {
    const { status, code } = ended[shipmentId] ?? {}
    return status === 'returned' ? [{ shipmentId, ...(code === undefined ? {} : { code }) }] : []
  })

/** True if the carrier has reported the end of every parcel, and there will be no further one: nothing can be late any more. */
export const hasArrived = (order: Placed, ledger: Ledger): boolean =>
  isShipped(order, ledger) && Object.keys(ledger.dispatched).every((shipmentId) => shipmentId in ledger.ended)

/** Every line is shipped or cancelled. */
export function isShipped({ lines }: Placed, { dispatched, cancelled }: Ledger): boolean {
  const done = new Map<string, number>()
  for (const line of [...Object.values(dispatched).flat(), ...cancelled])
    done.set(line.lineId, (done.get(line.lineId) ?? 0) + line.quantity)
  return lines.every(({ lineId, quantity }) => (done.get(lineId) ?? 0) >= quantity)
}

/** The services that have to take back cancelled lines, and have not answered. */
export const notSettled = ({ cancelled, settled }: Ledger): CancellationParty[] =>
  cancelled.length === 0 ? [] : (['payments', 'inventory'] as const).filter((service) => !settled.includes(service))

/** Shipments that are not paid. */
export const notCaptured = ({ dispatched, captured }: Ledger): string[] =>
  Object.keys(dispatched).filter((shipmentId) => !captured.includes(shipmentId))

/** Shipments that payments is to capture now: not those whose capture waits for others that have not left. */
const captureDue = (order: Placed, ledger: Ledger): string[] =>
  notCaptured(ledger).filter((shipmentId) => isShipped(order, ledger) || !(shipmentId in ledger.deferred))

/** Shipments whose capture was refused, and that were neither paid since nor wait under a later authorization. */
export const refusedCaptures = (ledger: Ledger): { shipmentId: string; code: string }[] =>
  Object.entries(ledger.refused)
    .filter(([shipmentId]) => isRefused(ledger, shipmentId))
    .map(([shipmentId, { code }]) => ({ shipmentId, code }))

export const isRefused = ({ refused, deferred, captured }: Ledger, shipmentId: string): boolean =>
  !captured.includes(shipmentId) && (refused[shipmentId]?.authorization ?? 0) >= (deferred[shipmentId] ?? 1)

/**
 * Shipments that the carrier does not take to the order's address: they wait for another one. A cancellation takes all that
 * have not left, also those whose refusal is reported later.
 */
export const refusedParcels = ({
  refusedParcels: all,
  dispatched,
  cancelled,
}: Ledger): { shipmentId: string; code: string }[] =>
  Object.entries(all)
    .filter(([shipmentId, { isCorrected }]) => cancelled.length === 0 && !isCorrected && !(shipmentId in dispatched))
    .map(([shipmentId, { code }]) => ({ shipmentId, code }))

/** Shipments that are not taken out of stock. */
export const notCommitted = ({ dispatched, committed }: Ledger): string[] =>
  Object.keys(dispatched).filter((shipmentId) => !committed.includes(shipmentId))

/** True if every shipment is paid, as far as it can be, and taken out of stock, and no cancellation waits for an answer. */
export const isSettled = (order: Placed, ledger: Ledger): boolean =>
  captureDue(order, ledger).length === 0 &&
  notCommitted(ledger).length === 0 &&
  notSettled(ledger).length === 0 &&
  !ledger.cancelling

interface Fulfilment {
  readonly order: Placed
  readonly ledger: Ledger
}

/**
 * So long after the last fact the carrier is asked about parcels on their way, because its webhook may be lost. If it does not
 * report their end within the second time, the order is complete without it.
 */
export const UNREPORTED_DELIVERY_MS = 13 * 24 * 3_600_000
export const LAST_REPORT_MS = 24 * 3_600_000
/** Shipping is reminded when half of the promised time has passed. */
export const SHIPMENT_REMINDER_MS = 24 * 3_600_000
export const SETTLEMENT_REMINDER_MS = 3_600_000
/** The longest wait before a reminder; each wait is twice the one before. */
const MAX_REMINDER_WAIT_MS = 24 * 3_600_000
/** The number of reminders, over six days, after which the order has stalled. */
export const MAX_REMINDERS = 10
export const reminderWaitMs = (count: number): number =>
  Math.min(SETTLEMENT_REMINDER_MS * 2 ** (count - 1), MAX_REMINDER_WAIT_MS)

/** The services whose events are missing. Empty when only refused captures are missing. */
export function missingFrom({ order, ledger }: Fulfilment): string[] {
  const open = notSettled(ledger)
  const fromPayments =
    captureDue(order, ledger).some((shipmentId) => !isRefused(ledger, shipmentId)) || open.includes('payments')
  const fromInventory = notCommitted(ledger).length > 0 || open.includes('inventory')
  if (!fromPayments && !fromInventory && !ledger.cancelling && isShipped(order, ledger)) return []
  return [...(fromPayments ? ['payments'] : []), ...(fromInventory ? ['inventory'] : []), 'shipping']
}

/**
 * The services that own the missing events republish their recorded events, with the same ids. Orders does too if only
 * shipping is missing, because shipping may not have received the release or the new authorization. A booking needs no reminder:
 * its command is retried until the carrier answers.
 */
export function reminders({ orderId }: Placed, missing: readonly string[]): (RepublishEvents | AskCarrier)[] {
  const targets = missing.length === 1 ? ['orders', ...missing] : missing
  const republish = targets.map((target): RepublishEvents => {
    return { type: republishCommand, target, data: { correlationId: orderId } }
  })
  return missing.includes('shipping') ? [...republish, askCarrier(orderId)] : republish
}

interface AskCarrier {
  readonly type: 'CheckShipments'
  readonly data: { readonly orderId: string }
}

/** Shipping asks the carrier, whose webhook may be lost. */
export const askCarrier = (orderId: string): AskCarrier => ({ type: 'CheckShipments', data: { orderId } })

/** And publishes its events again: it may know the end of a parcel, and its report of that may be lost. */
export const askForEnds = (orderId: string): (RepublishEvents | AskCarrier)[] => [
  askCarrier(orderId),
  { type: republishCommand, target: 'shipping', data: { correlationId: orderId } },
]

/** The missing facts of a confirmed and released order, for operators. */
export function fulfilmentStep(fulfilment: Fulfilment): string {
  const missing = missingFrom(fulfilment)
  const { order, ledger } = fulfilment
  if (returned(ledger).length > 0) return RETURNED.step
  if (isOnItsWay(order, ledger)) return 'fulfilment: delivery'
  if (missing.length === 0) return 'fulfilment: refused capture'
  if (refusedParcels(fulfilment.ledger).length > 0) return 'fulfilment: refused address'
  return `${fulfilment.ledger.cancelling ? 'cancellation' : 'fulfilment'}: ${missing.join(', ')}`
}

function reasonOf(fulfilment: Fulfilment): string {
  if (returned(fulfilment.ledger).length > 0) return RETURNED.reason
  return missingFrom(fulfilment).length === 0 ? 'the capture was refused' : 'no answer after the last reminder'
}

const RETURNED = { step: 'fulfilment: returned parcel', reason: 'the carrier did not deliver' } as const

/** A parcel of an order that has ended comes back, for operators: staff refunds it. */
export const returnedAfterTheEnd = ({ orderId }: Placed): OrderRecord =>
  sagaStuck({ sagaId: orderId, attempt: 1, ...RETURNED })

/** Requested often enough, or refused: staff has to act. Reported to operators as well. */
export function stalled(fulfilment: Fulfilment, reminderCount: number): OrderRecord[] {
  const { order, ledger } = fulfilment
  const { orderId } = order
  const missing = missingFrom(fulfilment)
  return [
    sagaStuck({
      sagaId: orderId,
      step: fulfilmentStep(fulfilment),
      attempt: reminderCount + 1,
      reason: reasonOf(fulfilment),
    }),
    { type: 'order.stalled', data: { orderId, missing, refusedCaptures: refusedCaptures(ledger) } },
  ]
}
