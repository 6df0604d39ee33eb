/** An operation of a public API, as data. */

import { z } from 'zod'
import type { Code } from '../base/errors.ts'
import type { ParameterSchemas } from '../contracts/query.ts'

/** Names with a meaning of their own: roles that an API gave them would not be looked at. */
export const reservedAccess = ['public', 'signed'] as const
export type ReservedAccess = (typeof reservedAccess)[number]

/** `Access`: the names in the `access` of the API, each with its roles. `Role`: the roles that tokens name. */
export interface Operation<Access extends string = string, Role extends string = string> {
  readonly method: 'get' | 'post' | 'delete'
  /** With parameters as OpenAPI writes them. */
  readonly path: string
  /** A parameter of the path with any other value is answered 404. */
  readonly parameters?: ParameterSchemas
  readonly summary: string
  /**
   * Without a default. `public`: no token. `signed`: no token, the sender signs the body, for webhooks. Otherwise a token with
   * one of the roles that `access` of the API has for this name.
   */
  readonly access: ReservedAccess | Access
  /** Roles whose holders are refused, whatever other roles they have: the reason, as the refusal gives it. */
  readonly notFor?: Readonly<Partial<Record<Role, string>>>
  /** A request without an Idempotency-Key is refused. The same key with the same body has the same answer. */
  readonly requiresIdempotencyKey?: true
  readonly body?: z.ZodType
  /** Its handler submits a command. The caller may wait for the outcome by `Prefer: wait=N`; `submittedAnswers` makes its answers. */
  readonly submits?: true
  /** Of an operation that `submits`: `If-Match` is checked, by the command's owner against the version of the subject's stream. */
  readonly checksVersion?: true
  /** Its answer 200 has the version of an object as `version`, with which its entity tag begins. */
  readonly hasVersion?: true
  /** The data of each event: its answer 200 is a stream of server-sent events, 204 says that there are no more. */
  readonly streams?: z.ZodType
  /** States that a POST or DELETE has neither body nor Idempotency-Key, since the same request again changes nothing more. */
  readonly isIdempotent?: true
  /** The requests as which it counts to the limit of its caller, two or more: one that does the work of many. Absent: one. */
  readonly charges?: number
  /** Of a GET with a JSON answer 200: for how long a client may keep the answer. Absent: not at all. */
  readonly cache?: Cache
  /** Absent: `BODY_BYTES`. */
  readonly maxBodyBytes?: number
  /** Status → its meaning, and the schema of a JSON body. */
  readonly answers: Readonly<Record<number, readonly [meaning: string, schema?: z.ZodType]>>
  /** Besides the refusals that follow from access, key and body. */
  readonly problems?: readonly Code[]
  /** Names of types in GraphQL, by the place in its answer (`''`: the answer itself). Types of one name are one type. */
  readonly types?: Readonly<Record<string, string>>
  /** Marks the operation as deprecated: each answer carries the header `Deprecation`, and a metric counts each call by its caller. */
  readonly deprecated?: (Deprecation & { readonly successor?: string }) | undefined
}

/** A client keeps an answer for itself, and no proxy does: it was made for one caller. */
export interface Cache {
  readonly seconds: number
}

/** Since and until when a deprecated operation is served. Times in ISO 8601. */
export interface Deprecation {
  readonly since: string
  /** From this time on it is answered 410. Absent: it has no end yet. */
  readonly sunset?: string
}

export type Operations<Access extends string = string, Role extends string = string> = Readonly<
  Record<string, Operation<Access, Role>>
>

/** The roles that tokens name. */
export interface Roles<Role extends string = string> {
  /** The role of a token that names none. Its callers share the rate limit of their address. */
  readonly ordinary: Role
  /** Roles with more permissions. The first role that a caller has sets its rate limit. */
  readonly privileged: readonly Role[]
}

/** A caller whose token was verified. */
export interface Caller<Role extends string = string> {
  /** The token's subject. */
  readonly sub: string
  readonly roles: readonly Role[]
}

/** The description of the API as a whole, for the OpenAPI document. */
export interface ApiDescription {
  readonly title: string
  /** A sentence or two for the readers of `/docs`. */
  readonly text: string
  readonly license?: { readonly name: string; readonly identifier: string }
  /** Members of problem documents besides those of every service, each optional. */
  readonly problemMembers?: Readonly<Record<string, z.ZodOptional>>
}

/** The answers of an operation that `submits`. @param members Those besides the command's id. */
export const submittedAnswers = (members: z.ZodRawShape = {}): Operation['answers'] => ({
  202: [
    'Accepted; processed asynchronously. Location names where its status is read.',
    z.object({ commandId: z.uuid(), ...members }),
  ],
  200: [
    'Done within the time of Prefer: wait.',
    z.object({ commandId: z.uuid(), status: z.literal('done'), ...members }),
  ],
})

/** A request to an address that a client gave, signed by Standard Webhooks (`shared/http/webhook-signing.ts`). */
export interface Webhook {
  readonly summary: string
  readonly body: () => z.ZodType
  /** The meaning of an answer with a status from 200 to 299. */
  readonly answer: string
}
export type Webhooks = Readonly<Record<string, Webhook>>
