/** Google's canonical error: one throwable for every emulator, which the transport turns into gRPC or JSON. */

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto: number and HTTP status. */
export const codes = {
  CANCELLED: [1, 499],
  UNKNOWN: [2, 500],
  INVALID_ARGUMENT: [3, 400],
  DEADLINE_EXCEEDED: [4, 504],
  NOT_FOUND: [5, 404],
  ALREADY_EXISTS: [6, 409],
  PERMISSION_DENIED: [7, 403],
  RESOURCE_EXHAUSTED: [8, 429],
  FAILED_PRECONDITION: [9, 400],
  ABORTED: [10, 409],
  OUT_OF_RANGE: [11, 400],
  UNIMPLEMENTED: [12, 501],
  INTERNAL: [13, 500],
  UNAVAILABLE: [14, 503],
  DATA_LOSS: [15, 500],
  UNAUTHENTICATED: [16, 401],
} as const satisfies Record<string, readonly [number, number]>

export type Code = keyof typeof codes

/** One `google.rpc.*` detail; `@type` is the full type URL, the rest its proto3 JSON. */
export interface StatusDetail {
  readonly '@type': string
  readonly [field: string]: unknown
}

export class StatusError extends Error {
  readonly code: Code
  readonly details: readonly StatusDetail[]

  constructor(code: Code, message: string, details: readonly StatusDetail[] = []) {
    super(message)
    this.name = 'StatusError'
    this.code = code
    this.details = details
  }

  get grpcCode(): number {
    return codes[this.code][0]
  }

  get httpStatus(): number {
    return codes[this.code][1]
  }
}

export const invalidArgument = (message: string): StatusError => new StatusError('INVALID_ARGUMENT', message)
export const notFound = (message: string): StatusError => new StatusError('NOT_FOUND', message)
export const alreadyExists = (message: string): StatusError => new StatusError('ALREADY_EXISTS', message)
export const failedPrecondition = (message: string): StatusError => new StatusError('FAILED_PRECONDITION', message)

/** An error other than StatusError is a bug of the emulator: the caller gets its message, the terminal its stack. */
export function asStatus(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  console.error(error)
  return new StatusError('INTERNAL', error instanceof Error ? error.message : String(error))
}
