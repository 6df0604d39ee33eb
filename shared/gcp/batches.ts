/** Natural batching: an item that is alone goes immediately; those that come while a call is under way go together in the next. */

interface Bounds {
  readonly maxItems: number
  /** One item may be larger. */
  readonly maxBytes: number
}

interface Waiting<Item> {
  readonly item: Item
  readonly bytes: number
  resolve(): void
  reject(error: unknown): void
}

/**
 * One call at a time. A batch that fails is sent again item by item, if `isOfOneItem` says that one item may be the reason, so that
 * each item gets the answer that it would have got alone.
 * @param send resolves when all items are stored
 */
export function createBatches<Item>(
  send: (items: readonly Item[]) => Promise<void>,
  { maxItems, maxBytes, isOfOneItem }: Bounds & { isOfOneItem(error: unknown): boolean },
): (item: Item, bytes: number) => Promise<void> {
  const waiting: Waiting<Item>[] = []
  let isSending = false

  const next = (): Waiting<Item>[] => {
    const batch = [waiting.shift()!]
    let bytes = batch[0]!.bytes
    while (waiting.length > 0 && batch.length < maxItems && bytes + waiting[0]!.bytes <= maxBytes) {
      bytes += waiting[0]!.bytes
      batch.push(waiting.shift()!)
    }
    return batch
  }
  const deliver = async (batch: readonly Waiting<Item>[]): Promise<void> => {
    try {
      await send(batch.map(({ item }) => item))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      if (batch.length > 1 && isOfOneItem(error)) return void (await Promise.all(batch.map((one) => deliver([one]))))
      for (const { reject } of batch) reject(error)
    }
  }
  const drain = async (): Promise<void> => {
    isSending = true
    while (waiting.length > 0) await deliver(next())
    isSending = false
  }
  return (item, bytes) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, bytes, resolve, reject })
      if (!isSending) void drain()
    })
}
