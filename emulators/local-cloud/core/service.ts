/** The types between a plugin and the transport: gRPC services, HTTP apps, callers, and the permissions of methods. */

import type { Hono } from 'hono'

/** One permission on one resource, by its full name (`projects/p/topics/t`): a condition's `resource.name`, too. */
export interface RequiredPermission {
  readonly permission: string
  readonly resource: string
}

/** The permissions that a call requires, derived from its request in the transport's form. */
// oxlint-disable-next-line typescript/no-explicit-any
export type MethodAccess = (request: any) => readonly RequiredPermission[]

/** A plugin's description of a gRPC service and of its derived REST API. */
export interface ServiceAccess {
  /** By method in lowerCamelCase. */
  readonly methods: Readonly<Record<string, MethodAccess>>
  /** The refusal in that service's own words. */
  readonly refusal: (need: RequiredPermission) => string
  /** `pubsub.googleapis.com` */
  readonly domain: string
}

/** The caller of a request and its transport; the transport makes one for each request. */
export interface RequestContext {
  /** E-mail of the service account whose port was called, or `owner`. */
  readonly principal: string
  readonly transport: 'grpc' | 'rest'
  /** Whether the request carries the secret of this run; absent: it does not. */
  readonly hasSecret?: boolean
  /** Aborts when the caller hangs up or its deadline passes. */
  readonly signal: AbortSignal
  /** The same without the signal, which costs more than most calls; absent: ask the signal. */
  readonly hasEnded?: boolean
  /**
   * Of a stream: resolves when the caller has read enough for further responses; undefined when it has. A handler of many
   * responses awaits it, or all of them are kept in memory for a caller that does not read. Absent: the caller gets them together.
   */
  drained?(): Promise<void> | undefined
}

/** `(request, context) → response`, on plain objects as `@grpc/proto-loader` shapes them (see `methods.ts`). */
// The transport checks both shapes against the proto, so a plugin names its own types here.
// oxlint-disable-next-line typescript/no-explicit-any
export type Unary = (request: any, context: RequestContext) => unknown
/** A server-streaming or bidirectional method: reads requests, writes responses. */
export type Streaming = (
  // oxlint-disable-next-line typescript/no-explicit-any
  requests: AsyncIterable<any>,
  write: (response: unknown) => void,
  context: RequestContext,
) => Promise<void>

export interface GrpcService {
  /** Full name, `google.pubsub.v1.Publisher`. Methods in lowerCamelCase; a missing method answers UNIMPLEMENTED with its name. */
  readonly name: string
  readonly unary?: Readonly<Record<string, Unary>>
  readonly streaming?: Readonly<Record<string, Streaming>>
  /** The paths by REST that a method takes, where Google's annotations would also give it those of another method. */
  readonly paths?: Readonly<Record<string, RegExp>>
  /** The permissions that each method requires; without them no service account may call a method. */
  readonly access?: ServiceAccess
}

/** A Hono app whose handlers find their caller in `c.get('context')`. */
export type Http = Hono<{ Variables: { context: RequestContext } }>
