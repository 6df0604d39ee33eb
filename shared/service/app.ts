/** Binds a service's handlers to its description. */

import type { CommandOf, CommandType, Contracts, EventOf, QueryName, QueryNamed } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import type { Answered, ParsedRequest } from '../contracts/query.ts'
import type { PlatformOf } from './platform.ts'
import { type PublicApi, withCommandOperations } from './public-api.ts'
import type { runtimeContracts } from '../contracts/runtime-events.ts'
import type { ReplyOf } from '../saga/definition.ts'
import { checkKnown } from './check-business.ts'
import type { Service } from './service.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Delivery, Handler, ServiceApp, Submitter } from './service-app.ts'

interface Described {
  readonly name: string
  readonly ingress: Service['ingress']
  readonly contracts: Contracts
  readonly uses: readonly Contracts[]
  readonly on: readonly string[]
  readonly subscriptions?: Subscriptions
  readonly saga?: Service['saga']
  readonly acceptsSubmitted?: readonly string[]
  readonly submits?: readonly string[]
  readonly requestObjectives?: Service['requestObjectives']
}

type EventNamed<S extends Described, T extends string> = Extract<
  EventOf<S['uses'][number] | S['contracts'] | typeof runtimeContracts>,
  { type: T }
>
type CommandNamed<S extends Described, T extends string> = Extract<CommandOf<S['contracts']>, { type: T }>

/** Exactly the handlers that the description asks for, each with its message's type. */
export type Implementation<S extends Described> = {
  readonly on: {
    readonly [T in S['on'][number]]: (
      message: Envelope<T, EventNamed<S, T>['data']>,
      platform: PlatformOf<S>,
      delivery: Delivery,
    ) => Promise<unknown>
  }
  readonly commands: {
    readonly [T in CommandType<S['contracts']>]: (
      message: Envelope<T, CommandNamed<S, T>['data']>,
      platform: PlatformOf<S>,
      delivery: Delivery,
    ) => Promise<unknown>
  }
  readonly checksSubmitted?: {
    readonly [T in NonNullable<S['acceptsSubmitted']>[number]]?: (
      data: CommandNamed<S, T>['data'],
      platform: PlatformOf<S>,
      submitter: Submitter,
    ) => Promise<void>
  }
} & (S extends { readonly saga: { readonly definition: infer Definition } }
  ? SagaHandler<Definition, PlatformOf<S>>
  : unknown) &
  (S extends { readonly subscriptions: Subscriptions<infer Meaning> }
    ? SubscriptionHandler<Meaning, PlatformOf<S>>
    : unknown) &
  (S['contracts'] extends { readonly queries: object } ? QueryHandlers<S['contracts'], PlatformOf<S>> : unknown) &
  (S extends { readonly ingress: 'public' } ? { readonly publicApi: PublicApi } : unknown)

interface QueryHandlers<Own extends Contracts, Platform> {
  readonly queries: {
    readonly [N in QueryName<Own>]: (
      request: ParsedRequest<QueryNamed<Own, N>>,
      platform: Platform,
    ) => Promise<Answered<QueryNamed<Own, N>>>
  }
}

/** A message with any reply to a step of the saga. */
export type SagaReply<Definition> =
  ReplyOf<Definition> extends infer Reply
    ? Reply extends { readonly type: infer Type extends string; readonly data: infer Data }
      ? Envelope<Type, Data>
      : never
    : never

interface SagaHandler<Definition, Platform> {
  /** Takes the reply to any step of the service's saga. */
  readonly onSagaReply: (message: SagaReply<Definition>, platform: Platform, delivery: Delivery) => Promise<unknown>
}

interface SubscriptionHandler<Meaning, Platform> {
  /** Takes every event of the service's `subscriptions`, with its meaning. */
  readonly onSubscribed: (
    message: Envelope,
    meaning: Meaning,
    platform: Platform,
    delivery: Delivery,
  ) => Promise<unknown>
}

/**
 * Binds handlers to a description; a missing or superfluous one does not compile.
 * @throws Error for a public service without a table of operations, for routes that are in none, and for an objective of requests that the service does not take.
 */
export function implement<S extends Described>(description: S, implementation: Implementation<S>): ServiceApp {
  checkRoutes(description, implementation)
  const { saga, subscriptions, submits = [] } = description
  // Each handler sees only messages that passed its own contract: the runtime parses before it calls.
  const { onSagaReply, onSubscribed, ...app } = implementation as unknown as ServiceApp & {
    readonly onSagaReply: Handler
    readonly onSubscribed: SubscriptionHandler<unknown, unknown>['onSubscribed']
  }
  checkObjectives(description, app.publicApi)
  if (app.publicApi && submits.length > 0) return { ...app, publicApi: withCommandOperations(app.publicApi) }
  const meanings = Object.entries(subscriptions?.meanings ?? {})
  const subscribed = meanings.map(([type, meaningOf]): [string, Handler] => [
    type,
    (message, platform, delivery) => onSubscribed(message, meaningOf(message as never), platform, delivery),
  ])
  const replies = saga ? sameHandlerFor(saga.definition.replies, onSagaReply) : {}
  return { ...app, on: { ...app.on, ...Object.fromEntries(subscribed), ...replies } }
}

/**
 * All routes of a service follow from its description, its contracts and its table of operations.
 * @throws Error for a public service without a table, an internal one with a table, and for any other routes.
 */
export function checkRoutes({ name, ingress }: Pick<Described, 'name' | 'ingress'>, implementation: object): void {
  const isPublic = ingress === 'public'
  const remedy = 'declare each operation with its access by defineApi, and make publicApi by serveOperations'
  if (Object.hasOwn(implementation, 'routes'))
    throw new Error(
      `The service ${name} gives routes of its own, which nothing checks: ${isPublic ? remedy : 'declare queries in its contracts'}.`,
    )
  const hasApi = (implementation as Partial<ServiceApp>).publicApi !== undefined
  if (isPublic && !hasApi) throw new Error(`The service ${name} is public and has no publicApi: ${remedy}.`)
  if (!isPublic && hasApi)
    throw new Error(
      `The service ${name} is internal, so that no client reaches its publicApi: declare queries in its contracts, which a public service asks.`,
    )
}

/** `POST /v1/tickets` for each operation of the public API, or for each query of an internal service. */
export const requestsOf = (contracts: Contracts, publicApi?: PublicApi): string[] =>
  Object.values<{ method: string; path: string }>(publicApi?.operations ?? contracts.queries ?? {}).map(
    ({ method, path }) => `${method.toUpperCase()} ${path}`,
  )

/** The requests of an objective are counted by method and path: a misspelt one would count none. */
function checkObjectives({ contracts, requestObjectives = [] }: Described, publicApi: PublicApi | undefined): void {
  for (const { name, method, path } of requestObjectives)
    checkKnown([`${method} ${path}`], requestsOf(contracts, publicApi), `objective ${name}`, 'request to the service')
}

/** One handler for all of these messages: `on: sameHandlerFor(audit.on, record)`. */
export const sameHandlerFor = <Type extends string, H>(types: readonly Type[], handler: H): Readonly<Record<Type, H>> =>
  Object.fromEntries(types.map((type) => [type, handler])) as Record<Type, H>
