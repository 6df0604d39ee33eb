/** W3C trace context: https://www.w3.org/TR/trace-context/ */

import { randomBytes } from 'node:crypto'

const shape = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The trace of a traceparent; a broken one begins a new trace, as the recommendation asks. */
export function continued(traceparent: string | undefined): string {
  const parts = shape.exec(traceparent ?? '')
  const traceId = parts && !/^0+$/.test(parts[1]!) ? parts[1]! : randomBytes(16).toString('hex')
  return `00-${traceId}-${randomBytes(8).toString('hex')}-${parts?.[3] ?? '01'}`
}

/** The span of what was decided in a trace: derived, so that a repeat has the same. */
export const childOf = (traceparent: string, decisionId: string): string =>
  `${traceparent.slice(0, 36)}${decisionId.replaceAll('-', '').slice(0, 16)}${traceparent.slice(52)}`

export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35)
export const spanIdOf = (traceparent: string): string => traceparent.slice(36, 52)
