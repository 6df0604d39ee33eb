/** Google's ID tokens: minted for push, tasks and the metadata server, checked by Cloud Run's ingress. */

import { createLocalJWKSet, exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import type { CloudContext } from '../core/plugin.ts'
import { notFound } from '../core/status.ts'
import type { Accounts } from './accounts.ts'

const ISSUER = 'https://accounts.google.com'
const VALID_FOR_SECONDS = 3600
/** Clients and we read clocks that may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 10
/** A token is used again while it lasts at least so long: signing is the dearest part of a push. */
const RENEW_BEFORE_SECONDS = 600

export interface VerifiedToken {
  readonly email: string
  readonly audience: string
  readonly expiresAtMs: number
}

export interface Tokens {
  /** @throws NOT_FOUND when the account does not exist. */
  mintIdToken(options: { email: string; audience: string }): Promise<string>
  /** @throws Error that says what is wrong with the token. */
  verifyIdToken(token: string, options: { audience: string | string[] }): Promise<VerifiedToken>
  jwks(): { keys: JWK[] }
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
  const nowSeconds = (): number => Math.floor(context.clock.now() / 1000)

  return {
    async mintIdToken({ email, audience }) {
      const account = accounts.find(email)
      if (!account) {
        minted.clear()
        throw notFound(`Service account ${email} does not exist: no ID token can be made for it.`)
      }
      const key = `${account.uniqueId} ${audience}`
      const known = minted.get(key)
      if (known && known.expiresAtSeconds - nowSeconds() > RENEW_BEFORE_SECONDS) return known.token
      const expiresAtSeconds = nowSeconds() + VALID_FOR_SECONDS
      const token = await new SignJWT({ azp: account.uniqueId, email, email_verified: true })
        .setProtectedHeader({ alg: 'RS256', kid: stored.publicJwk.kid!, typ: 'JWT' })
        .setIssuer(ISSUER)
        .setSubject(account.uniqueId)
        .setAudience(audience)
        .setIssuedAt(nowSeconds())
        .setExpirationTime(expiresAtSeconds)
        .sign(privateKey)
      minted.set(key, { token, expiresAtSeconds })
      return token
    },
    async verifyIdToken(token, { audience }) {
      const { payload } = await jwtVerify(token, keySet, {
        issuer: ISSUER,
        audience,
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'iat', 'email', 'sub'],
        currentDate: new Date(context.clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      })
      const { email, email_verified: verified, aud, exp } = payload
      if (typeof email !== 'string' || verified !== true) throw new Error('the token names no verified e-mail')
      return { email, audience: String(aud), expiresAtMs: exp! * 1000 }
    },
    jwks: () => ({ keys: [stored.publicJwk] }),
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
