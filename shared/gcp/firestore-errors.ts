/** Classifies an error of Firestore's client: a lost race, a transient failure, or a bug. */

import { Unavailable } from '../base/errors.ts'

/** NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED: a concurrent write came first. */
const lostRace = new Set<unknown>([5, 6, 9, 10])
/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE */
const passing = new Set<unknown>([1, 2, 4, 8, 10, 13, 14])

const busy = new Set<unknown>([8, 10, 14])

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code

/** A call that failed although it may succeed when it is repeated. */
export const isPassing = (error: unknown): boolean => passing.has(codeOf(error))

/** RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE: contention, say. The client itself repeats a batch of writes for these. */
export const isBusy = (error: unknown): boolean => busy.has(codeOf(error))

/** A request that is refused whatever is stored: of several writes, one may be the reason. */
export const isInvalid = (error: unknown): boolean => codeOf(error) === 3

export const isNotFound = (error: unknown): boolean => codeOf(error) === 5

/** ALREADY_EXISTS, to a create. */
export const isAlreadyThere = (error: unknown): boolean => codeOf(error) === 6

export const isLostRace = (error: unknown): boolean => lostRace.has(codeOf(error))

/** A request that Firestore refuses is a bug; an unavailable Firestore is not. */
export function unavailable(error: unknown): unknown {
  return isPassing(error) ? new Unavailable('Firestore does not answer.', { cause: error }) : error
}

/** @throws Unavailable when Firestore can't be asked. */
export async function available<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw unavailable(error)
  }
}
