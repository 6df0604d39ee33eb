/** Common parts of all HTTP boundaries: problem documents (RFC 9457), bodies with a limit, parsing by contract. */

import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { readBody, tooLarge } from './body.ts'
import {
  ClientClosed,
  DeadlineExceeded,
  Limited,
  type PlatformCode,
  platformCodes,
  Refused,
  RefusedInput,
  Unavailable,
} from '../base/errors.ts'
import { listOf, violationsOf } from '../base/issues.ts'
import { unambiguousJsonFrom } from '../base/json-bytes.ts'
import type { Log } from '../signals/log.ts'
import { shortened } from '../base/shortened.ts'

/** A body that is being read. */
export interface Upload {
  /** Aborts with the error that the client gets, when the request must give up its place. */
  readonly evicted: AbortSignal
  end(): void
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Set by the edge: call it when the body of the request begins to be read. */
    beginUpload?: () => Upload
  }
}

/** A thousand lines are some 60 KB. */
export const BODY_BYTES = 1024 * 1024
/** The status of a request whose client hung up, or set a deadline that passed. It counts neither as a failure nor as a refusal. */
export const CLIENT_GONE = 499
/** The maximum length of a problem document's detail, which may quote the request. */
const DETAIL_CHARACTERS = 2_000
const INSTANCE_CHARACTERS = 200

/** Problems after which the connection closes: a part of the request is unread, or it was too large. */
const ENDS_CONNECTION: ReadonlySet<string> = new Set<PlatformCode>(['body-too-slow', 'too-many-headers', 'overloaded'])

interface KnownProblem {
  readonly code: PlatformCode
  readonly detail: string
}

/** Answers an error as a problem document; an unforeseen failure reveals no details. */
export function answerProblem(c: Context, error: Error | KnownProblem, log?: Log): Response {
  if (error instanceof DeadlineExceeded && error.byCaller)
    return answerProblem(c, { code: 'deadline-exceeded', detail: error.message }, log)
  if (error instanceof ClientClosed) return answerProblem(c, { code: 'client-closed', detail: error.message }, log)
  if (error instanceof Unavailable) {
    c.header('retry-after', String(error.retryAfterSeconds))
    log?.('WARNING', 'request.retry-later', { path: c.req.path, reason: error.message, error: error.cause })
    return problem(c, 503, 'unavailable', 'This can not be answered now: retry the same request.')
  }
  if (error instanceof Limited) c.header('retry-after', String(error.retryAfterSeconds))
  if (error instanceof Refused || !(error instanceof Error)) {
    const { code, status, detail } =
      error instanceof Refused
        ? { code: error.code, status: error.status, detail: error.message }
        : { ...error, status: platformCodes[error.code].status }
    // Close the connection, so that its remaining bytes are not awaited.
    if (ENDS_CONNECTION.has(code)) c.header('connection', 'close')
    if (status === CLIENT_GONE && log) logAbandoned(log, c.req.path, detail)
    const bound = error instanceof Limited ? error.bound : undefined
    return problem(c, status, code, detail, bound)
  }
  log?.('ERROR', 'request.failed', { path: c.req.path, error })
  return problem(c, 500, 'bug', 'The service failed unexpectedly. The error is in its log.')
}

/** Fires with `ClientClosed` when the connection is closed before the answer was sent; undefined if the server provides no such signal. */
export function disconnectOf(c: Context): AbortSignal | undefined {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>
  if (!outgoing) return undefined
  const controller = new AbortController()
  outgoing.once('close', () => {
    if (!(outgoing.writableFinished ?? outgoing.writableEnded)) controller.abort(new ClientClosed())
  })
  return controller.signal
}

export const logAbandoned = (log: Log, path: string, reason: string): void =>
  log('INFO', 'request.abandoned', { path, reason })

function problem(c: Context, status: number, code: string, detail: string, members: object = {}): Response {
  const body = {
    type: `urn:millrace:problem:${code}`,
    title: code.replaceAll('-', ' '),
    status,
    code,
    detail: shortened(detail, DETAIL_CHARACTERS),
    instance: instanceOf(c),
    ...members,
  }
  return c.json(body, status as ContentfulStatusCode, { 'content-type': 'application/problem+json' })
}

/** The path of the request, as a problem document names it. */
export const instanceOf = (c: Context): string => shortened(c.req.path, INSTANCE_CHARACTERS)

/** @throws Refused when the body is larger, whether it says so or not, comes too slowly, or stops before its end. */
export async function limitedBody(c: Context, limitBytes: number): Promise<Buffer> {
  if (Number(c.req.header('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes)
  // Node's own stream where there is one: none of the web's kind has to be built around it.
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>
  const upload = c.get('beginUpload')?.()
  try {
    return await readBody(incoming ?? c.req.raw.body ?? none(), limitBytes, upload?.evicted)
  } finally {
    upload?.end()
  }
}

async function* none(): AsyncIterable<Uint8Array> {}

interface BodyOptions {
  readonly limitBytes?: number | undefined
  /** Throws for bytes that must not be parsed: a signature does not cover them. */
  readonly check?: ((bytes: Buffer) => void) | undefined
}

/** The body as this schema has it. @throws Refused that names the place. */
export async function jsonBody<S extends z.ZodType>(
  c: Context,
  schema: S,
  { limitBytes = BODY_BYTES, check }: BodyOptions = {},
): Promise<z.output<S>> {
  checkMediaType(c)
  const bytes = await limitedBody(c, limitBytes)
  check?.(bytes)
  let value: unknown
  try {
    value = unambiguousJsonFrom(bytes)
  } catch (error) {
    throw new Refused('invalid-json', `The body is not JSON: ${(error as Error).message}`)
  }
  return parsedBody(schema, value)
}

/** @throws RefusedInput that names the places. */
export function parsedBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new RefusedInput('invalid-body', listOf(parsed.error, 'body'), violationsOf(parsed.error, 'body'))
}

/** JSON is UTF-8 (RFC 8259): another charset or a Content-Encoding is refused by name. */
function checkMediaType(c: Context): void {
  const type = c.req.header('content-type') ?? ''
  const [, charset] = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?([\w-]+)"?\s*)?$/i.exec(type) ?? [
    undefined,
    type,
  ]
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new Refused('unsupported-media-type', `The body must be application/json in UTF-8, not "${type}".`)
  const coding = c.req.header('content-encoding') ?? 'identity'
  if (coding.toLowerCase() !== 'identity')
    throw new Refused('unsupported-media-type', `The body must come as it is, not in the coding "${coding}".`)
}
