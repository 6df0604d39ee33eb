/** Writes refused requests to the security log, in the one place where every service's refusals become answers. */

import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'
import { type Evidence, Refused } from '../base/errors.ts'
import type { SecurityEvent, SecurityLog } from '../telemetry/security-log.ts'

declare module 'hono' {
  /** The verified properties of the caller of a request. */
  interface ContextVariableMap {
    /** `ROLE:SUBJECT`, as `staff:jo`, once the token is verified. */
    subject?: string
    /** The network address, as the edge reads it. */
    address?: string
  }
}

/** The pattern of the request's route, never its path, because clients can send any number of paths. */
export const routeOf = (c: Context): string | undefined =>
  matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))?.path

/** A service refused to take a delivery or a query from the account, or the token, that asked. */
export function noteCallerRefused(security: SecurityLog, error: unknown, route: string | undefined): void {
  if (!(error instanceof Refused)) return
  security({ event: 'caller-refused', outcome: 'refused', reason: error.message, route, ...defined(error.evidence) })
}

/**
 * Of an error that is no refusal, or of a refusal that says nothing about security, it writes nothing. What an internal
 * service refuses for its content is noted by the service that hands the answer on; only what names an event is noted.
 */
export function noteRefusal(security: SecurityLog, c: Context, { error, isInternal }: Failure): void {
  if (!(error instanceof Refused) || (isInternal && error.evidence.event === undefined)) return
  noteProblem(security, c, {
    code: error.code,
    isSecurityEvent: error.isSecurityEvent,
    reason: error.message,
    ...error.evidence,
  })
}

interface Failure {
  readonly error: unknown
  readonly isInternal: boolean
}

export interface Problem extends Evidence {
  readonly code: string
  readonly isSecurityEvent: boolean
  readonly reason: string
}

/** The same for a problem that another service answered and this one hands on. */
export function noteProblem(
  security: SecurityLog,
  c: Context,
  { code, isSecurityEvent, reason, event, ...evidence }: Problem,
): void {
  if (event === undefined && !isSecurityEvent) return
  security({ event: event ?? code, outcome: 'refused', reason, ...requestOf(c), ...defined(evidence) })
}

/** The caller, address and route of a request, as far as its checks have verified them. */
export const requestOf = (c: Context): Pick<SecurityEvent, 'subject' | 'address' | 'route'> => ({
  subject: c.get('subject'),
  address: c.get('address'),
  route: routeOf(c),
})

const defined = (evidence: Evidence): Evidence =>
  Object.fromEntries(Object.entries(evidence).filter(([, value]) => value !== undefined))
