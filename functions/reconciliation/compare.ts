/**
 * Compares what the services, the payment provider and BigQuery know of one order, and names each difference. Pure: the
 * records were read one after another while orders went on, so a record that changed a short time ago proves nothing.
 */

import type { ReservationRow } from '../inventory/contracts.ts'
import type { OrderRecordRow } from '../orders/contracts.ts'
import type { Charge, PaymentRecordRow } from '../payments/contracts.ts'
import type { ShipmentRow } from '../shipping/contracts.ts'
import { type AnalyticsRow, moneyText } from './analytics.ts'
import type { Difference, Kind } from './contracts.ts'

/** All records of one order. */
export interface Records {
  readonly orderId: string
  readonly order?: OrderRecordRow | undefined
  readonly payment?: PaymentRecordRow | undefined
  /** Absent: the provider has no list to compare. */
  readonly charges?: readonly Charge[]
  readonly reservation?: ReservationRow | undefined
  readonly shipments?: ShipmentRow | undefined
  readonly analytics?: AnalyticsRow | undefined
}

type Values = Difference['values']
type Found = (kind: Kind, values: Values, id?: string) => void

/** Shipments that the carrier has, or had. */
const LEFT: readonly string[] = ['dispatched', 'delivered', 'returned']
/** Orders that can hold nothing any more, whatever happened before. */
const ENDED: readonly string[] = ['completed', 'closed', 'rejected', 'expired', 'cancelled']
/** After the pivot: every line is held, shipped or cancelled. */
const CONFIRMED: readonly string[] = ['confirmed', 'payment-failed']

/** Orders of which a part may be paid: never more than their total without the cancelled lines. */
const OWING: readonly string[] = ['pending', 'payment-needed', 'confirmed', 'payment-failed', 'closed']

/** A bank may take days for a refund. A call of the provider that is due for longer was lost. */
const MAX_IN_FLIGHT_MS = 7 * 24 * 3_600_000

/** True while one of the records may have changed since another one was read. @param beforeMs the time before which all must have changed */
export function isInFlight(records: Records, beforeMs: number): boolean {
  const { order, payment, reservation, shipments, analytics } = records
  const times = [order, payment, reservation, shipments, analytics].map((one) => Date.parse(one?.changedAt ?? ''))
  const isDue = payment?.inFlight === true && Date.parse(payment.changedAt) >= beforeMs - MAX_IN_FLIGHT_MS
  return isDue || times.some((atMs) => atMs >= beforeMs)
}

/** Every difference of the records of one order. They are not in flight. */
export function differencesOf(records: Records): Difference[] {
  const differences: Difference[] = []
  const found: Found = (kind, values, id = records.orderId) => void differences.push({ kind, id, values })
  compareCharges(records, found)
  comparePayment(records, found)
  compareReservation(records, found)
  compareShipments(records, found)
  compareAnalytics(records, found)
  return differences
}

/** The provider against the ledger, by authorization. */
function compareCharges(records: Records, found: Found): void {
  const { payment, charges } = records
  if (!charges) return
  const known = new Map(payment?.authorizations.map((one) => [one.authorizationKey, one]))
  for (const charge of charges) {
    const { authorizationKey: key, state, capturedMinor } = charge
    const ours = known.get(key)
    if (ours) compareCharge(records, ours, charge, found)
    // A charge that was declined, voided or lapsed without a capture took nothing: the ledger need not know of it.
    else if (state === 'authorized' || capturedMinor > 0)
      found('charge-missing-here', { provider: text(charge), ledger: 'nothing' }, key)
  }
  for (const { authorizationKey: key, capturedMinor } of known.values())
    if (!charges.some((one) => one.authorizationKey === key))
      found(
        'charge-missing-there',
        { provider: 'nothing', ledger: `authorized, captured ${moneyText(capturedMinor, payment?.currency)}` },
        key,
      )
}

/** A charge of the release before is known to hold its amount as long as nothing of it is captured. */
const heldMinorOf = ({ state, amountMinor, capturedMinor, heldMinor }: Charge): number =>
  state === 'authorized' ? (heldMinor ?? (capturedMinor === 0 ? amountMinor : 0)) : 0

function compareCharge(
  records: Records,
  ours: PaymentRecordRow['authorizations'][number],
  charge: Charge,
  found: Found,
): void {
  const payment = records.payment!
  const { authorizationKey: key, state, capturedMinor, refundedMinor } = charge
  if (charge.currency !== payment.currency)
    found('charge-state', { provider: `in ${charge.currency}`, ledger: `in ${payment.currency}` }, key)
  const compareAmount = (kind: Kind, theirs: number, mine: number): void => {
    const values = { provider: moneyText(theirs, charge.currency), ledger: moneyText(mine, payment.currency) }
    if (theirs !== mine) found(kind, values, key)
  }
  compareAmount('captured-amount', capturedMinor, ours.capturedMinor)
  compareAmount('refunded-amount', refundedMinor, ours.refundedMinor)
  compareAmount('disputed-amount', charge.disputedMinor ?? 0, ours.disputedMinor ?? 0)
  const isVoided = payment.status === 'voided'
  const isHeld = heldMinorOf(charge) > 0
  const isGone = ['declined', 'voided', 'action-required'].includes(state)
  if (isVoided ? isHeld : isGone)
    found('charge-state', { provider: state, ledger: isVoided ? 'voided' : 'authorized' }, key)
  else if (isHeld) compareHeld(records, charge, found)
}

/** Of several authorizations only the last one holds money, and that of an order that has ended none: the others were released. */
function compareHeld({ order, payment }: Records, charge: Charge, found: Found): void {
  const current = payment!.authorizations.at(-1)!.authorizationKey
  const values = {
    provider: text(charge),
    ledger: current === charge.authorizationKey ? 'current' : `current ${current}`,
  }
  const hasEnded = order !== undefined && ENDED.includes(order.status)
  if (current !== charge.authorizationKey || hasEnded)
    found('authorization-held', { ...values, orders: order?.status ?? 'no such order' }, charge.authorizationKey)
}

const moneyIn =
  (currency: string) =>
  (minor: number): string =>
    moneyText(minor, currency)

function text(charge: Charge): string {
  const { state, amountMinor, capturedMinor, currency } = charge
  const held = heldMinorOf(charge)
  const money = moneyIn(currency)
  const holds = capturedMinor > 0 && held > 0 ? `, holds ${money(held)}` : ''
  return `${state} ${money(amountMinor)}, captured ${money(capturedMinor)}${holds}`
}

/** The ledger against the order and its shipments. */
function comparePayment(records: Records, found: Found): void {
  const { order, payment, shipments } = records
  if (!payment) return compareUnpaid(records, found)
  const sum = (field: 'capturedMinor' | 'refundedMinor' | 'disputedMinor'): number =>
    payment.authorizations.reduce((total, one) => total + (one[field] ?? 0), 0)
  const [captured, refunded, disputed] = [sum('capturedMinor'), sum('refundedMinor'), sum('disputedMinor')]
  const money = moneyIn(payment.currency)
  if (refunded > captured) found('refunded-beyond-captured', { captured: money(captured), refunded: money(refunded) })
  const left = leftOf(shipments)
  for (const shipmentId of payment.captured)
    if (!left.includes(shipmentId))
      found('captured-not-shipped', { ledger: `captured ${shipmentId}`, shipping: statusOf(shipments, shipmentId) })
  if (!order) {
    if (captured > 0)
      found('captured-without-order', { ledger: `captured ${money(captured)}`, orders: 'no such order' })
    return
  }
  if (captured > 0 && ['rejected', 'expired', 'cancelled'].includes(order.status)) {
    // The customer's bank has given back what it took for a dispute.
    const kept = captured - refunded - disputed
    if (kept > 0) found('captured-without-order', { ledger: `captured ${money(kept)}`, orders: order.status })
  }
  const owed = order.totalMinor - (order.cancelledMinor ?? 0)
  // Staff may have given back what was too much. One that is completed is compared to the cent.
  if (OWING.includes(order.status) && captured - refunded - disputed > owed)
    found('captured-beyond-owed', {
      orders: `${order.status} ${moneyText(owed, order.currency)}`,
      ledger: `captured ${money(captured)}, refunded ${money(refunded)}`,
    })
  compareAuthorized(records, { order, unpaidMinor: owed - captured }, found)
  if (order.status === 'completed') {
    const unpaid = left.filter((shipmentId) => !payment.captured.includes(shipmentId))
    compareCompleted(order, { captured, owed, unpaid }, found)
  }
  compareShown(order, { captured, refunded }, found)
  if (payment.authorizations.length > 0 && payment.totalMinor !== order.totalMinor)
    found('order-total', { orders: moneyText(order.totalMinor, order.currency), ledger: money(payment.totalMinor) })
}

/** The states of an authorization under which nothing more is captured. One that was voided or declined is a difference of its charge. */
const OVER: readonly string[] = ['released', 'expired']

/** Goods of a confirmed order may leave at any time. One that waits for its payment, or that staff has to recapture, is not confirmed. */
function compareAuthorized(
  { payment, charges }: Records,
  { order, unpaidMinor }: { readonly order: OrderRecordRow; readonly unpaidMinor: number },
  found: Found,
): void {
  if (order.status !== 'confirmed' || unpaidMinor <= 0) return
  const orders = `confirmed ${moneyText(unpaidMinor, order.currency)}`
  if (payment?.status !== 'authorized')
    return found('confirmed-not-authorized', { orders, ledger: payment?.status ?? 'nothing' })
  const current = payment.authorizations.at(-1)?.authorizationKey
  const charge = charges?.find(({ authorizationKey }) => authorizationKey === current)
  if (charge && OVER.includes(charge.state)) found('confirmed-not-authorized', { orders, provider: text(charge) })
}

/** The ledger has nothing of it. */
function compareUnpaid(records: Records, found: Found): void {
  const { order } = records
  if (!order) return
  if (!order.imported && order.status === 'completed')
    found('completed-not-captured', { orders: 'completed', ledger: 'nothing' })
  compareAuthorized(records, { order, unpaidMinor: order.totalMinor }, found)
}

interface Completed {
  readonly captured: number
  readonly owed: number
  /** Shipments that left and were not captured. */
  readonly unpaid: readonly string[]
}

/** An order that staff closed is paid in another way. */
function compareCompleted(order: OrderRecordRow, { captured, owed, unpaid }: Completed, found: Found): void {
  for (const shipmentId of unpaid)
    found('completed-not-captured', { orders: 'completed', ledger: `nothing for ${shipmentId}` })
  const money = moneyIn(order.currency)
  // Absent with cancelled lines: an answer of a revision from before the amount was listed.
  const isKnown = order.cancelledMinor !== undefined || order.cancelled.length === 0
  if (unpaid.length === 0 && (isKnown ? captured !== owed : captured > owed))
    found('completed-not-captured', { orders: `completed ${money(owed)}`, ledger: `captured ${money(captured)}` })
}

/** The amounts that the order shows. Absent: unknown to the order, or an answer of the revision before. */
function compareShown(
  { capturedMinor, refundedMinor, currency }: OrderRecordRow,
  { captured, refunded }: { readonly captured: number; readonly refunded: number },
  found: Found,
): void {
  const money = moneyIn(currency)
  if (capturedMinor !== undefined && capturedMinor !== captured)
    found('order-captured', { ledger: money(captured), orders: money(capturedMinor) })
  if (refundedMinor !== undefined && refundedMinor !== refunded)
    found('order-refunded', { ledger: money(refunded), orders: money(refundedMinor) })
}

/** The pieces that the order holds against those that it has to hold. */
function compareReservation({ order, reservation, shipments }: Records, found: Found): void {
  const held = reservation?.held ?? []
  if (held.length > 0 && (!order || ENDED.includes(order.status))) {
    const values = { inventory: goodsText(held), orders: order?.status ?? 'no such order' }
    found('reservation-of-ended-order', values)
  }
  if (!order || !CONFIRMED.includes(order.status)) return
  const wanted = quantities(order.lines)
  // A shipment takes its lines out of stock.
  for (const { status, lines } of shipments?.shipments ?? []) {
    if (!LEFT.includes(status)) continue
    // An answer of a revision from before shipments were listed with their lines.
    if (!lines) return
    for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) - quantity)
  }
  for (const { sku, quantity } of order.cancelled) wanted.set(sku, (wanted.get(sku) ?? 0) - quantity)
  const has = quantities(held)
  const skus = [...wanted.keys(), ...has.keys()]
  const differs = skus.some((sku) => (has.get(sku) ?? 0) !== (wanted.get(sku) ?? 0))
  if (differs) found('reservation-missing', { orders: goodsText(goodsIn(wanted)), inventory: goodsText(held) })
}

function compareShipments({ order, shipments }: Records, found: Found): void {
  const left = leftOf(shipments)
  const known = order?.dispatched ?? []
  for (const shipmentId of left)
    if (!known.includes(shipmentId))
      found(
        'shipment-unknown',
        { shipping: statusOf(shipments, shipmentId), orders: order?.status ?? 'no such order' },
        shipmentId,
      )
  for (const shipmentId of known)
    if (!left.includes(shipmentId))
      found('shipment-missing', { orders: 'dispatched', shipping: statusOf(shipments, shipmentId) }, shipmentId)
  if (order && !order.imported && order.status === 'completed' && left.length === 0 && known.length === 0)
    found('shipment-missing', { orders: 'completed', shipping: 'nothing has left' })
}

/** The view of orders against orders, and what the views of captures and refunds have of them against the ledger. */
function compareAnalytics({ order, payment, analytics }: Records, found: Found): void {
  if (!analytics) {
    if (order) found('bigquery-missing', { orders: order.status, bigquery: 'no row' })
    return
  }
  if (!order) return found('bigquery-unknown', { orders: 'no such order', bigquery: analytics.status })
  if (analytics.rows > 1) found('bigquery-duplicate', { orders: '1', bigquery: String(analytics.rows) })
  const [ours, theirs] = [order, analytics].map(({ totalMinor, currency }) => moneyText(totalMinor, currency))
  if (ours !== theirs) found('bigquery-total', { orders: ours!, bigquery: theirs! })
  if (order.status !== analytics.status) found('bigquery-status', { orders: order.status, bigquery: analytics.status })
  for (const [kind, field] of amounts) {
    const ledgerMinor = (payment?.authorizations ?? []).reduce((sum, one) => sum + one[field], 0)
    const [ledger, bigquery] = [moneyText(ledgerMinor, payment?.currency), analytics[field]]
    if (ledger !== bigquery) found(kind, { ledger, bigquery })
  }
}

const amounts = [
  ['bigquery-captured', 'capturedMinor'],
  ['bigquery-refunded', 'refundedMinor'],
] as const

const leftOf = (shipments: ShipmentRow | undefined): string[] =>
  (shipments?.shipments ?? []).filter(({ status }) => LEFT.includes(status)).map(({ shipmentId }) => shipmentId)

const statusOf = (shipments: ShipmentRow | undefined, shipmentId: string): string =>
  shipments?.shipments.find((one) => one.shipmentId === shipmentId)?.status ?? 'no such shipment'

type Goods = readonly { readonly sku: string; readonly quantity: number }[]

function quantities(lines: Goods): Map<string, number> {
  const bySku = new Map<string, number>()
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity)
  return bySku
}

const goodsIn = (bySku: ReadonlyMap<string, number>): Goods =>
  [...bySku].map(([sku, quantity]) => ({ sku, quantity })).filter(({ quantity }) => quantity !== 0)
const MAX_SHOWN = 5
const goodsText = (lines: Goods): string =>
  lines.length === 0
    ? 'nothing'
    : lines
        .slice(0, MAX_SHOWN)
        .map(({ sku, quantity }) => `${quantity} × ${sku}`)
        .join(', ') + (lines.length > MAX_SHOWN ? `, and ${lines.length - MAX_SHOWN} more` : '')
