/** Customers and staff in whole runs: they repeat an order until it is answered, and check their orders at intervals. */

import type { OrderRequest, World } from './world.ts'

/** A customer retries with the same key until there is an answer. @returns the id of the order */
export async function placedInTheEnd(world: World, order: OrderRequest): Promise<string> {
  let answer = await world.place(order)
  while (answer.status >= 500) {
    await world.run({ forMs: 5_000 })
    answer = await world.place(order)
  }
  return answer.orderId
}

/** At intervals people act, from the first one on. @returns the end of it */
export function rounds({ schedule }: World, everyMs: number, act: (round: number) => void): () => void {
  let ended = false
  const next = (round: number): void => {
    let isDone = false
    const handle = async (): Promise<boolean> => {
      // A repeated delivery of the timer begins no second series.
      if (isDone || ended) return true
      isDone = true
      act(round)
      next(round + 1)
      return true
    }
    schedule.add({ kind: 'timer', to: 'people', type: 'round', dueMs: schedule.now() + everyMs, handle })
  }
  next(1)
  return () => void (ended = true)
}
