/** The two parts of a message that a decision makes; the envelope adds id, time, trace and sequence. */

import type { republishCommand } from '../base/names.ts'

/** An event or a command as a decision makes it. */
export interface Message {
  readonly type: string
  readonly data: unknown
}

export interface OutgoingCommand extends Message {
  /** Not before this time, in milliseconds since the epoch; absent: at once. */
  readonly notBeforeMs?: number
  /** Identifies it within its stream, independent of its cause: the same key is the same command (the time of a timer). */
  readonly key?: string
  /** The service of a RepublishEvents; every other command has one owner. */
  readonly target?: string
}

/** To the services in `requestsRepublishFrom`. */
export interface RepublishEvents extends OutgoingCommand {
  readonly type: typeof republishCommand
  readonly target: string
  readonly data: { readonly correlationId: string }
}

declare const isOfSaga: unique symbol
/** A command that the engine of sagas made: `defineSaga` has checked its name and the type of its data. */
export interface SagaCommand extends OutgoingCommand {
  readonly [isOfSaga]: true
}
