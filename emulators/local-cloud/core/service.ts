/** What a plugin gives to the transport: gRPC services and HTTP apps, who calls them, and what each method takes. */

import type { Hono } from 'hono'

/** One permission on one resource, by its full name (`projects/p/topics/t`): a condition's `resource.name`, too. */
export interface RequiredPermission {
  readonly permission: string
  readonly resource: string
}

/** What a call takes, read from its request as the transport shapes it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type MethodAccess = (request: any) => readonly RequiredPermission[]

/** What a plugin says of its gRPC services and the REST that follows from them. */
export interface ServiceAccess {
  /** By method in lowerCamelCase. */
  readonly methods: Readonly<Record<string, MethodAccess>>
  /** The refusal in that service's own words. */
  readonly refusal: (need: RequiredPermission) => string
  /** `pubsub.googleapis.com` */
  readonly domain: string
}

/** Who calls, and how: made by the transport for each request. */
export interface RequestContext {
  /** E-mail of the service account whose port was called, or `owner`. */
  readonly principal: string
  readonly transport: 'grpc' | 'rest'
  /** Whether the request carries the secret of this run; absent: it does not. */
  readonly hasSecret?: boolean
  /** Aborts when the caller hangs up or its deadline passes. */
  readonly signal: AbortSignal
}

/** `(request, context) → response`, on plain objects as `@grpc/proto-loader` shapes them (see `grpc.ts`). */
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
  /** Full name, `google.pubsub.v1.Publisher`. Methods in lowerCamelCase; what is missing answers UNIMPLEMENTED by name. */
  readonly name: string
  readonly unary?: Readonly<Record<string, Unary>>
  readonly streaming?: Readonly<Record<string, Streaming>>
  /** What each method takes; without it no service account may call any. */
  readonly access?: ServiceAccess
}

/** A Hono app whose handlers find who calls in `c.get('context')`. */
export type Http = Hono<{ Variables: { context: RequestContext } }>
