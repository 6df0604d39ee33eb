/** How the handler of a public operation answers. It has no access to unchecked parts of the request. */

import type { SecurityEvent } from '../signals/security-log.ts'

/** A list of events that grows, in its order. */
export interface EventList {
  readonly events: readonly { readonly id: string; readonly data: object }[]
  /** No event follows. */
  readonly isComplete: boolean
}

export interface OperationContext {
  /** Caller, address and route, as far as they are verified, for the security log. */
  readonly request: Pick<SecurityEvent, 'subject' | 'address' | 'route'>
  /** The path of the request, as a problem document names it. */
  readonly instance: string
  /** For how long the caller of an operation that `submits` waits for the outcome of its command; 0: not at all. */
  readonly waitSeconds: number
  /** By `If-Match`, of an operation that `checksVersion`: the version of the object that its caller has seen. */
  readonly expectedVersion: number | undefined
  /** Sets a header of the answer that is made after it. */
  header(name: string, value: string): void
  /** Fields that the operation does not declare are left out. @throws Error for a status or body that the operation does not declare. */
  json(body: object, status: number): Response
  /** @throws Error for a status that the operation does not declare, or declares with a body. */
  empty(status: 204): Response
  /** Answers a text that its owner has checked already; only the status is checked. @throws Error for a status that the operation does not declare. */
  checked(text: string, status: number, contentType: string): Response
  /**
   * Answers with the events of the list, those that follow included, for an operation that `streams`. `read` is called again and
   * again, also after the deadline of the request. @throws Limited; what `read` throws at first
   */
  events(read: () => Promise<EventList>): Promise<Response>
  /** The problem document of a refusal by the service that owns the rule. */
  problem(document: object, status: number): Response
}
