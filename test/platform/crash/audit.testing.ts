/** Reconciles orders, money, stock, events and notifications across all services. Pure: `audited-data.ts` reads them. */

import { services } from '../../../functions/index.ts'
import type { Commit } from '../../../shared/messaging/stream-store.ts'
import type { Posting, Refundable } from '../../../functions/shop/local/payment-provider/ledger.ts'
import type { Placed, Product } from './retrying-clients.testing.ts'

export interface Expected {
  readonly placed: readonly Placed[]
  readonly products: readonly Product[]
}

export interface Stream {
  readonly id: string
  readonly entries: readonly Commit[]
}

export interface Shard {
  /** `TEA-1~3` */
  readonly id: string
  readonly onHand: number
  readonly reserved: number
  readonly sold: number
}

export interface AuditedData {
  /** Streams by service. */
  readonly streams: ReadonlyMap<string, readonly Stream[]>
  /** The payment provider's postings. */
  readonly authorizations: readonly Refundable[]
  readonly postings: readonly Posting[]
  readonly shards: readonly Shard[]
  /** Ids of events: once each in the view, and as often as they were published in the others. */
  readonly inBigQuery: readonly string[]
  readonly inTimelines: readonly string[]
  readonly inSendLog: readonly string[]
  /** `orders: 3 dead letters` */
  readonly deadLetters: readonly string[]
  /** URLs of waiting commands, without timers. */
  readonly waiting: readonly string[]
}

/** Describes each inconsistency; empty if all data agree. */
export function audit({ placed: requested, products }: Expected, data: AuditedData): string[] {
  const found = data.streams.get('orders') ?? []
  const placed = requested.map((one) => (one.ends === 'either' ? { ...one, ends: endOf(one, found) } : one))
  return [
    ...ordersEnd(placed, found),
    ...[...data.streams].flatMap(([service, some]) => some.flatMap((stream) => gaps(service, stream))),
    ...money(placed, data),
    ...stock({ placed, products }, data.shards),
    ...events(placed, data),
    ...data.deadLetters,
    ...data.waiting.map((url) => `tasks: ${url} waits`),
  ]
}

type PublishedEvent = Commit['events'][number]

const published = ({ entries }: Stream): PublishedEvent[] =>
  entries.flatMap((entry) => entry.events.filter(({ sequence }) => sequence > 0))

/** The end of an order whose cancellation raced with its parcel: all data have to agree on it. */
function endOf({ orderId }: Placed, found: readonly Stream[]): Placed['ends'] {
  const stream = found.find(({ id }) => id === orderId)
  const isCancelled = stream && published(stream).some(({ type }) => type === 'order.cancelled')
  return isCancelled ? 'cancelled' : 'completed'
}

function ordersEnd(placed: readonly Placed[], found: readonly Stream[]): string[] {
  const eventsOf = new Map(found.map((stream) => [stream.id, published(stream)]))
  const unknown = found.map(({ id }) => id).filter((id) => !placed.some(({ orderId }) => orderId === id))
  return [
    ...unknown.map((id) => `orders: ${id} was placed by no customer`),
    ...placed.flatMap(({ orderId, ends: should }) => {
      const own = eventsOf.get(orderId) ?? []
      const types = own.map(({ type }) => type)
      const times = types.filter((type) => type === 'order.placed').length
      const ends = /^order\.(completed|rejected|expired|cancelled)$/
      const ended = types.filter((type) => ends.test(type)).join()
      const reasons = own.flatMap(({ type, data }) => (ends.test(type) ? [(data as { reason?: string }).reason] : []))
      const why = reasons.filter((reason) => reason !== undefined).join()
      return [
        ...(times === 1 ? [] : [`orders: ${orderId} was placed ${times} times`]),
        ...(ended === `order.${should}`
          ? []
          : [`orders: ${orderId} should be ${should}, is ${ended || types.at(-1)}${why === '' ? '' : ` (${why})`}`]),
      ]
    }),
  ]
}

/** Reports causes with two decisions, and gaps or duplicates in the sequence numbers. */
function gaps(service: string, stream: Stream): string[] {
  const causes = stream.entries.map(({ cause }) => cause)
  const sequences = published(stream).map(({ sequence }) => sequence)
  return [
    ...(new Set(causes).size === causes.length ? [] : [`${service}: ${stream.id} decided twice under one cause`]),
    ...(sequences.every((sequence, index) => sequence === index + 1)
      ? []
      : [`${service}: ${stream.id} counts ${sequences.join(' ')}`]),
  ]
}

function money(placed: readonly Placed[], { authorizations, postings }: AuditedData): string[] {
  const single = placed.flatMap(({ orderId, totalMinor, ends, refundedMinor = 0, isRecaptured = false }) => {
    const own = authorizations.filter(({ reference }) => reference === orderId)
    // One that was declined may be followed by one with another card.
    const granted = own.filter(({ status }) => status !== 'declined')
    const captured = own.flatMap(({ captures }) => captures.map(({ amountMinor }) => amountMinor)).join()
    const owed = ends === 'completed' ? String(totalMinor) : ''
    const refunded = own.reduce((sum, one) => sum + one.refundedMinor, 0)
    return [
      ...(granted.length > (isRecaptured ? 2 : 1) ? [`money: ${orderId} was authorized ${granted.length} times`] : []),
      ...(refunded === refundedMinor
        ? []
        : [`money: ${refundedMinor} of ${orderId} were refunded, the provider has ${refunded}`]),
      ...(captured === owed
        ? []
        : [`money: ${orderId} owes ${owed || 'nothing'}, captured is ${captured || 'nothing'}`]),
    ]
  })
  const sum = (kind: Posting['kind']): number =>
    postings.filter((one) => one.kind === kind).reduce((total, { amountMinor }) => total + amountMinor, 0)
  const owed = placed.filter(({ ends }) => ends === 'completed').reduce((total, one) => total + one.totalMinor, 0)
  const held = sum('authorize') - sum('capture') - sum('release')
  return [
    ...single,
    ...(sum('capture') === owed ? [] : [`money: all orders owe ${owed}, the merchant got ${sum('capture')}`]),
    ...(held === 0 ? [] : [`money: ${held} are still held`]),
  ]
}

function stock({ placed, products }: Expected, shards: readonly Shard[]): string[] {
  return products.flatMap(({ sku, stock: received }) => {
    const own = shards.filter(({ id }) => id.startsWith(`${sku}~`))
    const sum = (field: 'onHand' | 'reserved' | 'sold'): number => own.reduce((total, shard) => total + shard[field], 0)
    const sold = placed
      .filter((order) => order.sku === sku && order.ends === 'completed')
      .reduce((total, { quantity }) => total + quantity, 0)
    const is = `${sum('onHand')} on hand, ${sum('reserved')} reserved, ${sum('sold')} sold`
    const should = `${received - sold} on hand, 0 reserved, ${sold} sold`
    return is === should ? [] : [`stock: ${sku} should be ${should}; it is ${is}`]
  })
}

/** Reports subscribers that lack an event, have an event twice, or have an event that no stream has. */
function events(placed: readonly Placed[], data: AuditedData): string[] {
  const orderIds = new Set(placed.map(({ orderId }) => orderId))
  const { on } = services.find(({ name }) => name === 'notifications')!
  const all = [...data.streams.values()].flat()
  const idsOf = (streams: readonly Stream[], concerns: (event: PublishedEvent) => boolean = () => true): string[] =>
    streams.flatMap((stream) => published(stream).filter(concerns)).map(({ id }) => id)
  const ofOrders = all.filter(({ id }) => orderIds.has(id))
  return [
    ...difference('BigQuery', idsOf(all), data.inBigQuery),
    ...difference('history', idsOf(ofOrders), data.inTimelines),
    ...difference(
      'notifications',
      idsOf(ofOrders, ({ type }) => on.includes(type)),
      data.inSendLog,
    ),
  ]
}

function difference(where: string, should: readonly string[], is: readonly string[]): string[] {
  const [due, found] = [new Set(should), new Set(is)]
  const lacks = [...due].filter((id) => !found.has(id)).length
  const excess = [...found].filter((id) => !due.has(id)).length
  return [
    ...(lacks > 0 ? [`${where}: lacks ${lacks} of ${due.size} events`] : []),
    ...(excess > 0 ? [`${where}: holds ${excess} that no stream has`] : []),
    ...(found.size < is.length ? [`${where}: holds ${is.length - found.size} twice`] : []),
  ]
}
