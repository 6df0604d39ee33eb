/** The running side of a service: a handler for every event that it receives and every command that it accepts, and its public API. */

import type { Envelope } from '../contracts/envelope.ts'
import type { Platform } from './platform.ts'
import type { PublicApi } from './public-api.ts'

/** How a message came in. */
export interface Delivery {
  /** Pub/Sub's message id, or the task's name. */
  readonly messageId: string
  /** The CloudEvent's id, where the functions framework delivered it. */
  readonly cloudEventId?: string
}

export type Handler = (message: Envelope, platform: Platform, delivery: Delivery) => Promise<unknown>

/** Takes a request as the query's contract has it, returns status and body of an answer. */
export type QueryHandler = (
  request: never,
  platform: Platform,
) => Promise<{ readonly status: number; readonly body?: unknown }>

/** The actor of a submission, and the objects on which it may act. */
export interface Submitter {
  readonly actor: string
  /** False for an object of another subject than the one that the submission is limited to. A limited submission is answered only if its check asked. */
  mayActOn(subject: string): boolean
}

/**
 * Looks whether a submitted command has an object that takes it. @throws Refused with `not-found` or a code in the command's
 * `refuses`, before its key is recorded. A submission whose key is recorded was taken: its repeat is answered as before.
 */
export type SubmissionCheck = (data: never, platform: Platform, submitter: Submitter) => Promise<void>

export interface ServiceApp {
  readonly on: Readonly<Record<string, Handler>>
  readonly commands: Readonly<Record<string, Handler>>
  readonly queries?: Readonly<Record<string, QueryHandler>>
  /** By command: a check before the submission is answered 202. */
  readonly checksSubmitted?: Readonly<Record<string, SubmissionCheck>>
  /** A public service has one, an internal one none. No service has other routes. */
  readonly publicApi?: PublicApi
}
