/** Parts of an attack on a platform: the routes of its services, valid tokens, and the keys that sign them. */

import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { Hono } from 'hono'
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose'
import { readLines } from 'local-google-cloud/host'
import { loadApp } from '../../../functions/apps.ts'
import { business } from '../../../functions/index.ts'
import { readSettings } from '../../../shared/base/config.ts'
import { platformRpcs } from '../../../shared/edge/rpc-routes.ts'
import { servePublicApi } from '../../../shared/edge/serve-public-api.ts'
import { accountEmail, commandPath, eventPath, republishCommand, submissionPath } from '../../../shared/base/names.ts'
import { deadLetterCommands } from '../../../shared/messaging/dead-letter-commands.ts'
import { queryRoutes } from '../../../shared/runtime/query-routes.ts'
import type { Service } from '../../../shared/service/service.ts'
import { localEnvironment } from '../../../stacks/environments.ts'
import { settingsOf } from '../../../stacks/service-variables.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { type Attempt, type Genuine, places, signed, tokens } from './kinds.testing.ts'

/** Public routes; or routes with a signed body, whose tests are `functions/gateway/payment-webhook.test.ts` and `carrier-webhook.test.ts`. */
const notByToken = [
  '/v1/webhooks/payment-provider',
  '/v1/webhooks/stripe',
  '/v1/webhooks/carrier',
  '/openapi.json',
  '/docs',
  '/asyncapi.json',
  '/docs/messages',
  ...platformRpcs,
]
const CONCURRENCY = 8
/** 431: the header is longer than the limit. */
export const REFUSALS = [401, 403, 431]
/** In place of a status: the connection was closed without an answer. */
export const NO_ANSWER = 0

export interface Route {
  readonly method: string
  readonly path: string
}

export interface Attack {
  /** The routes of a service besides deliveries and health. */
  ownRoutes(service: Service): Promise<Route[]>
  events(service: Service): Route[]
  commands(service: Service): Route[]
  submissions(service: Service): Route[]
  /** A valid token in its parts, and the key that signs other claims. */
  ofGoogle(account: string, audience: string): Promise<Genuine>
  ofCustomer(): Promise<Genuine>
}

export interface Victim {
  readonly platform: TestPlatform
  readonly attack: Attack
}

/** The platform of the test file, whose files the attack can read. */
export function victimInTurn(): Victim {
  const { platform, dataDirectory } = platformInTurn()
  return { platform, attack: attackOn(platform, dataDirectory) }
}

/** Makes an attack on the platform whose data are in that directory. */
function attackOn(platform: TestPlatform, directory: string): Attack {
  const { projectId } = platform.running
  const posted = (path: string): Route => ({ method: 'POST', path })
  return {
    async ownRoutes(service) {
      const http = new Hono()
      const settings = settingsOf(localEnvironment(platform.ports), business)
      const setting = readSettings(service, settings)
      const app = await loadApp(service.name)
      const of = { service, setting, secret: () => '', now: () => 0 } as unknown as Parameters<typeof queryRoutes>[2] &
        Parameters<typeof servePublicApi>[1]
      if (app.publicApi) servePublicApi(http, of, app.publicApi)
      queryRoutes(http, app, of, () => undefined)
      return http.routes
        .filter(({ method, path }) => method !== 'ALL' && !notByToken.includes(path))
        .map(({ method, path }) => ({ method, path: path.replaceAll(/:\w+/g, 'x') }))
    },
    events: (service) => service.on.map((type) => posted(eventPath(type))),
    commands: (service) =>
      [...service.accepts, republishCommand, ...deadLetterCommands].map((command) => posted(commandPath(command))),
    submissions: (service) => service.acceptsSubmitted.map((command) => posted(submissionPath(command))),
    async ofGoogle(account, audience) {
      const { mintIdToken } = platform.cloud.core<{ mintIdToken(of: object): Promise<string> }>('iam')
      const token = await mintIdToken({ email: accountEmail(account, projectId), audience })
      return genuine(token, signingKey(join(directory, 'cloud'), 'iam/keys'))
    },
    async ofCustomer() {
      const { token } = await platform.identity.mint({ sub: 'customer-1', roles: ['customer', 'admin', 'importer'] })
      return genuine(token, signingKey(join(directory, 'identity'), 'keys'))
    },
  }
}

/** The private keys of the token issuers. */
function signingKey(directory: string, table: string): JWK {
  let found: JWK | undefined
  readLines(join(directory, 'journal.jsonl'), (line) => {
    for (const [name, , value] of JSON.parse(line) as [string, string, { privateJwk: JWK }?][])
      if (name === table && value) found = value.privateJwk
  })
  return found!
}

const genuine = (token: string, key: JWK): Genuine => ({
  header: { ...decodeProtectedHeader(token) },
  claims: { ...decodeJwt(token) },
  key: createPrivateKey({ key, format: 'jwk' }),
})

export const bearer = (token: string): Attempt => ({ headers: { authorization: `Bearer ${token}` } })

export type Kind = readonly [name: string, attempt: Attempt]

/** Every kind of forged token, as an attempt. */
export function attempts(of: Genuine, more: Readonly<Record<string, string>> = {}): Kind[] {
  return [
    ...Object.entries(tokens).map(([name, forge]): Kind => [name, bearer(forge(of))]),
    ...Object.entries(places).map(([name, place]): Kind => [name, place(signed(of))]),
    ...Object.entries(more).map(([name, token]): Kind => [name, bearer(token)]),
  ]
}

/** Claims that Google never issued for an allowed account, signed by the right key. */
export function unissuedClaims(of: Genuine): Readonly<Record<string, string>> {
  const claims = (more: object): string => signed({ ...of, claims: { ...of.claims, ...more } })
  return {
    'a token for another': claims({ aud: 'http://127.0.0.1:9999' }),
    'an unknown account': claims({ email: 'stranger@example.com' }),
    'an account without the grant': claims({ email: String(of.claims['email']).replace(/^[^@]*/, 'notifications') }),
    'an e-mail that is not verified': claims({ email_verified: false }),
    'an e-mail that says it is verified': claims({ email_verified: 'true' }),
    'no e-mail': claims({ email: undefined }),
    'a list of e-mails': claims({ email: [of.claims['email']] }),
  }
}

/** The status, or `NO_ANSWER`. */
export async function statusOf(
  origin: string,
  { method, path }: Route,
  { headers = {}, query }: Attempt,
): Promise<number> {
  try {
    const response = await fetch(`${origin}${path}${query ? `?${query}` : ''}`, {
      method,
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k', ...headers },
      ...(method === 'GET' ? {} : { body: '{}' }),
    })
    await response.body?.cancel()
    return response.status
  } catch {
    return NO_ANSWER
  }
}

/** The attempts that were not refused. */
export async function acceptedAttempts(
  origin: string,
  routes: readonly Route[],
  kinds: readonly Kind[],
  refusals = REFUSALS,
): Promise<string[]> {
  const accepted: string[] = []
  const queue = routes.flatMap((route) => kinds.map(([kind, attempt]) => ({ route, kind, attempt })))
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const { route, kind, attempt } = next
      const status = await statusOf(origin, route, attempt)
      if (!refusals.includes(status)) accepted.push(`${kind} at ${route.method} ${route.path}: ${status}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return accepted
}
