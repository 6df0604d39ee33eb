/**
 * Binds handlers to operations. Access, path parameters, Idempotency-Key and body are checked as the operation declares them
 * before its handler runs: a handler can not forget a check, and gets only checked values.
 */

import type { Context, Hono } from 'hono'
import type { z } from 'zod'
import type { Caller, Role } from './caller-tokens.ts'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { idempotencyKey } from '../../shared/base/fields.ts'
import { type ParametersOf, routeOf } from '../../shared/contracts/query.ts'
import { jsonBody } from '../../shared/http/http.ts'
import { parametersIn } from '../../shared/runtime/query-routes.ts'
import { type CallerAccess, isForCallers, type Operation, requiredRoles } from './operations.ts'

/** @throws Refused for a body that the signature does not cover. */
export type BodyCheck = (body: Buffer) => void

export interface AccessChecks {
  /** The caller whose token the request carries, charged for the request. @throws Refused (401), Limited, Unavailable. */
  caller(c: Context): Promise<Caller>
  /** Verifies that the payment provider signed. @throws Refused (401), Unavailable. */
  providerSignature(c: Context): Promise<BodyCheck>
}

/** The arguments of an operation's handler; undefined for parts that the operation does not declare. */
export interface Request<O extends Operation> {
  readonly c: Context
  readonly caller: O['access'] extends CallerAccess ? Caller : undefined
  readonly key: O extends { readonly requiresIdempotencyKey: true } ? string : undefined
  readonly body: O extends { readonly body: infer S extends z.ZodType } ? z.output<S> : undefined
  readonly params: ParametersOf<O>
}

export type Handler<O extends Operation> = (request: Request<O>) => Response | Promise<Response>

/** Exactly one handler for each operation of a table: a missing or superfluous one does not compile. */
export type Handlers<Table extends Readonly<Record<string, Operation>>> = {
  readonly [Id in keyof Table]: Handler<Table[Id]>
}

export type Handle = <const O extends Operation>(operation: O, handler: Handler<O>) => void

export function createHandle(http: Hono, checks: AccessChecks): Handle {
  return (operation, handler) => {
    const { method, requiresIdempotencyKey, body: schema, maxBodyBytes } = operation
    const admit = admissionTo(operation, checks)
    http.on(method.toUpperCase(), routeOf(operation), async (c) => {
      const { caller, check } = await admit(c)
      const params = parametersIn(c, operation)
      const key = requiresIdempotencyKey ? keyOf(c) : undefined
      const body = schema && (await jsonBody(c, schema, { limitBytes: maxBodyBytes, check }))
      // Each part was made as the declaration says from which the handler's own type follows.
      return handler({ c, caller, key, body, params } as Parameters<typeof handler>[0])
    })
  }
}

interface Admitted {
  readonly caller?: Caller
  readonly check?: BodyCheck
}

/** @throws Error for an operation whose declaration has no access. */
function admissionTo(
  { method, path, access, body }: Operation,
  checks: AccessChecks,
): (c: Context) => Admitted | Promise<Admitted> {
  if (access === 'public') return () => ({})
  if (access === 'provider') {
    if (!body) throw new Error(`${method} ${path} declares no body, which the provider's signature would cover.`)
    return async (c) => ({ check: await checks.providerSignature(c) })
  }
  if (!isForCallers(access))
    throw new Error(`${method} ${path} declares no access: name one of those in the table of operations.`)
  const needed: readonly Role[] = requiredRoles[access]
  return async (c) => {
    const caller = await checks.caller(c)
    const isAllowed = needed.length === 0 || needed.some((role) => caller.roles.includes(role))
    refuseIf(!isAllowed, 'forbidden', `This takes the role ${needed.join(' or ')}.`)
    return { caller }
  }
}

function keyOf(c: Context): string {
  const key = c.req.header('idempotency-key')
  if (key === undefined)
    throw new Refused(
      'idempotency-key-missing',
      'Send a header Idempotency-Key: the same key again has the same answer.',
    )
  const fault = idempotencyKey.safeParse(key).error?.issues[0]?.message
  if (fault !== undefined) throw new Refused('invalid-parameter', `Idempotency-Key ${fault}.`)
  return key
}
