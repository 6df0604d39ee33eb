/** The state of a saga as its owner records it, and as operators read it. */

import { z } from 'zod'
import { reference, timestamp } from '../base/fields.ts'
import { MAX_COMPENSATION_ATTEMPTS, type SagaState, STUCK_FROM_ATTEMPT } from './saga.ts'

const compensations = z.array(
  z.strictObject({ step: reference, attempt: z.int().min(0), nextRetryAtMs: z.int().exactOptional() }),
)
/** `SagaState` of the engine, for the contract of the recorded event that holds it. */
export const sagaState = z.discriminatedUnion('phase', [
  z.strictObject({
    phase: z.literal('running'),
    version: z.int().min(1),
    step: reference,
    /** The time of the step's timeout: the name is stored. */
    deadlineMs: z.int(),
    isExtended: z.literal(true).exactOptional(),
    attempt: z.int().min(2).exactOptional(),
    personUntilMs: z.int().exactOptional(),
    isPersonsTurn: z.literal(true).exactOptional(),
    failure: reference.exactOptional(),
    isInquiring: z.literal(true).exactOptional(),
    compensations,
  }),
  z.strictObject({ phase: z.literal('committed'), version: z.int().min(1), compensations }),
  z.strictObject({ phase: z.literal('compensating'), version: z.int().min(1), compensations }),
])

/** A step or compensation that a saga waits for. */
export const sagaWait = z.object({
  step: reference,
  /** How often it was requested. */
  attempt: z.int().min(0),
  /** When the saga acts on it by itself. */
  until: timestamp.nullable(),
})
export type SagaWait = z.output<typeof sagaWait>

/** The messages that the saga waits for; none once it has committed or is compensated. */
export function waitsOf(saga: SagaState): SagaWait[] {
  if (saga.phase === 'running') return [{ step: saga.step, attempt: saga.attempt ?? 1, until: timeOf(saga.deadlineMs) }]
  return saga.compensations
    .filter(({ nextRetryAtMs }) => nextRetryAtMs !== undefined)
    .map(({ step, attempt, nextRetryAtMs }) => ({
      step: `compensate ${step}`,
      attempt,
      until: attempt < MAX_COMPENSATION_ATTEMPTS ? timeOf(nextRetryAtMs) : null,
    }))
}

/** True for a saga that an operator should look at. */
export const isStuck = (waits: readonly SagaWait[], fromAttempt = STUCK_FROM_ATTEMPT): boolean =>
  waits.some(({ attempt }) => attempt >= fromAttempt)

export const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())
