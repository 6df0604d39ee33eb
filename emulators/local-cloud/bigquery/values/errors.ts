/** BigQuery's errors: a reason and, where it is known, the place. https://cloud.google.com/bigquery/docs/error-messages */

import { type Code, type StatusDetail, StatusError } from '../../core/status.ts'

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'

/** @param location the option or the field that is refused: `configuration.query.continuous`. */
export function bigqueryError(
  reason: string,
  message: string,
  { code = 'INVALID_ARGUMENT', location }: { readonly code?: Code; readonly location?: string } = {},
): StatusError {
  const detail: StatusDetail = {
    '@type': ERROR_INFO,
    reason,
    domain: 'bigquery.googleapis.com',
    ...(location === undefined ? {} : { metadata: { location } }),
  }
  return new StatusError(code, message, [detail])
}

/** An INVALID_ARGUMENT of a query's text gets BigQuery's reason for it, any other error stays as it is. */
export function asQueryError(error: unknown): unknown {
  if (!(error instanceof StatusError) || error.code !== 'INVALID_ARGUMENT' || error.details.length > 0) return error
  return bigqueryError('invalidQuery', error.message, { location: 'q' })
}

/** The usual reason of a code without details. */
const reasons: Readonly<Record<string, string>> = {
  INVALID_ARGUMENT: 'invalid',
  NOT_FOUND: 'notFound',
  ALREADY_EXISTS: 'duplicate',
  FAILED_PRECONDITION: 'resourceInUse',
  DEADLINE_EXCEEDED: 'timeout',
  PERMISSION_DENIED: 'accessDenied',
  RESOURCE_EXHAUSTED: 'rateLimitExceeded',
  UNAVAILABLE: 'backendError',
}

/** An error's reason, place and message. */
function errorProto({ code, message, details }: StatusError) {
  const info = details.find(({ '@type': type }) => type === ERROR_INFO)
  const givenReason = info?.['reason']
  const reason = typeof givenReason === 'string' ? givenReason : (reasons[code] ?? 'internalError')
  const location = (info?.['metadata'] as { location?: string } | undefined)?.location
  return { reason, ...(location === undefined ? {} : { location }), message }
}

/** The status of a job whose query failed. */
export function failedStatus(error: StatusError): object {
  const errorResult = errorProto(error)
  return { state: 'DONE', errorResult, errors: [errorResult] }
}

/** An error as the REST API answers it. */
export function errorBody(error: StatusError): object {
  const proto = errorProto(error)
  const place = proto.location === undefined ? {} : { locationType: 'parameter' }
  return {
    error: {
      code: error.httpStatus,
      message: error.message,
      errors: [{ domain: 'global', ...proto, ...place }],
      status: error.code,
    },
  }
}
