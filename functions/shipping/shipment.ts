/**
 * The shipments of one order: their states, and which of them a cancellation still reaches. Pure: a handler asks the
 * carrier, and this file decides.
 *
 *     created ──▶ booked ──▶ dispatched ──▶ delivered      dispatched: the carrier has the parcel
 *      │ ▲ │        │             └───────▶ returned       the customer does not get it
 *      │ │ └────────┴──▶ cancelled                         it never leaves
 *      ▼ │                   ▲
 *     refused ───────────────┘                             the carrier does not take it to this address
 *
 *     created, booked ──▶ held ──▶ created, cancelled      the payment's authorization ends, and has no successor yet; or the
 *                                                          address is corrected, and it is booked again in the same commit
 *
 * The carrier's webhooks come late, twice and in any order, so each report is what the carrier says now.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Message } from '../../shared/contracts/message.ts'
import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { HELD_BEFORE_MS } from '../orders/contracts.ts'
import type { shippingContracts } from './contracts.ts'
import type { shipping } from './service.ts'

export type ShippingRecord = RecordOf<typeof shippingContracts>
export type ShippingSent = SentBy<typeof shipping>
export type ShippingDecision = Decision<ShippingRecord, ShippingSent>
type DataOf<Type extends ShippingRecord['type']> = Extract<ShippingRecord, { type: Type }>['data']
export type Goods = DataOf<'shipment.created'>['lines']

export interface Shipment {
  readonly shipmentId: string
  readonly status: 'created' | 'refused' | 'booked' | 'held' | 'dispatched' | 'delivered' | 'returned' | 'cancelled'
  readonly lines: Goods
  /** How often the carrier was asked to take it, from 1: each time under a key of its own. */
  readonly attempt: number
}

/** The booking of a shipment as the carrier has it now. */
export interface CarrierReport {
  readonly status: 'booked' | 'collected' | 'delivered' | 'returned' | 'cancelled'
  readonly trackingRef: string
  /** Why it comes back. */
  readonly code?: string | undefined
}

export interface OrderShipments {
  readonly shipments: readonly Shipment[]
  readonly addressRef?: string
  /** How often it was corrected; absent: an earlier revision has recorded it. */
  readonly correction?: number
  /** The end of the payment's authorization; absent: nothing is to be paid, or it was not reported; Infinity: all is paid. */
  readonly securedUntilMs?: number
  /** The cancellations that were decided. One is a tombstone: no shipment is created after it. */
  readonly decided: readonly string[]
  /** The keys of the bookings that the carrier has given back or refused, without those that it has collected all the same. */
  readonly givenBack: readonly string[]
  /** The first shipment of an order that was cancelled before its release was recorded: the release may have booked it. */
  readonly withdrawn?: Shipment
}

export const initial: OrderShipments = { shipments: [], decided: [], givenBack: [] }

/** The state after these recorded events. */
export const shipmentsIn = (events: readonly Message[]): OrderShipments => fold({ initial, evolve }, events)

export function evolve(state: OrderShipments, { type, data }: ShippingRecord): OrderShipments {
  switch (type) {
    case 'shipment.created': {
      const { shipmentId, lines } = data
      return { ...state, shipments: [...state.shipments, { shipmentId, lines, status: 'created', attempt: 1 }] }
    }
    case 'address.noted': {
      const { correction: _former, ...rest } = state
      return { ...rest, ...data }
    }
    case 'payment.secured':
      // Reports come in any order: each authorization ends later than the one before.
      return { ...state, securedUntilMs: Math.max(state.securedUntilMs ?? 0, Date.parse(data.until)) }
    case 'payment.completed':
      return { ...state, securedUntilMs: Infinity }
    case 'booking.held':
      return withStatus(givingBack(state, [data.shipmentId]), [data.shipmentId], 'held')
    case 'booking.withdrawn': {
      const withdrawn: Shipment = { ...data, status: 'cancelled', attempt: 1 }
      return { ...state, withdrawn, givenBack: [...state.givenBack, bookingKey(withdrawn)] }
    }
    case 'booking.made':
      return withStatus(state, [data.shipmentId], 'booked')
    case 'shipment.failed': {
      if (data.stage === 'delivery') return withStatus(state, [data.shipmentId], 'returned')
      // A second instance may have asked for it on an older copy of the stream, and the carrier may have taken it then.
      const after = { ...state, givenBack: [...state.givenBack, bookingKey(data)] }
      return withStatus(after, [data.shipmentId], 'refused')
    }
    case 'shipment.delivered':
      return withStatus(state, [data.shipmentId], 'delivered')
    case 'booking.renewed':
      return {
        ...state,
        shipments: state.shipments.map((one) =>
          one.shipmentId === data.shipmentId ? { ...one, status: 'created', attempt: data.attempt } : one,
        ),
      }
    case 'shipment.dispatched':
      return withStatus(state, [data.shipmentId], 'dispatched')
    case 'shipment.collected-in-error':
      return { ...state, givenBack: state.givenBack.filter((key) => key !== data.bookingKey) }
    case 'shipment.cancel-decided':
      return {
        ...withStatus(givingBack(state, data.cancelledShipments), data.cancelledShipments, 'cancelled'),
        decided: [...state.decided, data.cancellationId],
      }
  }
}

const withStatus = (state: OrderShipments, ids: readonly string[], status: Shipment['status']): OrderShipments => ({
  ...state,
  shipments: state.shipments.map((one) => (ids.includes(one.shipmentId) ? { ...one, status } : one)),
})

/** The bookings that the carrier was asked to give back: it may have taken them without an answer. */
const givingBack = (state: OrderShipments, ids: readonly string[]): OrderShipments => ({
  ...state,
  givenBack: [
    ...state.givenBack,
    ...undecided(state)
      .filter(({ shipmentId }) => ids.includes(shipmentId))
      .map(bookingKey),
  ],
})

export const shipmentIdOf = (orderId: string, index: number): string => `s-${orderId}-${index + 1}`
/** Also the key of its first booking, which the release makes. */
export const firstShipmentId = (orderId: string): string => shipmentIdOf(orderId, 0)

export const shipmentOf = ({ shipments }: OrderShipments, shipmentId: string): Shipment | undefined =>
  shipments.find((one) => one.shipmentId === shipmentId)

/** True once the order was released to shipping, or cancelled before that. */
export const isKnown = ({ shipments, decided }: OrderShipments): boolean => shipments.length > 0 || decided.length > 0

/** The shipments about which the carrier has to be asked before a cancellation is decided. */
export const undecided = ({ shipments }: OrderShipments): readonly Shipment[] =>
  shipments.filter(({ status }) => status === 'created' || status === 'booked')

/** The shipments that may have changed at the carrier since the last report. */
export const open = ({ shipments }: OrderShipments): readonly Shipment[] =>
  shipments.filter(({ status }) => ['created', 'booked', 'dispatched'].includes(status))

/** The shipments that a report about this booking concerns: a carrier that names it by no key of ours reports about all. */
export function openUnder(state: OrderShipments, key: string): readonly Shipment[] {
  return state.shipments.some((one) => keysOf(one).includes(key))
    ? open(state).filter((one) => bookingKey(one) === key)
    : open(state)
}

/** The shipment of a booking that was refused, or given back by a cancellation or a hold: a report about it may be one of a mistake. */
export const givenBackUnder = (
  { shipments, withdrawn, givenBack }: OrderShipments,
  key: string,
): Shipment | undefined =>
  givenBack.includes(key)
    ? [...shipments, ...(withdrawn ? [withdrawn] : [])].find((one) => keysOf(one).includes(key))
    : undefined

/** The carrier has a parcel whose booking it had given back: staff has to stop it, or to charge it. */
export function collectedInError(
  orderId: string,
  { shipmentId, lines }: Shipment,
  key: string,
  { status, trackingRef }: CarrierReport,
): ShippingRecord[] {
  if (status === 'booked' || status === 'cancelled') return []
  return [{ type: 'shipment.collected-in-error', data: { orderId, shipmentId, lines, trackingRef, bookingKey: key } }]
}

/**
 * The carrier is asked so long afterwards about a booking that it has given back: it may have kept it, or have collected the
 * parcel nevertheless, and the webhook of that may be lost.
 */
const QUESTIONS_AFTER_MS = [1, 24, 7 * 24].map((hours) => hours * 3_600_000)
/** As long as a copy of the stream may be used on which the carrier is asked for a refused booking again. */
export const QUESTIONS_AFTER_REFUSAL_MS = QUESTIONS_AFTER_MS.slice(0, 2)

interface QuestionOptions {
  readonly orderId: string
  readonly nowMs: number
  readonly waitsMs?: readonly number[]
}

/** The decision, with the questions about each booking that is given back or refused by it. */
export function withQuestions(
  before: OrderShipments,
  { events, commands }: ShippingDecision,
  { orderId, nowMs, waitsMs = QUESTIONS_AFTER_MS }: QuestionOptions,
): ShippingDecision {
  const { givenBack } = events.reduce(evolve, before)
  const questions = givenBack
    .filter((key) => !before.givenBack.includes(key))
    .flatMap((key) =>
      waitsMs.map((waitMs): ShippingSent => {
        return { type: 'CheckShipments', data: { orderId, bookingKey: key }, notBeforeMs: nowMs + waitMs }
      }),
    )
  return { events, commands: [...commands, ...questions] }
}

/** True while nothing may be booked: the authorization would have less than a day left when the carrier collects it. */
export const mustWait = ({ securedUntilMs = Infinity }: OrderShipments, nowMs: number): boolean =>
  nowMs >= securedUntilMs - HELD_BEFORE_MS

/** A new authorization: parcels that waited for one are booked again. */
export function secure(
  state: OrderShipments,
  { orderId, until }: { orderId: string; until: string },
): ShippingDecision {
  return bookedAgain(orderId, heldIn(state), [{ type: 'payment.secured', data: { until } }])
}

/** All is paid: parcels that waited are booked again, and none waits later. */
export function resume(state: OrderShipments, orderId: string): ShippingDecision {
  if (state.securedUntilMs === Infinity) return noChange
  return bookedAgain(orderId, heldIn(state), [{ type: 'payment.completed', data: {} }])
}

const heldIn = ({ shipments }: OrderShipments): Shipment[] => shipments.filter(({ status }) => status === 'held')

export interface TakenBack {
  /** The shipments whose bookings the carrier has given back. */
  readonly withoutBooking: readonly Shipment[]
  /** The events of the shipments that it had collected. */
  readonly left: readonly ShippingRecord[]
}

const heldEvent = ({ shipmentId }: Shipment): ShippingRecord => ({ type: 'booking.held', data: { shipmentId } })

/**
 * A hold that comes before the release is recorded, so that a release which has asked the carrier on the stream without it is
 * decided anew.
 */
const recordedBefore = (state: OrderShipments, until: string): ShippingRecord[] =>
  isKnown(state) || (state.securedUntilMs ?? 0) >= Date.parse(until)
    ? []
    : [{ type: 'payment.secured', data: { until } }]

/** The outcome of a hold. */
export function held(
  state: OrderShipments,
  { orderId, authorizedUntil }: { readonly orderId: string; readonly authorizedUntil: string },
  { withoutBooking, left }: TakenBack,
): ShippingDecision {
  const events = [...recordedBefore(state, authorizedUntil), ...left, ...withoutBooking.map(heldEvent)]
  // The new authorization was recorded before: the parcels need not wait, but their former bookings have ended.
  const isSecured = (state.securedUntilMs ?? 0) > Date.parse(authorizedUntil)
  return isSecured ? bookedAgain(orderId, withoutBooking, events) : { events, commands: [] }
}

const bookedAgain = (
  orderId: string,
  shipments: readonly Shipment[],
  before: readonly ShippingRecord[],
): ShippingDecision => ({
  events: [
    ...before,
    ...shipments.map(({ shipmentId, attempt }): ShippingRecord => {
      return { type: 'booking.renewed', data: { shipmentId, attempt: attempt + 1 } }
    }),
  ],
  commands: shipments.map(({ shipmentId }) => ({ type: 'BookCarrier', data: { orderId, shipmentId } })),
})

/** The events that follow from a report of the carrier. A delivery that is reported first includes the dispatch. */
export function reported(
  orderId: string,
  { shipmentId, lines, status, attempt }: Shipment,
  { status: now, trackingRef, code = now }: CarrierReport,
): ShippingRecord[] {
  if (now === 'booked' || now === 'cancelled') return []
  const about = { orderId, shipmentId, lines }
  const events: ShippingRecord[] =
    status === 'dispatched' ? [] : [{ type: 'shipment.dispatched', data: { ...about, trackingRef } }]
  if (now === 'delivered') events.push({ type: 'shipment.delivered', data: { orderId, shipmentId } })
  if (now === 'returned') events.push({ type: 'shipment.failed', data: { ...about, code, stage: 'delivery', attempt } })
  return events
}

export const refusedIn = ({ shipments }: OrderShipments): Shipment[] =>
  shipments.filter(({ status }) => status === 'refused')

interface Correction {
  readonly orderId: string
  readonly addressRef: string
  readonly correction?: number
}

/**
 * True for a correction that is carried out: a later one than the known one. Orders has recorded it, so that the parcels follow it
 * also when none is refused any more. Those of an earlier revision have no number, and are carried out only for a refused one.
 */
export function isDue(state: OrderShipments, { correction }: Pick<Correction, 'correction'>): boolean {
  const { correction: known = 0 } = state
  return correction === undefined ? known === 0 && refusedIn(state).length > 0 : correction > known
}

/**
 * The address was corrected: every shipment that the carrier refused is booked again, and so is every one that it has not
 * collected. A carrier repeats its answer to a key, so that each address has keys of its own.
 */
export function renewBookings(
  state: OrderShipments,
  { orderId, ...named }: Correction,
  { withoutBooking, left }: TakenBack,
): ShippingDecision {
  const events = [...left, ...withoutBooking.map(heldEvent)]
  const changed: ShippingRecord = { type: 'address.noted', data: named }
  return bookedAgain(orderId, [...refusedIn(state), ...withoutBooking], [...events, changed])
}

/** The first booking has the shipment's own id: its key when there was only one. A carrier repeats its answer to a key. */
export const bookingKey = ({ shipmentId, attempt }: Pick<Shipment, 'shipmentId' | 'attempt'>): string =>
  attempt === 1 ? shipmentId : `${shipmentId}:${attempt}`

/** The keys of all its bookings. */
const keysOf = ({ shipmentId, attempt }: Shipment): string[] =>
  Array.from({ length: attempt }, (_, index) => bookingKey({ shipmentId, attempt: index + 1 }))

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
    ['dispatched', 'delivered', 'returned'].includes(status) || collected.includes(shipmentId)
  const left = quantities(state.shipments.filter(hasLeft).flatMap((one) => one.lines))
  const refused = part(lines, (line) => Math.min(line.quantity, left.get(line.lineId) ?? 0))
  const cancelled = part(lines, (line) => Math.max(0, line.quantity - (left.get(line.lineId) ?? 0)))
  const cancelledShipments = state.shipments
    .filter((one) => one.status !== 'cancelled' && !hasLeft(one))
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
