/** Natural batching: an item that is alone goes immediately; those that come while a call is under way go together in the next. */

/** Of one item of a call. */
export type Answer<Result> = { readonly value: Result } | { readonly error: unknown }

interface BatchOptions<Item> {
  readonly maxItems: number
  /** Of the sizes of all items of a call. One item may be larger. */
  readonly maxSize: number
  /** Whether one item of a call may be the reason of this error of the whole call. */
  isOfOneItem(error: unknown): boolean
  /** Whether an item with this error of its own may succeed in a call alone, which `send` repeats where it repeats none of several. */
  mayPassAlone?(error: unknown): boolean
  /** Items with the same key do not go in one call, unless they can be combined. Absent: all may. */
  keyOf?(item: Item): string
  /** One item that does what these two do, in this order; undefined: the second waits for the next call. */
  combine?(first: Item, second: Item): Item | undefined
  /** The first call also takes what else comes in this turn of the event loop. */
  readonly isGathered?: boolean
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly size: number
  resolve(result: Result): void
  reject(error: unknown): void
}

/** One item of a call, and those that wait for its answer. */
interface Sent<Item, Result> {
  item: Item
  readonly parts: Waiting<Item, Result>[]
}

/**
 * One call at a time. Each item gets its own answer. A call that fails as a whole is sent again item by item, if `isOfOneItem` says
 * that one may be the reason, so that each item gets the answer that it would have got alone; so are the parts of a combined item.
 * @param send resolves with an answer for each item, in their order
 */
export function createBatches<Item, Result>(
  send: (items: readonly Item[]) => Promise<readonly Answer<Result>[]>,
  { maxItems, maxSize, isOfOneItem, mayPassAlone, keyOf, combine, isGathered = false }: BatchOptions<Item>,
): (item: Item, size: number) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = []
  let isSending = false

  /** The items of the next call. Those with the same key keep their order. */
  const next = (): Sent<Item, Result>[] => {
    const batch: Sent<Item, Result>[] = []
    const byKey = new Map<string, Sent<Item, Result>>()
    const later = new Set<string>()
    const left: Waiting<Item, Result>[] = []
    let size = 0
    for (const [index, one] of waiting.entries()) {
      if (batch.length === maxItems || (batch.length > 0 && size + one.size > maxSize)) {
        left.push(...waiting.slice(index))
        break
      }
      const key = keyOf?.(one.item)
      const same = key === undefined ? undefined : byKey.get(key)
      const item = same ? (later.has(key!) ? undefined : combine?.(same.item, one.item)) : one.item
      if (item === undefined) {
        later.add(key!)
        left.push(one)
        continue
      }
      size += one.size
      if (same) {
        same.item = item
        same.parts.push(one)
        continue
      }
      const sent = { item, parts: [one] }
      batch.push(sent)
      if (key !== undefined) byKey.set(key, sent)
    }
    waiting = left
    return batch
  }
  const eachAlone = (parts: readonly Waiting<Item, Result>[]): Promise<unknown> =>
    Promise.all(parts.map((part) => deliver([{ item: part.item, parts: [part] }])))
  const settle = async ({ parts }: Sent<Item, Result>, answer: Answer<Result>, hadOthers: boolean): Promise<void> => {
    if ('value' in answer) for (const { resolve } of parts) resolve(answer.value)
    else if (parts.length > 1 && isOfOneItem(answer.error)) await eachAlone(parts)
    else if (hadOthers && mayPassAlone?.(answer.error)) await eachAlone(parts)
    else for (const { reject } of parts) reject(answer.error)
  }
  const deliver = async (batch: readonly Sent<Item, Result>[]): Promise<void> => {
    try {
      const answers = await send(batch.map(({ item }) => item))
      if (answers.length !== batch.length) throw new Error(`${batch.length} items have ${answers.length} answers.`)
      await Promise.all(batch.map((sent, index) => settle(sent, answers[index]!, batch.length > 1)))
    } catch (error) {
      const parts = batch.flatMap((sent) => sent.parts)
      if (parts.length > 1 && isOfOneItem(error)) await eachAlone(parts)
      else for (const { reject } of parts) reject(error)
    }
  }
  const drain = async (): Promise<void> => {
    isSending = true
    if (isGathered) await new Promise((resolve) => setImmediate(resolve))
    while (waiting.length > 0) await deliver(next())
    isSending = false
  }
  return (item, size) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, size, resolve, reject })
      if (!isSending) void drain()
    })
}

/** The answers to a call that does the same for all of its items. */
export const sameForAll = <Result>(items: readonly unknown[], value: Result): Answer<Result>[] =>
  items.map(() => ({ value }))
