/** Rules as two pure functions: the decision on a command, and the state after an event. */

import { Unavailable } from '../base/errors.ts'
import type { Message } from '../contracts/message.ts'

export interface Decider<Command, State, Outcome, Recorded extends Message = Message> {
  readonly initial: State
  decide(command: Command, state: State): Outcome
  evolve(state: State, event: Recorded): State
}

/**
 * The state after all that was recorded: a stream takes nothing that breaks its service's contracts.
 * @throws Unavailable for an event of a later revision, whose meaning this one does not know.
 */
export function fold<State, Recorded extends Message>(
  { initial, evolve }: Pick<Decider<never, State, unknown, Recorded>, 'initial' | 'evolve'>,
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
