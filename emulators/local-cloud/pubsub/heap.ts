/** A binary min-heap by time: what falls due next, in O(log n). */

export class Heap<Item extends { readonly atMs: number }> {
  #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  peek(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]!
      if (above.atMs <= item.atMs) break
      items[at] = above
      at = parent
    }
    items[at] = item
  }

  pop(): Item | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (first !== undefined && last !== undefined && items.length > 0) this.#sink(last)
    return first
  }

  /** Throws away what no longer counts; callers do it when most of the heap is stale. */
  keep(counts: (item: Item) => boolean): void {
    const kept = this.#items.filter(counts)
    this.#items = []
    for (const item of kept) this.push(item)
  }

  clear(): void {
    this.#items = []
  }

  #sink(item: Item): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && items[child + 1]!.atMs < items[child]!.atMs) child++
      if (items[child]!.atMs >= item.atMs) break
      items[at] = items[child]!
      at = child
    }
    items[at] = item
  }
}
