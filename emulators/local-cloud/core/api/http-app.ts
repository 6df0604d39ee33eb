/** The REST side of one port: the routes that the protos annotate, the plugins' own, and those under `/_local`. */

import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Http } from '../service.ts'
import { type Access, OWNER, type RouteAccess, routeAllowed } from '../access/access.ts'
import type { Journal } from '../journal.ts'
import type { RequestLogEntry } from '../plugin.ts'
import { fieldSelector } from './partial-response.ts'
import { parseBody } from './rest-json.ts'
import { errorAnswer, type Rest } from './rest.ts'
import { carriesSecret, requireSecret } from '../run-secret.ts'
import { notFound, StatusError } from '../status.ts'

const MAX_REST_BODY_BYTES = 32 * 1024 * 1024
/** For bodies that do not say how long they are; it builds a stream around each, which the others need not pay for. */
const limited = bodyLimit({ maxSize: MAX_REST_BODY_BYTES, onError: refuseBody })

export interface Page {
  /** The Content-Security-Policy. */
  readonly policy: string
  html(): Promise<string>
}

export interface Port {
  readonly principal: string
  readonly rest: Rest
  readonly apps: readonly Http[]
  /** The permissions that service accounts need for the apps' routes. */
  readonly routes: readonly RouteAccess[]
  readonly access: Access
  readonly journal: Journal
  /** The run secret: see run-secret.ts. */
  readonly secret: string
  readonly secretCommand: string | undefined
  /** At the root of the owner's port. */
  readonly page: Page | undefined
}

/** Serves routes of proto annotations first, then the plugins' own routes; otherwise answers an error that names the route. */
export function httpApp({ principal, rest, apps, routes, access, journal, secret, secretCommand, page }: Port): Http {
  const app: Http = new Hono()
  app.use(async (c, next) => {
    const { raw } = c.req
    c.set('context', {
      principal,
      transport: 'rest',
      // To ask for it costs a controller, and an error when the answer has gone: few routes do.
      get signal() {
        return raw.signal
      },
      get hasSecret() {
        return carriesSecret((name) => c.req.header(name), secret)
      },
    })
    await next()
    journal.flush()
  })
  app.use(async (c, next) => {
    const fields = c.req.query('fields')
    if (fields === undefined) return next()
    // A selection that can't be parsed is refused before anything is done.
    const select = fieldSelector(fields)
    await next()
    if (!c.res.ok || !c.res.headers.get('content-type')?.startsWith('application/json')) return
    c.res = c.json(select(await c.res.json()) as object)
  })
  app.use((c, next) => {
    if (c.req.header('transfer-encoding') !== undefined) return limited(c, next)
    return Number(c.req.header('content-length') ?? 0) > MAX_REST_BODY_BYTES ? refuseBody() : next()
  })
  app.use(async (c, next) => {
    const url = new URL(c.req.url)
    const method = rest.find(c.req.method, url.pathname)
    if (!method) return next()
    // Read only when a route matches: the others read their own bodies, which need not be text.
    return c.json((await method(url.searchParams, await c.req.text(), c.get('context'))) as object)
  })
  if (principal === OWNER) {
    // For tools that wait until it answers, and may not know the secret.
    app.get('/_local/health', (c) => c.json({ ok: true }))
    app.use('/_local/*', requireSecret(secret, secretCommand))
    if (page)
      app.get('/', async (c) => {
        c.header('content-security-policy', page.policy)
        return c.html(await page.html())
      })
  } else {
    app.use(async (c, next) => {
      const { method, path } = c.req
      const body = async (): Promise<unknown> => parseBody(await c.req.text())
      if (!(await routeAllowed(routes, access, { principal, method, path, body }))) return c.notFound()
      return next()
    })
  }
  for (const one of apps) app.route('/', one)
  app.notFound((c) => {
    const { status, body } = errorAnswer(notFound(`The local cloud has no route ${c.req.method} ${c.req.path}.`))
    return c.json(body as object, status as ContentfulStatusCode)
  })
  app.onError((error, c) => {
    const { status, body } = errorAnswer(error)
    return c.json(body as object, status as ContentfulStatusCode)
  })
  return app
}

function refuseBody(): never {
  throw new StatusError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${MAX_REST_BODY_BYTES} bytes.`)
}

/** For programs other than this one: the bill and the request log, on the owner's port. */
export function localRoutes(counters: ReadonlyMap<string, number>, requestLog: readonly RequestLogEntry[]): Http {
  const app: Http = new Hono()
  app.get('/_local/counters', (c) => c.json(Object.fromEntries(counters)))
  app.get('/_local/request-log', (c) => c.json([...requestLog]))
  return app
}
