/** The schedule of deliveries, tasks, webhooks and timers, in virtual time. */

import type { Envelope } from '../../../shared/contracts/envelope.ts'

export interface Item {
  readonly kind: 'event' | 'command' | 'webhook' | 'timer'
  /** The service it is for. */
  readonly to: string
  readonly type: string
  /** Absent for webhooks, timers and malformed messages. */
  readonly envelope?: Envelope
  readonly order: number
  dueMs: number
  /** The number of earlier attempts. */
  attempts: number
  /** Resolves with false if it must be retried. */
  readonly handle: (item: Item) => Promise<boolean>
}

export type Selector = (item: Item) => boolean

/** Messages of a type to a service. */
export const to =
  (service: string, type: string): Selector =>
  (item) =>
    item.to === service && item.type === type

export interface Hold {
  /** The items that it holds. */
  held(): readonly Item[]
  release(): void
}

export interface VirtualSchedule {
  readonly items: Item[]
  now(): number
  add(item: Omit<Item, 'order' | 'attempts'>): Item
  /** The due items that are not held, oldest first. */
  due(): Item[]
  take(item: Item): void
  /** The time of the next item that is not held; undefined without one. */
  nextMs(): number | undefined
  advanceTo(ms: number): void
  /** Holds matching items, later ones included. */
  hold(selector: Selector): Hold
}

export function createSchedule(startMs: number): VirtualSchedule {
  let nowMs = startMs
  let order = 0
  const items: Item[] = []
  const holds = new Set<Selector>()
  const isFree = (item: Item): boolean => ![...holds].some((selector) => selector(item))
  const inOrder = (a: Item, b: Item): number => a.dueMs - b.dueMs || a.order - b.order
  return {
    items,
    now: () => nowMs,
    add(given) {
      const item: Item = { ...given, order: order++, attempts: 0 }
      items.push(item)
      return item
    },
    due: () => items.filter((item) => item.dueMs <= nowMs && isFree(item)).toSorted(inOrder),
    take(item) {
      const at = items.indexOf(item)
      if (at < 0) throw new Error(`${item.type} to ${item.to} is not scheduled.`)
      items.splice(at, 1)
    },
    nextMs() {
      const times = items.filter(isFree).map(({ dueMs }) => dueMs)
      return times.length === 0 ? undefined : Math.min(...times)
    },
    advanceTo(ms) {
      nowMs = Math.max(nowMs, ms)
    },
    hold(selector) {
      const own: Selector = (item) => selector(item)
      holds.add(own)
      return { held: () => items.filter(own), release: () => void holds.delete(own) }
    },
  }
}
