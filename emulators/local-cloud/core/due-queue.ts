/** A queue by due time, and first in, first out for equal or absent times. */

import { Heap } from 'heap-js'

/** Above this many items the items that no longer count are removed, once most items are newer than the last removal. */
const CLEAN_ABOVE = 1000

interface Due<Item> {
  readonly item: Item
  readonly atMs: number
  readonly order: number
}

/** `add` and `take` cost O(log n). Nothing is removed from the middle: an item that no longer counts is skipped. */
export class DueQueue<Item> {
  readonly #counts: ((item: Item, atMs: number) => boolean) | undefined
  readonly #heap = new Heap<Due<Item>>(byTime)
  #order = 0
  #cleanAbove = CLEAN_ABOVE

  /** `counts`: whether an item still waits until that time (default: every item does). */
  constructor(counts?: (item: Item, atMs: number) => boolean) {
    this.#counts = counts
  }

  /** Items that no longer count included, as far as they are not passed over yet. */
  get size(): number {
    return this.#heap.length
  }

  add(item: Item, atMs = 0): void {
    const { length } = this.#heap
    if (this.#counts && length >= this.#cleanAbove) {
      this.#heap.init(this.#heap.toArray().filter(this.#stillCounts))
      this.#cleanAbove = Math.max(CLEAN_ABOVE, this.#heap.length * 2)
    }
    this.#heap.push({ item, atMs, order: this.#order++ })
  }

  /** The first that counts. */
  first(): { readonly item: Item; readonly atMs: number } | undefined {
    for (;;) {
      const due = this.#heap.peek()
      if (!due || this.#stillCounts(due)) return due
      this.#heap.pop()
    }
  }

  /** Takes out the first that counts, if it is due by then. */
  take(untilMs = Infinity): Item | undefined {
    const first = this.first()
    if (!first || first.atMs > untilMs) return undefined
    this.#heap.pop()
    return first.item
  }

  clear(): void {
    this.#heap.clear()
  }

  readonly #stillCounts = ({ item, atMs }: Due<Item>): boolean => this.#counts?.(item, atMs) ?? true
}

const byTime = (a: Due<unknown>, b: Due<unknown>): number => a.atMs - b.atMs || a.order - b.order
