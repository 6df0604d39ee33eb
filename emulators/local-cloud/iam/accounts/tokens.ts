/** Google's tokens: ID tokens for push, tasks and the metadata server, checked by Cloud Run's ingress; access tokens. */

import { createLocalJWKSet, exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import type { CloudContext } from '../../core/plugin.ts'
import { notFound } from '../../core/status.ts'
import type { Accounts, ServiceAccount } from './accounts.ts'

const ISSUER = 'https://accounts.google.com'
const VALID_FOR_SECONDS = 3600
/** Clients and we read clocks that may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 10
/** A token is reused while it is valid for at least this time: signing is the most expensive part of a push. */
const RENEW_BEFORE_SECONDS = 600
/** ID tokens that are kept, minted and accepted ones; beyond that all are forgotten. */
const MAX_CACHED_ID_TOKENS = 1000

export interface VerifiedToken {
  readonly email: string
  readonly audience: string
  readonly expiresAtMs: number
}

export interface AccessToken {
  readonly token: string
  readonly expiresInSeconds: number
}

export interface Tokens {
  /** @throws NOT_FOUND when the account does not exist, or is disabled. */
  readonly mintIdToken: (options: { email: string; audience: string }) => Promise<string>
  /** @throws Error that names the fault of the token. */
  readonly verifyIdToken: (token: string, options: { audience: string | string[] }) => Promise<VerifiedToken>
  /** An opaque one, the same until it is about to expire, as the metadata server answers. */
  readonly accessToken: (email: string) => AccessToken
  /** The account of an access token; undefined for a foreign or expired one. */
  readonly accountOf: (accessToken: string) => string | undefined
  readonly jwks: () => { keys: JWK[] }
}

interface StoredKey {
  readonly publicJwk: JWK
  readonly privateJwk: JWK
}

export async function tokens(context: CloudContext, accounts: Accounts): Promise<Tokens> {
  const table = context.journal.table<StoredKey>('iam/keys')
  const stored = table.get('signing') ?? (await makeKey())
  table.set('signing', stored)
  const privateKey = await importJWK(stored.privateJwk, 'RS256')
  const keySet = createLocalJWKSet({ keys: [stored.publicJwk] })
  const minted = new Map<string, { token: string; expiresAtSeconds: number }>()
  /** Their signature need not be computed again: a quarter of a millisecond, for every request between services. */
  const accepted = new Map<string, VerifiedToken>()
  const nowSeconds = (): number => Math.floor(context.clock.now() / 1000)
  const sign = ({ email, uniqueId }: ServiceAccount, audience: string): Promise<string> =>
    new SignJWT({ azp: uniqueId, email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid: stored.publicJwk.kid!, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setSubject(uniqueId)
      .setAudience(audience)
      .setIssuedAt(nowSeconds())
      .setExpirationTime(nowSeconds() + VALID_FOR_SECONDS)
      .sign(privateKey)

  return {
    ...accessTokens(context),
    async mintIdToken({ email, audience }) {
      const account = accounts.find(email)
      if (!account || account.disabled) {
        const why = account ? 'is disabled' : 'does not exist'
        throw notFound(`Service account ${email} ${why}: no ID token can be made for it.`)
      }
      const key = `${account.uniqueId} ${audience}`
      const known = minted.get(key)
      if (known && known.expiresAtSeconds - nowSeconds() > RENEW_BEFORE_SECONDS) return known.token
      const expiresAtSeconds = nowSeconds() + VALID_FOR_SECONDS
      const token = await sign(account, audience)
      if (minted.size >= MAX_CACHED_ID_TOKENS) minted.clear()
      minted.set(key, { token, expiresAtSeconds })
      return token
    },
    async verifyIdToken(token, { audience }) {
      // Only the identical token is accepted from the cache, and only for an audience of this request.
      const known = accepted.get(token)
      if (known && [audience].flat().includes(known.audience) && known.expiresAtMs > context.clock.now()) return known
      const { payload } = await jwtVerify(token, keySet, {
        issuer: ISSUER,
        audience,
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'iat', 'email', 'sub'],
        currentDate: new Date(context.clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      })
      const { email, email_verified: verified, aud, exp, sub } = payload
      if (typeof sub !== 'string' || sub === '') throw new Error('the token has no subject')
      if (typeof email !== 'string' || verified !== true) throw new Error('the token names no verified e-mail')
      const result = { email, audience: String(aud), expiresAtMs: exp! * 1000 }
      if (accepted.size >= MAX_CACHED_ID_TOKENS) accepted.clear()
      accepted.set(token, result)
      return result
    },
    jwks: () => ({ keys: [stored.publicJwk] }),
  }
}

/** One for each account at a time. */
function accessTokens(context: CloudContext): Pick<Tokens, 'accessToken' | 'accountOf'> {
  const current = new Map<string, { token: string; expiresAtMs: number }>()
  const leftSeconds = (expiresAtMs: number): number => Math.floor((expiresAtMs - context.clock.now()) / 1000)
  return {
    accessToken(email) {
      let known = current.get(email)
      if (!known || leftSeconds(known.expiresAtMs) < RENEW_BEFORE_SECONDS) {
        known = {
          token: `ya29.local.${context.newId()}${context.newId()}`,
          expiresAtMs: context.clock.now() + VALID_FOR_SECONDS * 1000,
        }
        current.set(email, known)
      }
      // Google says a second less than the hour.
      return { token: known.token, expiresInSeconds: leftSeconds(known.expiresAtMs) - 1 }
    },
    accountOf(accessToken) {
      for (const [email, { token, expiresAtMs }] of current) {
        if (token === accessToken && expiresAtMs > context.clock.now()) return email
      }
      return undefined
    },
  }
}

async function makeKey(): Promise<StoredKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  const kid = createHash('sha256').update(JSON.stringify(publicJwk)).digest('hex').slice(0, 40)
  return {
    publicJwk: { ...publicJwk, kid, alg: 'RS256', use: 'sig' },
    privateJwk: { ...(await exportJWK(privateKey)), kid },
  }
}
