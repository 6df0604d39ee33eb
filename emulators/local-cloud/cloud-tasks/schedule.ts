/** Tasks of one queue by the time they are due: a binary heap in which a task may be taken out by its name. */

interface Entry {
  readonly name: string
  readonly dueMs: number
  readonly order: number
}

export interface Schedule {
  add(name: string, dueMs: number): void
  remove(name: string): void
  first(): { readonly name: string; readonly dueMs: number } | undefined
  takeFirst(): void
  clear(): void
  readonly size: number
}

export function schedule(): Schedule {
  const heap: Entry[] = []
  const live = new Map<string, Entry>()
  let order = 0
  const before = (a: Entry, b: Entry): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

  const up = (from: number): void => {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!before(heap[at]!, heap[parent]!)) return
      ;[heap[at], heap[parent]] = [heap[parent]!, heap[at]!]
      at = parent
    }
  }
  const down = (): void => {
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left
      if (right < heap.length && before(heap[right]!, heap[least]!)) least = right
      if (least === at) return
      ;[heap[at], heap[least]] = [heap[least]!, heap[at]!]
      at = least
    }
  }
  const pop = (): void => {
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    down()
  }
  /** What was taken out by name is passed over when it comes up. */
  const skipDead = (): void => {
    while (heap.length > 0 && live.get(heap[0]!.name) !== heap[0]) pop()
  }

  return {
    add(name, dueMs) {
      const entry = { name, dueMs, order: order++ }
      live.set(name, entry)
      heap.push(entry)
      up(heap.length - 1)
    },
    remove: (name) => void live.delete(name),
    first() {
      skipDead()
      return heap[0]
    },
    takeFirst() {
      skipDead()
      if (heap[0]) live.delete(heap[0].name)
      if (heap.length > 0) pop()
    },
    clear() {
      heap.length = 0
      live.clear()
    },
    get size() {
      return live.size
    },
  }
}
