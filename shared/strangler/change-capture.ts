/** Change capture by an outbox: rows that a transaction wrote beside its data are published in their order, and removed afterwards. */

/** A row of the outbox. */
export interface Change {
  /** Grows with each change. */
  readonly sequence: number
}

export interface Outbox<C extends Change> {
  /** The oldest changes. */
  read(limit: number): readonly C[]
  /** Removes those up to and with this one. */
  remove(sequence: number): void
}

/** Changes in one call of `publish`. */
const BATCH_CHANGES = 100

/**
 * Publishes all changes. A change whose removal is lost is published again: receivers get each at least once, in order.
 * @param publish settles when all are stored by the receiver
 * @returns how many
 */
export async function relayChanges<C extends Change>(
  outbox: Outbox<C>,
  publish: (changes: readonly C[]) => Promise<void>,
): Promise<number> {
  let count = 0
  for (;;) {
    const changes = outbox.read(BATCH_CHANGES)
    const last = changes.at(-1)
    if (!last) return count
    await publish(changes)
    outbox.remove(last.sequence)
    count += changes.length
  }
}
