/** What happened to an order, whatever order it is told in: each event is one fact, keyed by its id. */

import type { Envelope } from '../../shared/envelope.ts'

export interface TimelineEntry {
  readonly eventId: string
  readonly type: string
  readonly source: string
  readonly time: string
  readonly sequence: number
}

export interface Timeline {
  readonly orderId: string
  readonly customerRef?: string
  readonly entries: readonly TimelineEntry[]
}

/** An order has about ten events; one that is asked to repeat has no more. */
const MOST_ENTRIES = 1_000

/** The timeline with this event in its place; undefined when it was told before. */
export function told(timeline: Timeline | undefined, event: Envelope): Timeline | undefined {
  const before = timeline ?? { orderId: event.correlationId, entries: [] }
  if (before.entries.length >= MOST_ENTRIES || before.entries.some(({ eventId }) => eventId === event.id))
    return undefined
  const entry = {
    eventId: event.id,
    type: event.type,
    source: event.source,
    time: event.time,
    sequence: event.sequence,
  }
  const customerRef =
    event.type === 'order.placed' ? (event.data as { customerRef: string }).customerRef : before.customerRef
  return {
    ...before,
    ...(customerRef === undefined ? {} : { customerRef }),
    entries: [...before.entries, entry].toSorted(byTime),
  }
}

/** Events of one service keep their order even when they were decided in the same millisecond. */
function byTime(a: TimelineEntry, b: TimelineEntry): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  if (a.source !== b.source) return a.source < b.source ? -1 : 1
  return a.sequence - b.sequence
}
