/** Writes refused requests to the security log, in the one place where every service's refusals become answers. */

import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'
import { type Evidence, Refused } from '../base/errors.ts'
import type { SecurityEvent, SecurityLog } from '../signals/security-log.ts'

declare module 'hono' {
  /** The verified properties of the caller of a request. */
  interface ContextVariableMap {
    /** `ROLE:SUBJECT`, as `admin:jo`, once the token is verified. */
    subject?: string
    /** The network address, as the edge reads it. */
    address?: string
    /** The route of the operation that a part of the request asks for, in place of the request's own. */
    operationRoute?: string
  }
}

/** The pattern of the request's route, never its path, because clients can send any number of paths. */
export const routeOf = (c: Context): string | undefined =>
  c.get('operationRoute') ?? matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))?.path

/** A service refused a delivery or a query because of its caller's account or token. */
export function logCallerRefused(security: SecurityLog, error: unknown, route: string | undefined): void {
  if (!(error instanceof Refused)) return
  security({ event: 'caller-refused', outcome: 'refused', reason: error.message, route, ...defined(error.evidence) })
}

/**
 * Logs only refusals that concern security. When an internal service refuses a request for its content, the service that
 * relays the answer logs it; the internal service logs only refusals that name an event.
 */
export function logRefusal(security: SecurityLog, c: Context, { error, isInternal }: Failure): void {
  if (!(error instanceof Refused) || (isInternal && error.evidence.event === undefined)) return
  logProblem(security, requestOf(c), {
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

/** The same for a problem document of another service that this one relays. */
export function logProblem(
  security: SecurityLog,
  request: ReturnType<typeof requestOf>,
  { code, isSecurityEvent, reason, event, ...evidence }: Problem,
): void {
  if (event === undefined && !isSecurityEvent) return
  security({ event: event ?? code, outcome: 'refused', reason, ...request, ...defined(evidence) })
}

/** The caller, address and route of a request, as far as its checks have verified them. */
export const requestOf = (c: Context): Pick<SecurityEvent, 'subject' | 'address' | 'route'> => ({
  subject: c.get('subject'),
  address: c.get('address'),
  route: routeOf(c),
})

const defined = (evidence: Evidence): Evidence =>
  Object.fromEntries(Object.entries(evidence).filter(([, value]) => value !== undefined))
