/**
 * Binds handlers to operations. Access, parameters, Idempotency-Key and body are checked as the operation declares them before its
 * handler runs, and its answer after it: a handler can not forget a check, and gets only checked values. Every spelling of a
 * request, REST or a remote procedure, passes through here.
 */

import type { Context, Hono } from 'hono'
import { Refused, refuseIf } from '../base/errors.ts'
import { idempotencyKey } from '../base/fields.ts'
import { routeOf } from '../contracts/query.ts'
import { jsonBody } from '../http/http.ts'
import { checkSearch, parametersIn } from '../http/parameters.ts'
import { answersOf } from './answers.ts'
import { checkConditions, hasEntityTag, tagged } from './conditional.ts'
import type { OpenStream } from './event-stream.ts'
import type { Caller, Operation } from '../service/operation.ts'
import type { BodyCheck, OperationHandler, PublicApi, SignatureCheck } from '../service/public-api.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The key of an operation that is one of several in its request; absent: the header has it. */
    idempotencyKey?: string
  }
}

export interface AccessChecks {
  /** The caller whose token the request carries, charged for the request. @throws Refused (401), Limited, Unavailable. */
  caller(c: Context): Promise<Caller>
  readonly signature?: SignatureCheck | undefined
  /** @throws Limited */
  readonly chargeFurther?: ((c: Context, caller: Caller, operations: number) => void) | undefined
  readonly openStream?: OpenStream | undefined
  /** Announces and counts that the operation is deprecated. @throws Refused when it has ended */
  readonly deprecation?: ((c: Context, caller: Caller | undefined) => void) | undefined
}

export interface Admitted {
  readonly caller?: Caller
  readonly check?: BodyCheck
}

/** The parts of a request in which its spellings differ, each checked when it is read. */
export interface RequestParts {
  params(): Readonly<Record<string, string | undefined>>
  body(): unknown
}

/** An operation with its checks and its handler. */
export interface Bound {
  /** Reads nothing of the body. @throws Refused, Limited, Unavailable */
  admit(c: Context): Promise<Admitted>
  /** For a caller whose token was verified and charged before. @throws Refused */
  allow(c: Context, caller: Caller): void
  /** @throws Refused, Unavailable */
  answer(c: Context, admitted: Admitted, parts: RequestParts): Promise<Response>
}

/**
 * @param access Name → the roles of which any one is enough.
 * @throws Error for an operation whose declaration has no access, or a signature that nothing checks.
 */
export function bind(
  operation: Operation,
  handler: OperationHandler<Operation>,
  access: PublicApi['access'],
  checks: AccessChecks,
): Bound {
  const admit = admissionTo(operation, access, checks)
  const respond = answersOf(operation, checks.openStream)
  return {
    async admit(c) {
      const admitted = await admit(c)
      checks.deprecation?.(c, admitted.caller)
      return admitted
    },
    allow(c, caller) {
      checkRoles(operation, access, caller)
      checks.deprecation?.(c, caller)
    },
    async answer(c, { caller }, parts) {
      checkConditions(c, operation)
      const params = parts.params()
      const key = operation.requiresIdempotencyKey ? keyOf(c) : undefined
      const body = operation.body && (await parts.body())
      // Each part was made as the declaration says from which the handler's own type follows.
      return respond(c, (context) =>
        handler({ c: context, caller, key, body, params } as Parameters<typeof handler>[0]),
      )
    },
  }
}

/** The route of the operation in REST. */
export function routeRest(http: Hono, operation: Operation, { admit, answer }: Bound): void {
  const { method, body: schema, maxBodyBytes: limitBytes } = operation
  http.on(method.toUpperCase(), routeOf(operation), async (c) => {
    const admitted = await admit(c)
    checkSearch(c, operation)
    const response = await answer(c, admitted, {
      params: () => parametersIn(c, operation),
      body: () => schema && jsonBody(c, schema, { limitBytes, check: admitted.check }),
    })
    return hasEntityTag(operation) ? tagged(c, response, operation) : response
  })
}

/** @throws Refused for a caller with none of the roles, or with one that the operation is not for. */
function checkRoles({ access, notFor = {} }: Operation, accesses: PublicApi['access'], { roles }: Caller): void {
  const needed = accesses[access]!
  const isAllowed = needed.length === 0 || needed.some((role) => roles.includes(role))
  refuseIf(!isAllowed, 'forbidden', `This takes the role ${needed.join(' or ')}.`)
  for (const [role, reason] of Object.entries(notFor)) refuseIf(roles.includes(role), 'forbidden', reason!)
}

function admissionTo(
  operation: Operation,
  accesses: PublicApi['access'],
  { caller: callerOf, signature, chargeFurther }: AccessChecks,
): (c: Context) => Admitted | Promise<Admitted> {
  const { method, path, access, body, charges = 1 } = operation
  if (access === 'public') return () => ({})
  if (access === 'signed') {
    if (!body) throw new Error(`${method} ${path} declares no body, which the sender's signature would cover.`)
    if (!signature)
      throw new Error(`${method} ${path} is signed, and the API has no check: give \`signatures\` to implementEdge.`)
    return async (c) => ({ check: await signature(c) })
  }
  if (!Object.hasOwn(accesses, access))
    throw new Error(`${method} ${path} declares no access: name one of those in the table of operations.`)
  return async (c) => {
    const caller = await callerOf(c)
    checkRoles(operation, accesses, caller)
    chargeFurther?.(c, caller, charges - 1)
    return { caller }
  }
}

function keyOf(c: Context): string {
  const key = c.get('idempotencyKey') ?? c.req.header('idempotency-key')
  if (key === undefined)
    throw new Refused(
      'idempotency-key-missing',
      'Send a header Idempotency-Key: the same key again has the same answer.',
    )
  const fault = idempotencyKey.safeParse(key).error?.issues[0]?.message
  if (fault !== undefined) throw new Refused('invalid-parameter', `Idempotency-Key ${fault}.`)
  return key
}
