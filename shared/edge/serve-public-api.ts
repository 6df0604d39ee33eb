/** Serves the public API of a service: the edge's limits before each request, then a route for each operation of its table. */

import type { Hono } from 'hono'
import { Refused } from '../base/errors.ts'
import { once } from '../base/once.ts'
import { tokenAudience, tokenIssuer, tokenKeysUrl } from '../service/edge-settings.ts'
import type { Operation } from '../service/operation.ts'
import {
  apiOfInstance,
  checkRoomFor,
  type OperationHandler,
  type PublicApi,
  type SignatureCheck,
} from '../service/public-api.ts'
import { type CallerOf, createTokenCheck } from './caller-tokens.ts'
import { commandHandlers } from './commands.ts'
import { createEdge, type Edge } from './edge.ts'
import { deprecationOf, type EdgePlatform } from './deprecation.ts'
import { createEventStreams } from './event-stream.ts'
import { spellGraphql } from './graphql-answers.ts'
import { routeGraphql } from './graphql-routes.ts'
import { type AccessChecks, bind, type Bound, routeRest } from './handle.ts'
import { messageHandlers } from './asyncapi.ts'
import { documentHandlers } from './openapi.ts'
import type { RunningService } from './rpc-calls.ts'
import { createRpcs } from './rpc-routes.ts'

/**
 * @throws Error for an operation without access, without a handler, with a path that is not declared completely, or with more charges
 * than a limit has room for.
 */
export function servePublicApi(http: Hono, platform: EdgePlatform & RunningService, declared: PublicApi): void {
  const api = apiOfInstance(declared, platform)
  const { operations, roles } = api
  const settings = platform.setting(api.limits)
  checkRoomFor(operations, settings)
  const check = createTokenCheck(
    {
      issuer: platform.setting(tokenIssuer),
      audience: platform.setting(tokenAudience),
      jwksUrl: platform.setting(tokenKeysUrl),
      roles,
      checkPrivileged: api.privilegedTokens?.(platform),
    },
    platform.now,
  )
  const rpcs = api.rpcs && createRpcs(platform, api.rpcs, Object.entries(operations))
  if (rpcs) http.use('*', rpcs.spelling)
  if (api.graphql) http.use('*', spellGraphql)
  const edge = createEdge(http, {
    settings,
    roles,
    signedPaths: Object.values(operations)
      .filter(({ access }) => access === 'signed')
      .map(({ path }) => path),
    now: platform.now,
  })
  const caller = chargedCaller(check, edge, api)
  const signatures = api.signatures?.(platform) ?? {}
  const handlers: ReturnType<PublicApi['handlers']> = {
    ...api.handlers(platform),
    ...documentHandlers(api),
    ...(api.messages ? messageHandlers(api, api.messages.services) : {}),
    // Each gets only what its own operation declares.
    ...(commandHandlers(platform, api) as ReturnType<PublicApi['handlers']>),
  }
  const beside = besideOtherSystem(platform, api)
  const openStream = createEventStreams({ log: platform.log, isStopping: () => platform.health.isStopping })
  const bounds = new Map<string, { readonly operation: Operation; readonly bound: Bound }>()
  for (const [id, operation] of Object.entries(operations)) {
    const handler = handlers[id]
    if (!handler) throw new Error(`The operation ${id} has no handler: give one to implementEdge.`)
    const signature = Object.hasOwn(signatures, id) ? provingSignature(signatures[id]!, edge) : undefined
    const deprecation = deprecationOf({ id, ...operation }, { api, platform })
    const bound = bind(operation, beside(id, operation, handler), api.access, {
      caller,
      signature,
      chargeFurther: edge.chargeFurther,
      deprecation,
      openStream,
    })
    routeRest(http, operation, bound)
    rpcs?.route(http, id, operation, bound)
    bounds.set(id, { operation, bound })
  }
  rpcs?.routePlatform(http)
  if (api.graphql) {
    const { edges = {} } = api
    const loaders = api.loaders?.(platform) ?? {}
    const { chargeFurther } = edge
    routeGraphql(http, { platform, source: api.graphql, operations: bounds, edges, loaders, caller, chargeFurther })
  }
}

type Beside = (id: string, operation: Operation, handler: OperationHandler<Operation>) => OperationHandler<Operation>

/** Handlers as they are, unless there is another system: its part is loaded by the first request. */
function besideOtherSystem(platform: EdgePlatform, { otherSystem }: Pick<PublicApi, 'otherSystem'>): Beside {
  const url = otherSystem ? platform.setting(otherSystem) : 'off'
  if (url === 'off') return (_id, _operation, handler) => handler
  const { telemetry } = platform
  const strangler = once(async () => {
    const { openStrangler } = await import('../strangler/divert.ts')
    return openStrangler({ url, platform, compared: (comparison) => telemetry.compared(comparison) })
  })
  return (id, operation, handler) => async (given) => (await strangler()).answer(id, operation, handler, given)
}

const chargedCaller =
  (check: CallerOf, edge: Edge, { subjectOf }: Pick<PublicApi, 'subjectOf'>): AccessChecks['caller'] =>
  async (c) => {
    const caller = await check(c.req.header('authorization')).catch((error: unknown) => {
      // Keys that can not be had say nothing about the token.
      if (error instanceof Refused) edge.refuse(c)
      throw error
    })
    c.set('subject', subjectOf(caller))
    edge.admit(c, caller)
    return caller
  }

const provingSignature =
  (signature: SignatureCheck, edge: Edge): SignatureCheck =>
  async (c) => {
    const covers = await signature(c)
    // Before the body is read: others hold no place while they send.
    edge.prove(c)
    return covers
  }
