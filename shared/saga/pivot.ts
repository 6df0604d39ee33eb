/** The rule of every saga: its owner publishes nothing that implies success before the pivot. The streams apply it to each commit. */

import type { Message } from '../contracts/message.ts'
import type { Saga } from './definition.ts'
import type { SagaState } from './saga.ts'

/** A service's saga, and its state in the events that the service records. */
export interface RecordedSaga {
  readonly definition: Pick<Saga<never>, 'name' | 'successEvents'>
  /** The state that a recorded event has; undefined for any other event. */
  readonly stateIn: (event: never) => SagaState | undefined
}

/**
 * @param before The events of the whole stream, in their present versions; called only for a commit that implies success.
 * @throws Error for a commit that implies success while the saga has never been committed: others would learn of a success that may be compensated
 */
export function checkPivot(
  { definition, stateIn }: RecordedSaga,
  commit: readonly Message[],
  before: () => readonly Message[],
): void {
  const early = commit.find(({ type }) => definition.successEvents.includes(type))
  if (!early) return
  // The description's type ties the function to the service's own events.
  const phaseIn = (event: Message): string | undefined => stateIn(event as never)?.phase
  if ([...commit, ...before()].some((event) => phaseIn(event) === 'committed')) return
  throw new Error(
    `${early.type} implies success, and the saga ${definition.name} has not reached its pivot: record the event in the commit whose transition has the outcome "committed", or later.`,
  )
}
