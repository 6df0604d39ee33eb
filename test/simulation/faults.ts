/** What goes wrong in a run, and how often: chances between 0 and 1. */

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
  /** It took effect, and nobody hears. */
  readonly partnerAnswerLost: number
  /** A process dies at one of the places where somebody else may go first. */
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

export const manyFaults: Faults = {
  latencyMs: 20_000,
  slow: 0.04,
  slowMs: 1_800_000,
  duplicate: 0.1,
  ackLost: 0.05,
  publishFails: 0.05,
  publishAnswerLost: 0.05,
  sendFails: 0.05,
  partnerUnavailable: 0.1,
  partnerAnswerLost: 0.1,
  crash: 0.08,
  pause: 0.05,
  pauseMs: 600_000,
}
