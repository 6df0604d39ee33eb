/** A stream's state: its recorded events, folded. */

import { Unavailable } from '../base/errors.ts'
import type { Message } from '../contracts/message.ts'

/** The state before the first event, and the pure function that makes the state after an event. */
interface Fold<State, Recorded extends Message> {
  readonly initial: State
  evolve(state: State, event: Recorded): State
}

/**
 * The state after all that was recorded: a stream takes nothing that breaks its service's contracts.
 * @throws Unavailable for an event of a later revision, whose meaning this one does not know.
 */
export function fold<State, Recorded extends Message>(
  { initial, evolve }: Fold<State, Recorded>,
  events: readonly Message[],
): State {
  return recordsOf<Recorded>(events).reduce<State>((state, event) => {
    const next: State | undefined = evolve(state, event)
    if (next === undefined) throw new Unavailable(`This revision does not know the recorded event ${event.type}.`)
    return next
  }, initial)
}

/** The recorded events, typed by the union of their contracts. */
export const recordsOf = <Recorded extends Message>(events: readonly Message[]): readonly Recorded[] =>
  events as readonly Recorded[]
