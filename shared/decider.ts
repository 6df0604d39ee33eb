/** Rules as two pure functions: what follows from a command, and what an event makes of the state. */

import type { RecordedEvent } from './platform.ts'
import type { Message } from './message.ts'

export interface Decider<Command, State, Outcome> {
  readonly initial: State
  decide(command: Command, state: State): Outcome
  evolve(state: State, event: Message): State
}

/** The state after all that was recorded. */
export function fold<State>(
  decider: Pick<Decider<never, State, unknown>, 'initial' | 'evolve'>,
  events: readonly (Message | RecordedEvent)[],
): State {
  return events.reduce<State>((state, event) => decider.evolve(state, event), decider.initial)
}
