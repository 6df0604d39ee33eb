/** The Hono app of a service: its push and task paths, its health, its public API. */

import { Hono } from 'hono'
import type { Context } from 'hono'
import { checkRoutes } from '../service/app.ts'
import type { ServiceApp } from '../service/service-app.ts'
import type { Config } from '../base/config.ts'
import type { RunningPlatform } from './create-platform.ts'
import { DEADLINE_HEADER, deadlineOf, MAX_REQUEST_MS, withDeadline } from '../base/deadline.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { canConnect, publicPart, statusOf } from '../service/health.ts'
import { servePublicApi } from '../edge/serve-public-api.ts'
import { limitHeaders } from '../http/header-limit.ts'
import { answerProblem, disconnectOf, limitedBody } from '../http/http.ts'
import {
  commandPath,
  discardCommand,
  eventPath,
  formerRepublishCommand,
  replayCommand,
  republishCommand,
} from '../base/names.ts'
import { fromOperators } from '../service/service.ts'
import { outcomeRoute } from './command-outcomes.ts'
import { createCallerCheck } from './caller-check.ts'
import { type CallFunction, createReceiver, type Outcome } from './receive.ts'
import { logCallerRefused, logRefusal, routeOf } from '../http/refusals.ts'
import { queryRoutes } from './query-routes.ts'
import {
  createDiscard,
  createReplay,
  dropped,
  logOperatorCommand,
  namedOperator,
  retriesOf,
} from './dead-letter-acts.ts'
import { scheduleRoutes } from './schedules.ts'
import { submissionRoutes } from './submissions.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The request was answered with an error, which is logged. */
    hasFailed?: boolean
  }
}

/** Pub/Sub messages have at most 10 MB, base64 a third more; tasks 1 MiB. */
const PUSH_BYTES = 14 * 1024 * 1024

/** @param call Calls the CloudEvent function of a service that has one. */
export function createHttpApp(app: ServiceApp, platform: RunningPlatform, config: Config, call?: CallFunction): Hono {
  checkRoutes(platform.service, app)
  const http = new Hono()
  const receiver = createReceiver(app, platform, config)
  const check = createCallerCheck(config, platform.now)
  const caller = async (c: Context, allowed: readonly string[], kind: 'delivery' | 'query'): Promise<string> => {
    try {
      return await check({ get: (name) => c.req.header(name) }, allowed, kind)
    } catch (error) {
      logCallerRefused(platform.security, error, routeOf(c))
      throw error
    }
  }
  const deadLetterActs = {
    [replayCommand]: createReplay(receiver, platform, config),
    [discardCommand]: createDiscard(platform, config),
  }
  const isInternal = platform.service.ingress === 'internal'
  const bytes = async (c: Context): Promise<Buffer> => limitedBody(c, PUSH_BYTES)

  if (isInternal) {
    // A public service has limits of its own, which come first: see `limitHeaders`.
    http.use('*', limitHeaders())
    health()
  }
  http.use('*', async (c, next) => {
    const { method, path } = c.req
    if (path.startsWith('/health/')) return next()
    const about = { method, isDelivery: isInternal && isDelivery(path), header: (name: string) => c.req.header(name) }
    await platform.telemetry.request(about, async () => {
      await next()
      // The route's pattern, not its path: clients choose paths, and each would become a time series of its own.
      const route = routeOf(c)
      return { status: c.get('problemStatus') ?? c.res.status, ...(route === undefined ? {} : { route }) }
    })
  })

  // The calling service says how long it waits, and disconnects when its own client does. A public service sets its deadline
  // itself: a client's would end calls to others. A delivery has none: once begun it is finished, so that its redelivery
  // finds the recorded decision.
  if (isInternal) {
    http.use('*', (c, next) => {
      if (isDelivery(c.req.path)) return next()
      const callerMs = deadlineOf(c.req.header(DEADLINE_HEADER))
      const options = { byCaller: callerMs !== undefined, disconnect: disconnectOf(c) }
      return withDeadline(callerMs ?? MAX_REQUEST_MS, next, options)
    })
    deliveries()
  }
  if (app.publicApi) servePublicApi(http, platform, app.publicApi)
  // Every client may ask for the health of a public service: its limits apply first.
  if (!isInternal) health()
  // `route-missing` means that this revision lacks the route. It does not mean that the requested object is missing.
  const missing = isInternal ? 'route-missing' : 'not-found'
  http.notFound((c) =>
    answerProblem(c, { code: missing, detail: `There is nothing at ${c.req.method} ${c.req.path}.` }),
  )
  http.onError((error, c) => {
    logRefusal(platform.security, c, { error, isInternal })
    // Work that ends after the deadline of its request, or after its client hung up, fails a second time.
    const isKnown = c.get('hasFailed') && (error instanceof Refused || error instanceof Unavailable)
    c.set('hasFailed', true)
    return answerProblem(c, error, isKnown ? undefined : platform.log)
  })
  return http

  function health(): void {
    http.get('/health/live', (c) => c.text('ok'))
    let started: Promise<void> | undefined
    http.get('/health/started', async (c) => {
      started ??= reachPeer(config.PEERS)
      try {
        await started
        return c.text('ok')
      } catch {
        // The next probe tries again; after the first connection none is opened.
        started = undefined
        return c.text('The network can not be reached yet.', 503)
      }
    })
    http.get('/health/ready', async (c) => {
      const readiness = await platform.health.readiness()
      return c.json(publicPart(readiness), statusOf(readiness))
    })
  }

  /** Routes for Pub/Sub, Cloud Tasks and other services. A public service has no such routes, because its ingress admits every caller. */
  function deliveries(): void {
    for (const type of platform.service.on) {
      http.post(eventPath(type), async (c) => {
        await caller(c, [config.PUSH_ACCOUNT], 'delivery')
        return answer(c, await receiver.event(type, await bytes(c), call))
      })
    }
    for (const [command, act] of Object.entries(deadLetterActs)) {
      http.post(commandPath(command), async (c) => {
        await caller(c, [config.OPERATIONS_ACCOUNT], 'delivery')
        return answer(c, await act(await bytes(c), { get: (name) => c.req.header(name) }))
      })
    }
    http.post('/commands/:command', async (c) => {
      const name = c.req.param('command')
      const command = name === formerRepublishCommand ? republishCommand : name
      // A command that has no senders is dead-lettered only if its caller may send some other command.
      const senders =
        (Object.hasOwn(config.SENDERS, command) && config.SENDERS[command]) || Object.values(config.SENDERS).flat()
      const operators = fromOperators(platform.service).includes(command) ? [config.OPERATIONS_ACCOUNT] : []
      const email = await caller(c, [...senders, ...operators], 'delivery')
      const header = { get: (name: string) => c.req.header(name) }
      if (email === config.OPERATIONS_ACCOUNT) {
        const { security } = platform
        const operator = namedOperator(header, { type: command, config, security })
        if (!operator) return answer(c, dropped)
        logOperatorCommand(security, header, { operator, type: command })
      }
      const task = {
        name: c.req.header('x-cloudtasks-taskname') ?? '',
        retries: retriesOf(header),
        traceparent: c.req.header('traceparent'),
      }
      return answer(c, await receiver.command(command, await bytes(c), task))
    })

    scheduleRoutes(http, platform, (c) =>
      caller(c, config.CRON_ACCOUNT === undefined ? [] : [config.CRON_ACCOUNT], 'delivery'),
    )

    // An account is named for the service that runs as it.
    const serviceOf = (email: string): string => email.split('@', 1)[0]!
    submissionRoutes(http, app, platform, async (c, type) =>
      serviceOf(await caller(c, accountsFor(config.SUBMITTERS, type), 'query')),
    )
    outcomeRoute(http, platform, async (c) =>
      serviceOf(await caller(c, Object.values(config.SUBMITTERS).flat(), 'query')),
    )
    queryRoutes(http, app, platform, (c, query) => caller(c, accountsFor(config.CALLERS, query), 'query'))
    // A caller without a grant can not find out which other paths exist.
    http.use('*', async (c, next) => {
      await caller(c, Object.values(config.CALLERS).flat(), 'query')
      await next()
    })
  }
}

const accountsFor = (accounts: Readonly<Record<string, readonly string[]>>, name: string): readonly string[] =>
  (Object.hasOwn(accounts, name) && accounts[name]) || []

const isDelivery = (path: string): boolean => /^\/(events|commands|schedules)\//.test(path)

function answer(c: Context, { status, retryAfterSeconds }: Outcome): Response {
  if (retryAfterSeconds !== undefined) c.header('retry-after', String(retryAfterSeconds))
  return c.body(null, status)
}

/**
 * Opens a connection to a service that this one calls: for a minute or more after its start, an instance on Cloud Run may
 * have no way into the VPC. A service that calls no other needs no connection. @throws Error of the connection
 */
async function reachPeer(peers: Config['PEERS']): Promise<void> {
  const [url] = Object.values(peers)
  if (url === undefined) return
  const { hostname, port, protocol } = new URL(url)
  await canConnect(`${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`)
}
