/** What goes wrong in a run, and how often: chances between 0 and 1. */

import type { Random } from 'local-google-cloud/host'

export interface Faults {
  /** Until a message or task arrives, at most: they overtake each other. */
  readonly latencyMs: number
  /** One that takes up to so long instead: longer than any step of a saga may take. */
  readonly slow: number
  readonly slowMs: number
  /** A message or note comes twice. */
  readonly duplicate: number
  /** It was done, and is tried again all the same. */
  readonly ackLost: number
  readonly publishFails: number
  readonly publishAnswerLost: number
  readonly sendFails: number
  readonly partnerUnavailable: number
  /** It took effect, and the reply is lost. */
  readonly partnerAnswerLost: number
  /** A process dies at a point where another task may run first. */
  readonly crash: number
  /** It is frozen there, and goes on when others have done its work. */
  readonly pause: number
  readonly pauseMs: number
}

export const noFaults: Faults = {
  latencyMs: 0,
  slow: 0,
  slowMs: 0,
  duplicate: 0,
  ackLost: 0,
  publishFails: 0,
  publishAnswerLost: 0,
  sendFails: 0,
  partnerUnavailable: 0,
  partnerAnswerLost: 0,
  crash: 0,
  pause: 0,
  pauseMs: 0,
}

/**
 * Some kinds not at all, others often: a run with a little of everything would never see what takes a lot of one kind.
 */
export function someFaults(random: Random): Faults {
  const chance = (most: number): number => (random.next() < 0.4 ? 0 : random.next() * most)
  const upTo = (most: number): number => Math.floor(random.next() * most)
  return {
    latencyMs: upTo(60_000),
    slow: chance(0.1),
    slowMs: upTo(7_200_000),
    duplicate: chance(0.3),
    ackLost: chance(0.2),
    publishFails: chance(0.2),
    publishAnswerLost: chance(0.2),
    sendFails: chance(0.2),
    partnerUnavailable: chance(0.4),
    partnerAnswerLost: chance(0.3),
    crash: chance(0.25),
    pause: chance(0.2),
    pauseMs: upTo(3_600_000),
  }
}
