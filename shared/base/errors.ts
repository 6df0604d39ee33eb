/** The two failures that are foreseen; everything else is a bug. */

export interface CodeMeaning {
  /** The status of the HTTP answer. */
  readonly status: number
  /** Whether a refusal with this code is written to the security log. Absent: those with 401, 403 and 429 are. */
  readonly isSecurityEvent?: boolean
  /** Whether its answer has Retry-After: the same request may succeed later. Absent: those with 429 and 503 have. */
  readonly isForLater?: boolean
}

/** A stable code, by which programs decide. */
export interface DeclaredCode<Name extends string = string> extends Required<CodeMeaning> {
  readonly name: Name
}

const SECURITY_STATUSES: readonly number[] = [401, 403, 429]
const LATER_STATUSES: readonly number[] = [429, 503]

/** Declares the codes of a table: `new Refused(table['sold-out'], …)`. A misspelt code does not compile. */
export function defineCodes<const Table extends Readonly<Record<string, CodeMeaning>>>(
  table: Table,
): { readonly [Name in keyof Table & string]: DeclaredCode<Name> } {
  const codes = Object.entries(table).map(
    ([
      name,
      { status, isSecurityEvent = SECURITY_STATUSES.includes(status), isForLater = LATER_STATUSES.includes(status) },
    ]) => [name, { name, status, isSecurityEvent, isForLater }],
  )
  return Object.fromEntries(codes) as ReturnType<typeof defineCodes<Table>>
}

/**
 * The codes of the platform. 499 is nginx's and Google's convention for a request whose client no longer waits: no failure of
 * this service, so no 5xx.
 */
export const platformCodes = defineCodes({
  'body-too-large': { status: 413 },
  'body-too-slow': { status: 408 },
  'caller-not-allowed': { status: 403 },
  'client-closed': { status: 499 },
  'deadline-exceeded': { status: 499 },
  /** Of GraphQL: it is deeper, longer or costs more than one request may. */
  'document-too-complex': { status: 400 },
  /** Of GraphQL: this environment answers recorded documents alone. */
  'document-not-recorded': { status: 403 },
  forbidden: { status: 403 },
  'idempotency-key-missing': { status: 400 },
  'idempotency-key-reused': { status: 409, isSecurityEvent: true },
  'invalid-body': { status: 422 },
  'invalid-cursor': { status: 400 },
  'invalid-document': { status: 400 },
  'invalid-json': { status: 400 },
  'invalid-parameter': { status: 400 },
  'invalid-variables': { status: 400 },
  'not-found': { status: 404 },
  'operation-ended': { status: 410 },
  overloaded: { status: 503, isSecurityEvent: true },
  /** The object has another version than the one that `If-Match` names. */
  'precondition-failed': { status: 412 },
  'rate-limited': { status: 429 },
  'request-invalid': { status: 400 },
  'route-missing': { status: 404 },
  'second-factor-missing': { status: 401 },
  'signature-invalid': { status: 401 },
  'token-expired': { status: 401 },
  'token-invalid': { status: 401 },
  'token-missing': { status: 401 },
  'token-revoked': { status: 401 },
  'too-many-headers': { status: 431 },
  unavailable: { status: 503 },
  'unsupported-media-type': { status: 415 },
  'unsupported-precondition': { status: 400 },
})

export type PlatformCode = keyof typeof platformCodes

/**
 * Those of them with which the rules of a service refuse. The others are answers of the runtime, before any rule was asked:
 * they say nothing about what was asked for.
 */
export const ruleCodes = [
  'forbidden',
  'idempotency-key-reused',
  'invalid-body',
  'invalid-cursor',
  'not-found',
  'precondition-failed',
] as const
/** A code that a query's `refuses` may name. */
export type RefusalCode = (typeof ruleCodes)[number] | DeclaredCode

export const isRefusalCode = (code: Code): code is RefusalCode => {
  const { name } = declarationOf(code)
  return !Object.hasOwn(platformCodes, name) || ruleCodes.some((one) => one === name)
}
/** A code of the platform, by its name, or a code that services declare with `defineCodes`. */
export type Code = PlatformCode | DeclaredCode

export const declarationOf = (code: Code): DeclaredCode => (typeof code === 'string' ? platformCodes[code] : code)

/** The details of a refusal for the security log. They are not sent to the caller. */
export interface Evidence {
  /** The verified subject; absent: the subject of the request, if any. */
  readonly subject?: string | undefined
  /** The key id that the token or signature names, unverified. */
  readonly keyId?: string | undefined
  /** The name of the security event, where it differs from the code: data of another caller is answered with 404. */
  readonly event?: string
}

/** The rules reject it: a caller gets the reason; a message is acknowledged. */
export class Refused extends Error {
  /** The name of its code. */
  readonly code: string
  readonly status: number
  readonly isSecurityEvent: boolean
  readonly evidence: Evidence

  constructor(code: Code, detail: string, evidence: Evidence = {}) {
    super(detail)
    this.name = 'Refused'
    const { name, status, isSecurityEvent } = declarationOf(code)
    this.code = name
    this.status = status
    this.isSecurityEvent = isSecurityEvent
    this.evidence = evidence
  }
}

/** A field of a request, and what its schema says about it. */
export interface Violation {
  /** With dots between its parts: `lines.0.quantity`. */
  readonly field: string
  readonly description: string
}

/** The schema of a request refuses it. */
export class RefusedInput extends Refused {
  readonly violations: readonly Violation[]

  constructor(code: Code, detail: string, violations: readonly Violation[]) {
    super(code, detail)
    this.violations = violations
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

/** This caller is refused for now: the answer says when to retry. */
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
