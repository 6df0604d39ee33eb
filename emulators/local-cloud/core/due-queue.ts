/** A queue by due time, and first in, first out for equal or absent times. */

/** Above this many items a queue is cleaned of those that no longer count, once most of it is new since the last time. */
const CLEAN_ABOVE = 1000

interface Due<Item> {
  readonly item: Item
  readonly atMs: number
  readonly order: number
}

/** `add` and `take` cost O(log n). Nothing is removed from the middle: an item that no longer counts is skipped. */
export class DueQueue<Item> {
  readonly #counts: ((item: Item, atMs: number) => boolean) | undefined
  /** A binary heap: each item before its children, at 2n + 1 and 2n + 2. */
  #heap: Due<Item>[] = []
  #order = 0
  #cleanAbove = CLEAN_ABOVE

  /** `counts`: whether an item is still the one that waits until that time (default: each is). */
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
      // Sorted is a heap, too.
      this.#heap = this.#heap.filter(this.#stillCounts).toSorted((a, b) => (isBefore(a, b) ? -1 : 1))
      this.#cleanAbove = Math.max(CLEAN_ABOVE, this.#heap.length * 2)
    }
    this.#rise({ item, atMs, order: this.#order++ })
  }

  /** The first that counts. */
  first(): { readonly item: Item; readonly atMs: number } | undefined {
    while (this.#heap[0] && !this.#stillCounts(this.#heap[0])) this.#pop()
    return this.#heap[0]
  }

  /** Takes out the first that counts, if it is due by then. */
  take(untilMs = Infinity): Item | undefined {
    const first = this.first()
    if (!first || first.atMs > untilMs) return undefined
    this.#pop()
    return first.item
  }

  clear(): void {
    this.#heap = []
  }

  readonly #stillCounts = ({ item, atMs }: Due<Item>): boolean => this.#counts?.(item, atMs) ?? true

  #rise(due: Due<Item>): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent]!, due)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Due<unknown>, b: Due<unknown>): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
