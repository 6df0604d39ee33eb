/** The two failures that are foreseen; everything else is a bug. */

/** What each stable code means in HTTP. */
export const httpStatus = {
  abandoned: 503,
  'body-too-large': 413,
  'currency-mismatch': 422,
  forbidden: 403,
  'idempotency-key-missing': 400,
  'idempotency-key-reused': 409,
  'invalid-body': 422,
  'invalid-json': 400,
  'invalid-message': 422,
  'invalid-parameter': 400,
  'method-not-allowed': 405,
  'not-found': 404,
  'nothing-to-retry': 409,
  overloaded: 503,
  'price-changed': 409,
  'rate-limited': 429,
  'signature-invalid': 401,
  'token-expired': 401,
  'token-invalid': 401,
  'token-missing': 401,
  unavailable: 503,
  'unknown-sku': 422,
  'unsupported-media-type': 415,
} as const satisfies Record<string, number>

export type Code = keyof typeof httpStatus

/** The rules say no: the caller hears why; a message is acknowledged. */
export class Refused extends Error {
  readonly code: Code

  constructor(code: Code, detail: string) {
    super(detail)
    this.name = 'Refused'
    this.code = code
  }
}

/** Not now: the caller hears when to come back; a message is delivered again. */
export class Unavailable extends Error {
  readonly retryAfterSeconds: number

  constructor(detail: string, options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {}) {
    super(detail, { cause: options.cause })
    this.name = 'Unavailable'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
  }
}

/** Refused for now, to this caller: the answer says when to come back. */
export class Limited extends Refused {
  readonly retryAfterSeconds: number

  constructor(detail: string, retryAfterSeconds: number, code: Code = 'rate-limited') {
    super(code, detail)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export function refuseIf(condition: boolean, code: Code, detail: string): void {
  if (condition) throw new Refused(code, detail)
}
