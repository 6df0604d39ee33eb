/** The faults of a run with their probabilities between 0 and 1. */

import type { Random } from 'local-google-cloud/host'

export interface Faults {
  /** The maximum delay of a message or task, by which they overtake each other. */
  readonly latencyMs: number
  /** The probability of a delay up to `slowMs`, which exceeds every timeout of a step. */
  readonly slow: number
  readonly slowMs: number
  /** A message or webhook is delivered twice. */
  readonly duplicate: number
  /** The delivery succeeded, and is repeated because its acknowledgement was lost. */
  readonly ackLost: number
  readonly publishFails: number
  readonly publishAnswerLost: number
  readonly sendFails: number
  readonly partnerUnavailable: number
  /** The call had its effect, and the answer is lost. */
  readonly partnerAnswerLost: number
  /** A process is killed at a point where another activity may run. */
  readonly crash: number
  /** A process is paused there, and continues after others have done its work. */
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
 * Some kinds never, others often: a run with few faults of every kind would miss states that need many of one kind.
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

const SHORT_MS = 5 * 60_000

/** Where parcels are taken back within an hour: faults that are longer are those of a cloud that does not run. */
export const shortly = (faults: Faults): Faults => ({
  ...faults,
  slowMs: Math.min(faults.slowMs, SHORT_MS),
  pauseMs: Math.min(faults.pauseMs, SHORT_MS),
  partnerUnavailable: Math.min(faults.partnerUnavailable, 0.2),
  partnerAnswerLost: Math.min(faults.partnerAnswerLost, 0.2),
})
