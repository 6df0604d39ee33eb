/** The timeline of an order, for any order of delivery: each event is one fact under its own id, so that it is written without a read. */

import { stuckEvent } from '../../shared/base/names.ts'
import type { EventOf } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { ordersContracts } from '../orders/contracts.ts'

/** The details besides the type of the event, as far as the event has it. */
export interface TimelineDetails {
  /** The actor that caused it, as staff sees it: `staff:jo`. */
  readonly actor?: string
  readonly reason?: string
  /** In minor units of `currency`, or of the order's currency. */
  readonly amountMinor?: number
  readonly currency?: string
  readonly trackingRef?: string
}

interface TimelineFact extends TimelineDetails {
  readonly type: string
  readonly source: string
  readonly time: string
  readonly sequence: number
}

/** Reports that a saga is stuck may go on for years: the timeline keeps the first ones, then each time that their number has doubled. */
const FIRST_REPORTS = 8

/** An order has about ten events, and some for each shipment; a document has room for thousands. */
export function isKept({ type, data }: Pick<Envelope, 'type' | 'data'>): boolean {
  if (type !== stuckEvent) return true
  const { attempt } = data as { attempt: number }
  return attempt <= FIRST_REPORTS || Number.isInteger(Math.log2(attempt))
}

/** As it is kept. */
export interface TimelineDocument {
  readonly orderId: string
  /** Unknown until `order.placed` or `order.imported` arrives. */
  readonly customerRef?: string
  /** Of the row in lists. Documents from before there were lists have none of these until their events are published again. */
  readonly placedAt?: string
  readonly totalMinor?: number
  readonly currency?: string
  /** The status as a number: `standing.ts`. */
  readonly standing?: number
  /** By the event's id. */
  readonly events: Readonly<Record<string, TimelineFact>>
}

export interface TimelineEntry extends TimelineFact {
  readonly eventId: string
}

export interface Timeline extends Pick<TimelineDocument, 'orderId' | 'customerRef'> {
  readonly entries: readonly TimelineEntry[]
}

const isFirst = (type: string): boolean => type === 'order.placed' || type === 'order.imported'

/** The fields that this event adds to the document; a redelivery adds the same. */
export function timelineFields({
  id,
  type,
  source,
  time,
  sequence,
  correlationId,
  actor,
  data,
}: Envelope): Record<string, unknown> {
  return {
    orderId: correlationId,
    ...(isFirst(type) ? placedFields(data as PlacedData) : {}),
    events: { [id]: { type, source, time, sequence, actor, ...detailsOf(data) } },
  }
}

type PlacedData = Pick<
  Extract<EventOf<typeof ordersContracts>, { type: 'order.placed' | 'order.imported' }>['data'],
  'customerRef' | 'placedAt' | 'totalMinor' | 'currency'
>

/** The row of the order in lists, which has it from now on. */
const placedFields = ({ customerRef, placedAt, totalMinor, currency }: PlacedData): PlacedData => ({
  customerRef,
  placedAt: new Date(placedAt).toISOString(),
  totalMinor,
  currency,
})

/** The details have the same names in the events of all services; a code of a failure, and the outcome of a dispute, is its reason. */
function detailsOf(data: unknown): TimelineDetails {
  const { reason, code, outcome, amountMinor, currency, trackingRef } = data as Readonly<Record<string, unknown>>
  const why = reason ?? code ?? outcome
  return {
    ...(typeof why === 'string' ? { reason: why } : {}),
    ...(typeof amountMinor === 'number' ? { amountMinor } : {}),
    ...(typeof currency === 'string' && typeof amountMinor === 'number' ? { currency } : {}),
    ...(typeof trackingRef === 'string' ? { trackingRef } : {}),
  }
}

export function timelineOf({ events, orderId, customerRef }: TimelineDocument): Timeline {
  const about = { orderId, ...(customerRef === undefined ? {} : { customerRef }) }
  return { ...about, entries: inOrder(Object.entries(events).map(([eventId, event]) => ({ eventId, ...event }))) }
}

/**
 * By time. Clocks of two instances differ, so within one service `sequence` decides: an event counts as no earlier than
 * those before it.
 */
function inOrder(entries: readonly TimelineEntry[]): TimelineEntry[] {
  const latest = new Map<string, string>()
  return entries
    .toSorted((a, b) => a.sequence - b.sequence)
    .map((entry) => {
      const before = latest.get(entry.source) ?? ''
      const at = entry.time > before ? entry.time : before
      latest.set(entry.source, at)
      return { entry, at }
    })
    .toSorted((a, b) => compare(a.at, b.at) || compare(a.entry.source, b.entry.source))
    .map(({ entry }) => entry)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
