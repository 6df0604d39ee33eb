/** The two parts of a message that a decision makes; the envelope adds id, time, trace and sequence. */

/** An event or a command as a decision makes it. */
export interface Message {
  readonly type: string
  readonly data: unknown
}

export interface OutgoingCommand extends Message {
  /** Not before this time, in milliseconds since the epoch; absent: at once. */
  readonly notBeforeMs?: number
  /** Identifies it within its stream, independent of its cause: the same key is the same command (a timer's deadline). */
  readonly key?: string
  /** The service of a RepublishEvents; every other command has one owner. */
  readonly target?: string
}
