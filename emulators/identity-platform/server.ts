/** Stands in for Identity Platform: signs customers' and staff's tokens, and publishes the key they are checked by. */

import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.ts'
import { openHttp } from '../core/http-server.ts'
import { openJournal } from '../core/journal.ts'
import { parseJson } from '../core/json.ts'
import { requireSecret } from '../core/run-secret.ts'

export interface IdentityPlatformOptions {
  /** 0 (the default): any free one. */
  readonly port?: number
  readonly projectId: string
  /** Where the key is kept, so that tokens outlive a restart; absent: in memory. */
  readonly dataDir?: string
  readonly clock?: Clock
  /** Of this run: whoever asks for a token over HTTP sends it. */
  readonly secret: string
}

export interface TokenRequest {
  readonly sub: string
  readonly roles?: readonly string[]
  readonly expiresInSeconds?: number
}

export interface IdentityPlatform {
  readonly url: string
  readonly port: number
  readonly issuer: string
  readonly jwksUrl: string
  mint(request: TokenRequest): Promise<{ token: string; expiresAt: string }>
  close(): Promise<void>
}

const VALID_FOR_SECONDS = 3600
const LARGEST_BODY_BYTES = 64 * 1024
/** Roles are not checked: a token with one that nobody knows is there to be refused. */
const tokenRequest = z.object({ sub: z.string().min(1).max(128), roles: z.array(z.string()).max(10).optional() })

/** @throws Error (EADDRINUSE) that names the port when it is taken. */
export async function createIdentityPlatform({
  port = 0,
  projectId,
  dataDir,
  clock = systemClock,
  secret,
}: IdentityPlatformOptions): Promise<IdentityPlatform> {
  const journal = openJournal(dataDir === undefined ? {} : { directory: dataDir })
  const keys = journal.table<{ publicJwk: JWK; privateJwk: JWK }>('keys')
  const pair = keys.get('signing') ?? (await makePair())
  keys.set('signing', pair)
  journal.flush()
  const privateKey = await importJWK(pair.privateJwk, 'RS256')
  const app = new Hono()
  const server = await openHttp(port, app)
  const url = `http://127.0.0.1:${server.port}`
  const issuer = `${url}/${projectId}`

  const mint = async ({
    sub,
    roles = ['customer'],
    expiresInSeconds = VALID_FOR_SECONDS,
  }: TokenRequest): Promise<{ token: string; expiresAt: string }> => {
    const nowSeconds = Math.floor(clock.now() / 1000)
    const token = await new SignJWT({ roles: [...roles] })
      .setProtectedHeader({ alg: 'RS256', kid: pair.publicJwk.kid!, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(projectId)
      .setSubject(sub)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + expiresInSeconds)
      .sign(privateKey)
    return { token, expiresAt: new Date((nowSeconds + expiresInSeconds) * 1000).toISOString() }
  }
  app.use(bodyLimit({ maxSize: LARGEST_BODY_BYTES }))
  app.get('/jwks', (c) => c.json({ keys: [pair.publicJwk] }))
  app.post('/v1/token', requireSecret(secret), async (c) => {
    const request = tokenRequest.safeParse(bodyOf(await c.req.text()))
    if (!request.success) {
      return c.json(
        { code: 'invalid-body', message: 'Send {"sub": "…", "roles": ["customer" | "staff" | "importer"]}.' },
        400,
      )
    }
    const { sub, roles } = request.data
    return c.json(await mint({ sub, ...(roles ? { roles } : {}) }))
  })
  return {
    url,
    port: server.port,
    issuer,
    jwksUrl: `${url}/jwks`,
    mint,
    async close() {
      await server.close()
      journal.close()
    },
  }
}

/** Undefined for text that is no JSON or nests too deep. */
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
