/** The two failures that are foreseen; everything else is a bug. */

/**
 * What each stable code means in HTTP. 499 is nginx's and Google's convention for a request whose client no longer waits:
 * no failure of this service, so no 5xx.
 */
export const httpStatus = {
  abandoned: 503,
  'body-too-large': 413,
  'body-too-slow': 408,
  'client-closed': 499,
  'currency-mismatch': 422,
  'deadline-exceeded': 499,
  forbidden: 403,
  'idempotency-key-missing': 400,
  'idempotency-key-reused': 409,
  'invalid-body': 422,
  'invalid-json': 400,
  'invalid-message': 422,
  'invalid-parameter': 400,
  'method-not-allowed': 405,
  'not-found': 404,
  'not-closable': 409,
  'nothing-to-retry': 409,
  overloaded: 503,
  'payment-method-refused': 422,
  'price-changed': 409,
  'rate-limited': 429,
  'second-factor-missing': 401,
  'signature-invalid': 401,
  'token-expired': 401,
  'token-invalid': 401,
  'token-missing': 401,
  'token-revoked': 401,
  'too-many-orders': 429,
  'too-many-pieces': 422,
  'too-many-prices': 409,
  'too-many-references': 409,
  'too-many-unpaid-orders': 409,
  'too-many-headers': 431,
  unavailable: 503,
  'unknown-reference': 422,
  'unknown-sku': 422,
  'unsupported-media-type': 415,
} as const satisfies Record<string, number>

export type Code = keyof typeof httpStatus

/** What the security log records of a refusal beside the answer. None of it is sent to the caller. */
export interface Evidence {
  /** Who the caller has proved to be; absent: the subject of the request, if any. */
  readonly subject?: string | undefined
  /** The key that the token or signature names; what it names is not verified. */
  readonly keyId?: string | undefined
  /** The refusal is a security event of this name, whatever its code: an order of another customer answers 404. */
  readonly event?: string
}

/** The rules reject it: a caller gets the reason; a message is acknowledged. */
export class Refused extends Error {
  readonly code: Code
  readonly evidence: Evidence

  constructor(code: Code, detail: string, evidence: Evidence = {}) {
    super(detail)
    this.name = 'Refused'
    this.code = code
    this.evidence = evidence
  }
}

/** A transient failure: a caller gets Retry-After; a message is redelivered. */
export class Unavailable extends Error {
  readonly retryAfterSeconds: number

  constructor(detail: string, options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {}) {
    super(detail, { cause: options.cause })
    this.name = 'Unavailable'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
  }
}

/** The request that this work belongs to has ended without an answer: that says nothing about a callee. */
export class Cancelled extends Unavailable {}

/** The deadline of the request has passed. */
export class DeadlineExceeded extends Cancelled {
  /** The caller of this service set it; otherwise it is this service's own limit. */
  readonly byCaller: boolean

  constructor(byCaller: boolean) {
    super('The time for this request is up.')
    this.name = 'DeadlineExceeded'
    this.byCaller = byCaller
  }
}

/** The client hung up before it had its answer. */
export class ClientClosed extends Cancelled {
  constructor() {
    super('The client hung up before it had its answer.')
    this.name = 'ClientClosed'
  }
}

/** Refused for now, to this caller: the answer says when to come back. */
export class Limited extends Refused {
  readonly retryAfterSeconds: number
  /** Which bound it is and how much of it is used, for programs: members of the problem document. */
  readonly bound: Bound | undefined

  constructor(detail: string, retryAfterSeconds: number, code: Code = 'rate-limited', bound?: Bound) {
    super(code, detail)
    this.retryAfterSeconds = retryAfterSeconds
    this.bound = bound
  }
}

export interface Bound {
  readonly bound: string
  readonly limit: number
  readonly used: number
}

export function refuseIf(condition: boolean, code: Code, detail: string): void {
  if (condition) throw new Refused(code, detail)
}
