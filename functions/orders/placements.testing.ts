/** Bounds of one customer that no test of another subject reaches. */

import type { Bounds } from './settings.ts'

export const testPlacing = (changes: Partial<Bounds> = {}): string =>
  JSON.stringify({
    ordersPerHour: 1_000,
    unpaidOrders: 100,
    unpaidPieces: 100_000,
    lapsedOrders: 100,
    ...changes,
  } satisfies Bounds)
