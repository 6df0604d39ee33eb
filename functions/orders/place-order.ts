/** The query placeOrder: a request from outside, which is not redelivered, so a timer is armed before the order exists. */

import type { z } from 'zod'
import { Refused, refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { derivedId, derivedName } from '../../shared/base/ids.ts'
import { isHashOfRequest, requestHashOf } from '../../shared/base/request-hash.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Answered } from '../../shared/contracts/query.ts'
import { type Decision, noChange, type Platform, type Stream } from '../../shared/service/platform.ts'
import { traceparent } from '../../shared/instrumentation/telemetry.ts'
import { shopCodes } from '../shop/errors.ts'
import { costOf } from './charges.ts'
import { placementBounds } from './placement-bounds.ts'
import type { OrderRequest, ordersContracts, placeRequest } from './contracts.ts'
import { decide, isUnanswered } from './decide.ts'
import { initial, isPlaced, orderIn, type PlacedOrder, viewOf } from './order.ts'
import type { OrderRecord, Placed } from './records.ts'
import type { OrderSent } from './sent.ts'
import { shownOrder } from './payment-needed.ts'
import { priced, type RequestedLine } from './pricing.ts'
import { refuseUnknown, unknownReferencesOf } from './references.ts'
import { rulesOf } from './rules.ts'
import { type Charges, chargesSetting, placingBounds } from './settings.ts'

/** Longer than a request may take: a timer that fires earlier would abandon an order that is still being placed. */
const FIRST_TIMER_AFTER_MS = 90_000
/** Of all lines, before charges. */
const MAX_GOODS_MINOR = 1_000_000_000_000

export async function placeOrder(
  { sub, importer, idempotencyKey, order }: z.output<typeof placeRequest>,
  platform: Platform,
): Promise<Answered<typeof ordersContracts.queries.placeOrder>> {
  checkRights(order, importer)
  const orderId = derivedName('o', sub, idempotencyKey)
  const message = entryMessage(orderId, `${importer ? 'staff' : 'customer'}:${sub}`, platform.now())

  // Imported orders were sold elsewhere, so they have no bounds.
  const admitted = importer
    ? undefined
    : placementBounds(platform, platform.setting(placingBounds), sub, { orderId, lines: order.lines })
  const placement: Placement = { orderId, sub, importer, order }
  // Once, also if it is decided again.
  let preparing: Promise<Prepared> | undefined
  const decideOn = async (stream: Stream): Promise<Decision<OrderRecord, OrderSent>> => {
    const state = orderIn(stream.events)
    if (isPlaced(state)) return noChange
    await admitted?.companionOf(stream)
    const { placed, timerAtMs } = await (preparing ??= prepared(platform, message, placement))
    const command = { type: 'place', order: placed, timerAtMs, nowMs: platform.now() } as const
    const decision = decide(command, state, rulesOf(platform))
    return admitted ? { ...decision, companion: await admitted.companionOf(stream) } : decision
  }
  // Nearly every order is new: its stream is read only if it is not, or before a refusal.
  const stream = { newId: orderId, companion: admitted?.path }
  const begun = await platform.streams.begin<OrderRecord, OrderSent>(message, stream, decideOn)
  if (begun) return { status: 201, body: viewOf({ ...initial, order: placedIn(begun)!, status: 'pending' }) }

  const before = await platform.streams.read(orderId, admitted?.path)
  const known = orderIn(before.events)
  refuseIf(
    known.imported !== undefined,
    'idempotency-key-reused',
    `The idempotency key "${idempotencyKey}" was used for an imported order: take a new key for a new order.`,
  )
  if (isPlaced(known)) {
    checkSame(known.order, order, idempotencyKey)
    if (isUnanswered(known)) await republishPlacement(platform, message, before)
    return { status: 200, body: shownOrder(known) }
  }
  // A timer that was armed before this look at the stream may have fired: it abandoned the order.
  if (known.status === 'abandoned') preparing = undefined

  let other: PlacedOrder | undefined
  const { events } = await platform.streams.handleWithCalls<OrderRecord, OrderSent>(message, before, async (stream) => {
    const state = orderIn(stream.events)
    // Our own timer was here since we looked.
    if (state.status === 'abandoned' && stream.version !== before.version)
      throw new Unavailable('The request took too long: send it again with the same key.')
    other = isPlaced(state) ? state : undefined
    return decideOn(stream)
  })
  // A concurrent request with this key may have been first: the recorded order is the answer.
  const recorded = placedIn({ events }) ?? other!.order
  checkSame(recorded, order, idempotencyKey)
  return { status: 201, body: viewOf({ ...initial, ...other, order: recorded, status: other?.status ?? 'pending' }) }
}

const placedIn = ({ events }: Pick<Decision<OrderRecord, OrderSent>, 'events'>): Placed | undefined =>
  events.find((event) => event.type === 'order.placed')?.data

function checkSame(recorded: Placed, order: OrderRequest, key: string): void {
  refuseIf(
    !isHashOfRequest(recorded.requestHash, order),
    'idempotency-key-reused',
    `The idempotency key "${key}" was used for another order: take a new key for a new order.`,
  )
}

/** Publishes and sends once more, with the same ids, the messages that were decided when the order was placed. */
export async function republishPlacement(platform: Platform, message: Envelope, stream: Stream): Promise<void> {
  await platform.streams.handle({ ...message, id: placeCause(stream.id) }, stream, () => noChange)
}

function checkRights(order: OrderRequest, importer: boolean): void {
  if (importer) return
  for (const name of ['placedAt', 'customerRef'] as const)
    refuseIf(order[name] !== undefined, 'forbidden', `${name} may be set by importers alone.`)
  const line = order.lines.findIndex((one) => one.unitMinor !== undefined)
  refuseIf(line >= 0, 'forbidden', `lines.${line}.unitMinor: a price may be set by importers alone.`)
}

/** A request has no causation id: it is derived from the order's id, so that a retry is the same delivery. */
const placeCause = (orderId: string): string => derivedId('place', orderId)

function entryMessage(orderId: string, actor: string, nowMs: number): Envelope {
  return {
    id: placeCause(orderId),
    type: 'PlaceOrder',
    version: 1,
    source: 'gateway',
    subject: orderId,
    sequence: 0,
    time: new Date(nowMs).toISOString(),
    correlationId: orderId,
    causationId: orderId,
    traceparent: traceparent(),
    actor,
    data: {},
  }
}

interface Placement {
  readonly orderId: string
  readonly sub: string
  readonly importer: boolean
  readonly order: OrderRequest
}

interface Prepared {
  readonly placed: Placed
  readonly timerAtMs: number
}

/** Prices the order, and arms its timer. */
async function prepared(platform: Platform, { actor }: Envelope, placement: Placement): Promise<Prepared> {
  const { orderId } = placement
  const placed = await newOrder(platform, placement)
  const timerAtMs = platform.now() + FIRST_TIMER_AFTER_MS
  await platform.send<OrderSent>(
    {
      type: 'ContinueCheckout',
      data: { orderId, deadline: new Date(timerAtMs).toISOString() },
      notBeforeMs: timerAtMs,
    },
    { subject: orderId, correlationId: orderId, actor },
  )
  return { placed, timerAtMs }
}

const noCharges: Charges = { taxBasisPoints: { standard: 0, reduced: 0 }, shipping: {}, discountBasisPoints: {} }

async function newOrder(platform: Platform, { orderId, sub, importer, order }: Placement): Promise<Placed> {
  const customerRef = order.customerRef ?? sub
  // Queried while prices are read, and checked last, so that one request always has one answer.
  const unknown = unknownReferencesOf(platform, customerRef, order)
  unknown.catch(() => undefined)
  const pricedLines = await priced(platform, order.lines as readonly RequestedLine[], order.currency)
  const lines = pricedLines.map((line, index) => ({ lineId: String(index + 1), ...line }))
  const goodsMinor = lines.reduce((sum, line) => sum + line.quantity * line.unitMinor, 0)
  refuseIf(
    goodsMinor > MAX_GOODS_MINOR,
    'invalid-body',
    `The order's goods of ${goodsMinor} minor units exceed ${MAX_GOODS_MINOR}.`,
  )
  // An imported order has the charges of its original sale.
  const charges = importer ? noCharges : platform.setting(chargesSetting)
  const cost = costOf(lines, order.currency, charges, order.discountCode)
  const { totalMinor } = cost
  if (order.expectedTotalMinor !== undefined && order.expectedTotalMinor !== totalMinor) {
    throw new Refused(
      shopCodes['price-changed'],
      `The total of the order is ${totalMinor} minor units, not ${order.expectedTotalMinor} as expected.`,
    )
  }
  refuseUnknown(await unknown)
  return {
    orderId,
    customerRef,
    ...cost,
    currency: order.currency,
    addressRef: order.addressRef,
    paymentMethodRef: order.paymentMethodRef,
    placedAt: order.placedAt ?? new Date(platform.now()).toISOString(),
    requestHash: requestHashOf(order),
  }
}
