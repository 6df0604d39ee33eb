/**
 * The public API of a public service as data: the operations of all services, their access and their handlers, which
 * `serveOperations` puts together. The runtime makes every route of the service from it, so no route is without its checks.
 */

import type { Context } from 'hono'
import { z } from 'zod'
import type { Setting } from '../base/setting.ts'
import { commandStatus } from '../contracts/command-status.ts'
import type { ParametersOf } from '../contracts/query.ts'
import type { RpcRecord } from '../contracts/rpc-record.ts'
import type { OperationContext } from './operation-context.ts'
import {
  type ApiDescription,
  type Caller,
  type Operation,
  type Operations,
  reservedAccess,
  type Roles,
  type Webhooks,
} from './operation.ts'
import type { Edges, LoadEdge } from './edges.ts'
import type { EdgeSettings } from './edge-settings.ts'
import type { Platform } from './platform.ts'
import type { Service } from './service.ts'

/** The arguments of an operation's handler; undefined for parts that the operation does not declare. */
export interface OperationRequest<O extends Operation, Role extends string = string> {
  readonly c: OperationContext
  readonly caller: O['access'] extends 'public' | 'signed' ? undefined : Caller<Role>
  readonly key: O extends { readonly requiresIdempotencyKey: true } ? string : undefined
  readonly body: O extends { readonly body: infer S extends z.ZodType } ? z.output<S> : undefined
  readonly params: ParametersOf<O>
}

export type OperationHandler<O extends Operation, Role extends string = string> = (
  request: OperationRequest<O, Role>,
) => Response | Promise<Response>

/** The claims of a token whose signature, issuer, audience and time were verified. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** @throws Refused for claims that do not fulfil the requirements; Unavailable. */
export type ClaimsCheck = (claims: Claims, at: TokenTimes) => Promise<void>

export interface TokenTimes {
  /** Seconds since the epoch. */
  readonly nowSeconds: number
  readonly toleranceSeconds: number
}

/** @throws Refused for a body that the signature does not cover. */
export type BodyCheck = (body: Buffer) => void

/** Verifies the signature in the headers, before the body is read. @throws Refused (401), Unavailable. */
export type SignatureCheck = (c: Context) => Promise<BodyCheck>

/** The operations as remote procedures. */
export interface RpcSource {
  /** By operation, the service that answers it. The others are the public service's own. */
  readonly owners: Readonly<Record<string, string>>
  /** The content of `functions/NAME/rpc.json`. */
  load(service: string): Promise<RpcRecord>
}

/** The operations as a graph. */
export interface GraphqlSource {
  /** The recorded schema, and the recorded documents by the SHA-256 of their text. */
  load(): Promise<GraphqlRecord>
  /** Recorded documents alone are answered, and no introspection. */
  isRecordedOnly(platform: Platform): boolean
}

/** The services whose messages are described. */
export interface MessageSource {
  readonly services: readonly Service[]
  /** Where it says no, the operations of the descriptions are not there. */
  areServed(platform: Platform): boolean
}

export interface GraphqlRecord {
  readonly schema: string
  readonly documents: Readonly<Record<string, string>>
}

export interface PublicApi {
  readonly description: ApiDescription
  readonly roles: Roles
  /** Access by token: any one of these roles is enough; an empty list admits every verified caller. No name is `public` or `signed`. */
  readonly access: Readonly<Record<string, readonly string[]>>
  readonly operations: Operations
  /** Absent: it posts nothing to its clients. */
  readonly webhooks?: Webhooks
  /** The limits of one instance. */
  readonly limits: Setting<EdgeSettings>
  /** `ROLE:SUBJECT`, the name of a caller in the security log. */
  subjectOf(caller: Caller): string
  /** Makes the handlers of an instance, at its start. */
  handlers(platform: Platform): Readonly<Record<string, OperationHandler<Operation>>>
  /** Makes the check of further requirements on tokens with a privileged role. */
  privilegedTokens?(platform: Platform): ClaimsCheck
  /** The address of a system that the platform replaces, which answers operations as its flags say, or `off`. Absent: there is no such system. */
  readonly otherSystem?: Setting<string>
  /** The messages between services. Absent: it describes its own operations alone. */
  readonly messages?: MessageSource | undefined
  /** Absent: REST alone. */
  readonly rpcs?: RpcSource | undefined
  /** Absent: no GraphQL. */
  readonly graphql?: GraphqlSource | undefined
  /** The edges of the graph: what they are, and how an instance reads them. */
  readonly edges?: Edges
  loaders?(platform: Platform): Readonly<Record<string, LoadEdge>>
  /** Makes the check of each `signed` operation, by its name. */
  signatures?(platform: Platform): Readonly<Record<string, SignatureCheck>>
}

/** The operations of every public API besides its own: its document, for programs and for people. */
export const documentOperations = {
  readDocument: {
    method: 'get',
    path: '/openapi.json',
    summary: 'This API, described',
    access: 'public',
    answers: { 200: ['An OpenAPI 3.1 document.', z.looseObject({ openapi: z.literal('3.1.1') })] },
  },
  readPage: {
    method: 'get',
    path: '/docs',
    summary: 'This API as a page',
    access: 'public',
    answers: { 200: ['A page.'] },
  },
} as const satisfies Operations

/** The operations of a public API that also describes the messages between the services. */
export const messageOperations = {
  readMessages: {
    method: 'get',
    path: '/asyncapi.json',
    summary: 'The messages between the services, described',
    access: 'public',
    answers: { 200: ['An AsyncAPI 3 document.', z.looseObject({ asyncapi: z.literal('3.0.0') })] },
  },
  readMessagesPage: {
    method: 'get',
    path: '/docs/messages',
    summary: 'The messages between the services as a page',
    access: 'public',
    answers: { 200: ['A page.'] },
  },
} as const satisfies Operations

const commandPath = '/v1/commands/{commandId}'
export const commandPathOf = (commandId: string): string => commandPath.replace('{commandId}', commandId)

/** The operation of every public API that submits commands. Any verified caller may ask; each sees its own commands. */
export const commandOperations = {
  readCommand: {
    method: 'get',
    path: commandPath,
    parameters: { commandId: z.uuid() },
    summary: "See what became of a command of one's own",
    access: 'caller',
    answers: { 200: ['Where it stands: waiting, done, or refused with code and detail.', commandStatus] },
    problems: ['not-found'],
  },
} as const satisfies Operations

/**
 * The public API of a service that submits commands, with `commandOperations`. Their access is that of every verified caller,
 * under the name that the API has for it.
 * @throws Error for an operation with a reserved name or path.
 */
export function withCommandOperations(api: PublicApi): PublicApi {
  checkReserved(api, commandOperations)
  const open = Object.entries(api.access).find(([, roles]) => roles.length === 0)?.[0]
  const { readCommand } = commandOperations
  return {
    ...api,
    access: open === undefined ? { ...api.access, [readCommand.access]: [] } : api.access,
    operations: { ...api.operations, readCommand: { ...readCommand, access: open ?? readCommand.access } },
  }
}

/** The API as this instance serves it: without the operations that describe messages, where they are not served. */
export function apiOfInstance(api: PublicApi, platform: Platform): PublicApi {
  if (!api.messages || api.messages.areServed(platform)) return api
  const operations = Object.entries(api.operations).filter(([id]) => !Object.hasOwn(messageOperations, id))
  return { ...api, messages: undefined, operations: Object.fromEntries(operations) }
}

/** @throws Error for an operation of the API that has a name or path of the platform's. */
function checkReserved(api: { readonly operations: Operations }, reserved: Operations): void {
  for (const [id, { path }] of Object.entries(reserved))
    if (Object.hasOwn(api.operations, id) || Object.values(api.operations).some((one) => one.path === path))
      throw new Error(`The platform itself serves ${path} by the operation ${id}: give yours another name and path.`)
}

function checkCache({ method, path, answers, cache }: Operation): void {
  if (!cache) return
  if (method !== 'get' || !answers[200]?.[1])
    throw new Error(`${method} ${path} has a cache: only the JSON answer 200 to a GET may be kept.`)
  if (!Number.isInteger(cache.seconds) || cache.seconds < 1)
    throw new Error(`${method} ${path} is kept for ${cache.seconds} seconds: give a whole number from 1 on.`)
}

function checkCharges({ method, path, access, charges }: Operation): void {
  if (charges === undefined) return
  if (!Number.isInteger(charges) || charges < 2)
    throw new Error(`${method} ${path} counts as ${charges} requests: give a whole number from 2 on, or no charges.`)
  if (reservedAccess.some((name) => name === access))
    throw new Error(
      `${method} ${path} takes no token, and has no caller whose limit it counts to: give it an access, or no charges.`,
    )
}

/** @throws Error for an operation that counts as more requests than a full limit has room for: it would be refused for ever. */
export function checkRoomFor(operations: Operations, { limits }: EdgeSettings): void {
  const [name, { burst }] = Object.entries(limits).reduce((one, other) => (other[1].burst < one[1].burst ? other : one))
  for (const { method, path, charges = 1 } of Object.values(operations))
    if (charges > burst)
      throw new Error(
        `${method} ${path} counts as ${charges} requests, and the limit of ${name} has a burst of ${burst}: raise it, or let the operation count as fewer.`,
      )
}

/**
 * The public API with `documentOperations`, and `messageOperations` where it describes messages, which the platform adds.
 * @throws Error for an access or an operation with a reserved name, for one that takes no token and refuses roles, for a POST or
 * DELETE that a client could not repeat, for a cache of anything but the JSON answer to a GET, and for charges that are no number of
 * requests of a caller.
 */
export function checkedPublicApi(api: PublicApi): PublicApi {
  const reserved = reservedAccess.find((name) => Object.hasOwn(api.access, name))
  if (reserved)
    throw new Error(
      `The access of a public API names ${reserved}, which means that no token is asked for: give these roles another name.`,
    )
  for (const { method, path, access, notFor, body, requiresIdempotencyKey, isIdempotent } of Object.values(
    api.operations,
  )) {
    if (notFor && reservedAccess.some((name) => name === access))
      throw new Error(`${method} ${path} takes no token, and can not refuse a role: give it an access, or no notFor.`)
    if (method !== 'get' && !body && !requiresIdempotencyKey && !isIdempotent)
      throw new Error(
        `${method} ${path} has neither body nor key: set requiresIdempotencyKey, or isIdempotent if the same request again changes nothing more.`,
      )
  }
  for (const operation of Object.values(api.operations)) {
    checkCache(operation)
    checkCharges(operation)
  }
  const own = { ...documentOperations, ...(api.messages ? messageOperations : {}) }
  checkReserved(api, own)
  return { ...api, operations: { ...api.operations, ...own } }
}
