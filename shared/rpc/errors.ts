/** Problems as the statuses of remote procedures, with the details of `google.rpc`: one table for every code. */

import { Code, ConnectError } from '@connectrpc/connect'
import type { PlatformCode, Violation } from '../base/errors.ts'
import { googleMessage } from './google-protos.ts'

/** Of the problem document of REST. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly [member: string]: unknown
}

/** HTTP status → status. A code of a service has that of its HTTP status. */
const byStatus: Readonly<Record<number, Code>> = {
  400: Code.InvalidArgument,
  401: Code.Unauthenticated,
  402: Code.FailedPrecondition,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  405: Code.Unimplemented,
  408: Code.DeadlineExceeded,
  409: Code.FailedPrecondition,
  410: Code.Unimplemented,
  412: Code.FailedPrecondition,
  413: Code.ResourceExhausted,
  415: Code.InvalidArgument,
  422: Code.InvalidArgument,
  428: Code.FailedPrecondition,
  429: Code.ResourceExhausted,
  431: Code.ResourceExhausted,
  499: Code.Canceled,
  503: Code.Unavailable,
  504: Code.DeadlineExceeded,
}

/** Where the status alone would mislead a client that retries by it. */
const byCode: Readonly<Partial<Record<PlatformCode, Code>>> = {
  'deadline-exceeded': Code.DeadlineExceeded,
  'idempotency-key-reused': Code.AlreadyExists,
}

export const statusOf = ({ status, code }: Pick<Problem, 'status' | 'code'>): Code =>
  (Object.hasOwn(byCode, code) && byCode[code as PlatformCode]) ||
  (byStatus[status] ?? (status >= 500 ? Code.Internal : Code.FailedPrecondition))

/** The domain of every `google.rpc.ErrorInfo`. */
const DOMAIN = 'millrace'
/** `rate-limited` → `RATE_LIMITED`, as `ErrorInfo.reason` is written; the metadata has the code itself. */
const reasonOf = (code: string): string => code.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')

/** @param retryAfterSeconds of the header. @param violations The fields of the request that its schema refused. */
export function errorOf(
  { code, detail, status, ...members }: Problem,
  retryAfterSeconds: number | undefined,
  violations: readonly Violation[] = [],
): ConnectError {
  const more = Object.entries(members).filter(
    ([name, value]) =>
      !['type', 'title', 'instance'].includes(name) && ['string', 'number', 'boolean'].includes(typeof value),
  )
  const metadata = { code, ...Object.fromEntries(more.map(([name, value]) => [name, String(value)])) }
  return new ConnectError(detail, statusOf({ status, code }), undefined, [
    { desc: googleMessage('google.rpc.ErrorInfo'), value: { reason: reasonOf(code), domain: DOMAIN, metadata } },
    ...(violations.length > 0
      ? [{ desc: googleMessage('google.rpc.BadRequest'), value: { fieldViolations: violations } }]
      : []),
    ...(retryAfterSeconds === undefined
      ? []
      : [
          {
            desc: googleMessage('google.rpc.RetryInfo'),
            value: { retryDelay: { seconds: BigInt(retryAfterSeconds), nanos: 0 } },
          },
        ]),
  ])
}
