/** Simulates Identity Platform: signs the tokens of callers, publishes the key that verifies them, and serves the API of accounts. */

import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  carriesSecret,
  type Clock,
  openHttp,
  openJournal,
  parseJson,
  requireSecret,
  systemClock,
} from 'local-google-cloud/host'
import { SECRET_COMMAND } from '../running.ts'
import { type Account, type Accounts, createAccounts } from './accounts.ts'

/** The roles that are known, by name. */
export type Roles = Readonly<Record<string, Role>>

export interface Role {
  /** Its holders sign in with a second factor, unless the request says otherwise (default: false). */
  readonly secondFactor?: boolean
}

export interface IdentityPlatformOptions {
  /** 0 (the default): any free one. */
  readonly port?: number
  readonly projectId: string
  /** The folder of the signing key, so that tokens stay valid after a restart. Absent: the key is only in memory. */
  readonly dataDir?: string
  readonly clock?: Clock
  /** The secret of this run: requests for a token carry it, and it allows every operation on accounts. */
  readonly secret: string
  readonly roles?: Roles
  /** Checks the permission of an access token on accounts; absent: no token has one. */
  readonly isGranted?: (accessToken: string, permission: string) => boolean
}

export interface TokenRequest {
  readonly sub: string
  readonly roles?: readonly string[]
  readonly expiresInSeconds?: number
  /** How the second factor was given; null: the person signed in without one. */
  readonly secondFactor?: 'totp' | 'phone' | null
}

export interface IdentityPlatform {
  readonly url: string
  readonly port: number
  readonly issuer: string
  readonly jwksUrl: string
  mint(request: TokenRequest): Promise<{ token: string; expiresAt: string }>
  readonly revoke: Accounts['revoke']
  close(): Promise<void>
}

const VALID_FOR_SECONDS = 3600
const MAX_BODY_BYTES = 64 * 1024
/** Roles are not checked, so that a test can make a token with an unknown role. */
const tokenRequest = z.object({
  sub: z.string().min(1).max(128),
  roles: z.array(z.string()).max(10).optional(),
  secondFactor: z.enum(['totp', 'phone']).nullish(),
})

/** @throws Error (EADDRINUSE) that names the port when it is taken. */
export async function createIdentityPlatform({
  port = 0,
  projectId,
  dataDir,
  clock = systemClock,
  secret,
  roles: known = {},
  isGranted = () => false,
}: IdentityPlatformOptions): Promise<IdentityPlatform> {
  const journal = openJournal(dataDir === undefined ? {} : { directory: dataDir })
  const keys = journal.table<{ publicJwk: JWK; privateJwk: JWK }>('keys')
  const pair = keys.get('signing') ?? (await makePair())
  keys.set('signing', pair)
  journal.flush()
  const privateKey = await importJWK(pair.privateJwk, 'RS256')
  const app = new Hono()
  const accounts = createAccounts({
    projectId,
    table: journal.table<Account>('accounts'),
    clock,
    may: (c, permission) =>
      carriesSecret((name) => c.req.header(name), secret) ||
      isGranted(/^bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '', permission),
  })
  const server = await openHttp(port, app, 'the identity platform')
  const url = `http://127.0.0.1:${server.port}`
  const issuer = `${url}/${projectId}`

  const mint = async ({
    sub,
    roles = [],
    expiresInSeconds = VALID_FOR_SECONDS,
    secondFactor = roles.some((role) => known[role]?.secondFactor) ? 'totp' : null,
  }: TokenRequest): Promise<{ token: string; expiresAt: string }> => {
    const nowSeconds = Math.floor(clock.now() / 1000)
    const claims = roles.length === 0 ? {} : { roles: [...roles] }
    accounts.signIn(sub, claims, nowSeconds)
    const token = await new SignJWT({
      ...claims,
      auth_time: nowSeconds,
      user_id: sub,
      firebase: {
        identities: {},
        sign_in_provider: 'password',
        ...(secondFactor === null
          ? {}
          : { sign_in_second_factor: secondFactor, second_factor_identifier: `${secondFactor} of ${sub}` }),
      },
    })
      .setProtectedHeader({ alg: 'RS256', kid: pair.publicJwk.kid!, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(projectId)
      .setSubject(sub)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + expiresInSeconds)
      .sign(privateKey)
    return { token, expiresAt: new Date((nowSeconds + expiresInSeconds) * 1000).toISOString() }
  }
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES }))
  // An acknowledged change outlives the process.
  app.use(async (_, next) => {
    await next()
    journal.flush()
  })
  app.route('/identitytoolkit.googleapis.com', accounts.http)
  app.get('/jwks', (c) => c.json({ keys: [pair.publicJwk] }))
  app.post('/v1/token', requireSecret(secret, SECRET_COMMAND), async (c) => {
    const request = tokenRequest.safeParse(bodyOf(await c.req.text()))
    if (!request.success) {
      return c.json({ code: 'invalid-body', message: `Send {"sub": "…", "roles": [${namesOf(known)}]}.` }, 400)
    }
    const { sub, roles, secondFactor } = request.data
    try {
      return c.json(
        await mint({ sub, ...(roles ? { roles } : {}), ...(secondFactor === undefined ? {} : { secondFactor }) }),
      )
    } catch (error) {
      return c.json({ code: 'user-disabled', message: (error as Error).message }, 400)
    }
  })
  return {
    url,
    port: server.port,
    issuer,
    jwksUrl: `${url}/jwks`,
    mint,
    revoke: accounts.revoke,
    async close() {
      await server.close()
      journal.close()
    },
  }
}

const namesOf = (roles: Roles): string =>
  Object.keys(roles)
    .map((name) => `"${name}"`)
    .join(' | ')

/** Undefined if the text is not JSON, or nests too deep. */
function bodyOf(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

async function makePair(): Promise<{ publicJwk: JWK; privateJwk: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  const kid = createHash('sha256').update(JSON.stringify(publicJwk)).digest('hex').slice(0, 16)
  return { publicJwk: { ...publicJwk, kid, alg: 'RS256', use: 'sig' }, privateJwk: await exportJWK(privateKey) }
}
