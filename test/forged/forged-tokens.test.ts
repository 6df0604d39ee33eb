/** Every forged token at every route: customers' at the gateway, services' at each ingress and at the partners. None is let in. */

import { createPrivateKey } from 'node:crypto'
import { Hono } from 'hono'
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readLines } from '../../emulators/core/read-lines.ts'
import { services } from '../../functions/index.ts'
import { accountEmail, commandPath, pushAccountId, pushPath, repeatCommand } from '../../shared/names.ts'
import type { Platform } from '../../shared/platform.ts'
import { localEnvironment } from '../../stacks/environments.ts'
import type { Service } from '../../shared/service.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { temporaryDirectory, type TemporaryDirectory } from '../support/command.ts'
import { type Attempt, type Genuine, places, signed, tokens } from './kinds.ts'

/** For everybody to read; or signed by the provider's own key over the body: `functions/gateway/payment-webhook.test.ts`. */
const notByToken = ['/v1/webhooks/payment-provider', '/openapi.json', '/docs']
const AT_ONCE = 8
/** 431: longer than any header may be. */
const REFUSALS = [401, 403, 431]
/** To who does not come from inside there is nothing; that no service was started shows that it said so itself. */
const INGRESS_REFUSALS = [...REFUSALS, 404]

let folder: TemporaryDirectory
let platform: TestPlatform

beforeAll(async () => {
  folder = temporaryDirectory()
  platform = await startTestPlatform({ seeded: false, dataDirectory: folder.path })
}, 240_000)
afterAll(async () => {
  await platform?.close()
  folder.remove()
}, 60_000)

interface Route {
  readonly method: string
  readonly path: string
}

/** What a service serves besides its deliveries and its health. */
async function ownRoutes(service: Service): Promise<Route[]> {
  const http = new Hono()
  const { settings } = localEnvironment(platform.ports)
  const setting = (name: string): string => settings[name]!
  const { app } = await service.load()
  app.routes?.(http, { setting, now: () => 0 } as unknown as Platform)
  return http.routes
    .filter(({ method, path }) => method !== 'ALL' && !notByToken.includes(path))
    .map(({ method, path }) => ({ method, path: path.replaceAll(/:\w+/g, 'x') }))
}

function deliveries(service: Service): Route[] {
  const paths = [
    ...service.on.map((type) => pushPath(service.runtime, platform.running.projectId, type)),
    ...[...service.accepts, repeatCommand].map(commandPath),
  ]
  return paths.map((path) => ({ method: 'POST', path }))
}

/** What the keepers of the keys keep to themselves. */
function signingKey(directory: string, table: string): JWK {
  let found: JWK | undefined
  readLines(join(folder.path, directory, 'journal.jsonl'), (line) => {
    for (const [name, , value] of JSON.parse(line) as [string, string, { privateJwk: JWK }?][])
      if (name === table && value) found = value.privateJwk
  })
  return found!
}

/** A token that is let in, taken apart, and the key to sign what it never said. */
function genuine(token: string, key: JWK): Genuine {
  return {
    header: { ...decodeProtectedHeader(token) },
    claims: { ...decodeJwt(token) },
    key: createPrivateKey({ key, format: 'jwk' }),
  }
}

async function ofGoogle(account: string, audience: string): Promise<Genuine> {
  const email = accountEmail(account, platform.running.projectId)
  const { mintIdToken } = platform.cloud.core<{ mintIdToken(of: object): Promise<string> }>('iam')
  return genuine(await mintIdToken({ email, audience }), signingKey('cloud', 'iam/keys'))
}

async function ofCustomer(): Promise<Genuine> {
  const { token } = await platform.identity.mint({ sub: 'customer-1', roles: ['customer', 'staff', 'importer'] })
  return genuine(token, signingKey('identity', 'keys'))
}

/** Every kind, as a request has it. */
function attempts(of: Genuine, more: Readonly<Record<string, string>> = {}): [kind: string, attempt: Attempt][] {
  const bearer = (token: string): Attempt => ({ headers: { authorization: `Bearer ${token}` } })
  return [
    ...Object.entries(tokens).map(([kind, forge]): [string, Attempt] => [kind, bearer(forge(of))]),
    ...Object.entries(places).map(([kind, place]): [string, Attempt] => [kind, place(signed(of))]),
    ...Object.entries(more).map(([kind, token]): [string, Attempt] => [kind, bearer(token)]),
  ]
}

async function ask(origin: string, { method, path }: Route, { headers = {}, query }: Attempt): Promise<number> {
  const response = await fetch(`${origin}${path}${query ? `?${query}` : ''}`, {
    method,
    headers: { 'content-type': 'application/json', 'idempotency-key': 'k', ...headers },
    ...(method === 'GET' ? {} : { body: '{}' }),
  })
  await response.body?.cancel()
  return response.status
}

/** Those that were answered by anything but a refusal. */
async function letIn(
  origin: string,
  routes: readonly Route[],
  kinds: readonly [string, Attempt][],
  refusals = REFUSALS,
): Promise<string[]> {
  const accepted: string[] = []
  const queue = routes.flatMap((route) => kinds.map(([kind, attempt]) => ({ route, kind, attempt })))
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const { route, kind, attempt } = next
      const status = await ask(origin, route, attempt)
      if (!refusals.includes(status)) accepted.push(`${kind} at ${route.method} ${route.path}: ${status}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return accepted
}

it('are of at least forty kinds', () => {
  expect(Object.keys(tokens).length + Object.keys(places).length).toBeGreaterThanOrEqual(40)
})

describe('are let in nowhere', () => {
  const internal = services.filter(({ ingress }) => ingress === 'internal')

  it.each(internal.map((service) => [service.name, service] as const))(
    'at the ingress of %s',
    { timeout: 240_000 },
    async (name, service) => {
      const origin = platform.running.gatewayUrl.replace(/\d+$/, String(platform.ports.service(name)))
      const of = await ofGoogle(service.on.length > 0 ? pushAccountId(name) : 'gateway', origin)
      const more = {
        'a customer’s token': signed(await ofCustomer()),
        'a token for the gateway': signed({ ...of, claims: { ...of.claims, aud: platform.running.gatewayUrl } }),
        'an account of nobody': signed({ ...of, claims: { ...of.claims, email: 'stranger@example.com' } }),
        'an account without the grant': signed({
          ...of,
          claims: { ...of.claims, email: accountEmail('notifications', platform.running.projectId) },
        }),
        'an e-mail that is not verified': signed({ ...of, claims: { ...of.claims, email_verified: false } }),
        'an e-mail that says it is verified': signed({ ...of, claims: { ...of.claims, email_verified: 'true' } }),
        'no e-mail': signed({ ...of, claims: { ...of.claims, email: undefined } }),
        'a list of e-mails': signed({ ...of, claims: { ...of.claims, email: [of.claims['email']] } }),
      }
      const routes = [
        ...deliveries(service),
        ...(await ownRoutes(service)),
        { method: 'GET', path: '/health/live' },
        { method: 'POST', path: '/' },
      ]
      const kinds = attempts(of, more)
      kinds.push([
        'nonsense in X-Serverless-Authorization, which goes before',
        { headers: { 'x-serverless-authorization': 'Bearer nonsense', authorization: `Bearer ${signed(of)}` } },
      ])
      expect(await letIn(origin, routes, kinds, INGRESS_REFUSALS)).toEqual([])
      const before = platform.cloud.counters()['run.coldStarts'] ?? 0
      // The check can pass: this very token, untouched, gets through to the service.
      expect(platform.run.processes().map((one) => one.service)).not.toContain(name)
      if (service.on.length > 0) {
        const heard = await ask(
          origin,
          { method: 'GET', path: '/health/live' },
          { headers: { authorization: `Bearer ${signed(of)}` } },
        )
        expect(heard).toBe(200)
        expect(platform.cloud.counters()['run.coldStarts']).toBe(before + 1)
        await platform.run.kill(name, 'SIGKILL')
      }
    },
  )

  it('at the gateway', { timeout: 240_000 }, async () => {
    const gateway = services.find(({ ingress }) => ingress === 'public')!
    const origin = platform.running.gatewayUrl
    const of = await ofCustomer()
    const routes = await ownRoutes(gateway)
    const more = {
      'a service’s token': signed(await ofGoogle('orders', origin)),
      'a service’s token for the customers’ audience': signed(await ofGoogle('orders', String(of.claims['aud']))),
      'a role that nobody has': signed({ ...of, claims: { ...of.claims, roles: ['admin'] } }),
      'roles that are no list': signed({ ...of, claims: { ...of.claims, roles: 'staff' } }),
      'an empty subject': signed({ ...of, claims: { ...of.claims, sub: '' } }),
      'a subject too long': signed({ ...of, claims: { ...of.claims, sub: 'x'.repeat(129) } }),
    }
    expect(await letIn(origin, routes, attempts(of, more))).toEqual([])
    // It has no paths for events and commands, where no ingress stands before it.
    const service = { headers: { authorization: `Bearer ${signed(await ofGoogle('orders', origin))}` } }
    for (const path of [commandPath('PlaceOrder'), pushPath('http', platform.running.projectId, 'order.placed')])
      expect(await ask(origin, { method: 'POST', path }, service)).toBe(404)
    // The check can pass: this very token, untouched, is let in.
    const genuinely = { headers: { authorization: `Bearer ${signed(of)}` } }
    expect(REFUSALS).not.toContain(await ask(origin, { method: 'GET', path: '/v1/orders/x' }, genuinely))
  })

  it.each([
    [
      'payment provider',
      () => platform.paymentProvider.url,
      [
        'POST /v1/authorizations',
        'POST /v1/authorizations/by-key/k/captures',
        'POST /v1/authorizations/by-key/k/void',
        'POST /v1/authorizations/by-key/k/refunds',
        'GET /v1/authorizations/by-key/k',
        'GET /v1/ledger',
      ],
    ],
    ['carrier', () => platform.carrier.url, ['POST /v1/bookings', 'GET /v1/bookings/k']],
  ] as const)('at the %s', { timeout: 120_000 }, async (_, url, lines) => {
    const routes = lines.map((line): Route => ({ method: line.split(' ')[0]!, path: line.split(' ')[1]! }))
    const of = await ofGoogle('payments', url())
    const kinds = attempts(of, {
      'a customer’s token': signed(await ofCustomer()),
      'a token for the gateway': signed(await ofGoogle('payments', platform.running.gatewayUrl)),
    })
    expect(await letIn(url(), routes, kinds)).toEqual([])
    expect(await ask(url(), routes.at(-1)!, { headers: { authorization: `Bearer ${signed(of)}` } })).not.toBe(401)
  })
})
