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
    entries: inOrder([...before.entries, entry]),
  }
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
