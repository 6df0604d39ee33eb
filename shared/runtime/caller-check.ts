/**
 * Authentication of callers: verifies the ID tokens of pushes, tasks and queries, behind any front end.
 * Cloud Run's ingress removes the signature of the token that it checked (`X-Serverless-Authorization`, else
 * `Authorization`). Services send theirs in both headers, so that one stays whole; Pub/Sub and Cloud Tasks have one header.
 */

import { jwtVerify, type JWTClaimVerificationOptions, type JWTPayload, UnsecuredJWT } from 'jose'
import { hash } from 'node:crypto'
import type { Config } from '../base/config.ts'
import { type Evidence, Refused } from '../base/errors.ts'
import { issuerKeys, keyIdOf, verificationFailure } from '../http/issuer-keys.ts'

const CLOCK_TOLERANCE_SECONDS = 10
/** https://cloud.google.com/docs/authentication/token-types#id */
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']
const VALID_FOR_SECONDS = 3_600
const TOKEN_CHARACTERS = 8_192
/** https://cloud.google.com/run/docs/troubleshooting#signature-removed */
const UNSIGNED = /^[^.]+\.([^.]+)\.SIGNATURE_REMOVED_BY_GOOGLE$/
/** As jose reads a token without a signature: one set of rules then holds for the claims of both. */
const UNSECURED_HEADER = Buffer.from('{"alg":"none"}').toString('base64url')
/** Tokens whose signature was verified; beyond that all are forgotten. A caller has one an hour. */
const MAX_CACHED_TOKENS = 1_000

interface Headers {
  get(name: string): string | undefined
}

interface Identity {
  readonly email: string
  readonly expiresAtMs: number
  readonly isVerified: boolean
}

/**
 * The e-mail of the account that calls. `delivery`: of Pub/Sub or Cloud Tasks, whose token Cloud Run's ingress may have
 * left without its signature; `query`: of another service, one of whose tokens is signed.
 * @throws Refused when a token is not for this service, has expired, or is of an account that is not allowed;
 * Unavailable when the issuer's keys can't be had.
 */
export type CheckCaller = (headers: Headers, allowed: readonly string[], kind: 'delivery' | 'query') => Promise<string>

export function createCallerCheck(
  { SERVICE_URL, ID_TOKEN_JWKS_URL, INGRESS }: Pick<Config, 'SERVICE_URL' | 'ID_TOKEN_JWKS_URL' | 'INGRESS'>,
  now: () => number,
): CheckCaller {
  const keys = issuerKeys(ID_TOKEN_JWKS_URL)
  const verified = new Map<string, Identity>()
  const rules = (): JWTClaimVerificationOptions => ({
    issuer: ISSUERS,
    audience: SERVICE_URL,
    requiredClaims: ['exp', 'iat', 'sub'],
    maxTokenAge: VALID_FOR_SECONDS,
    currentDate: new Date(now()),
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  })

  /** A verification takes a quarter of a millisecond of CPU, and a caller sends the same token for an hour. */
  const verify = async (token: string): Promise<Identity> => {
    const key = hash('sha256', token)
    const known = verified.get(key)
    if (known && known.expiresAtMs > now()) return known
    const { payload } = await jwtVerify(token, keys, { ...rules(), algorithms: ['RS256'] })
    const identity = identityOf(payload, true)
    if (verified.size >= MAX_CACHED_TOKENS) verified.clear()
    verified.set(key, identity)
    return identity
  }

  /** `isChecked`: by the ingress, if there is one. */
  const identityIn = async (token: string, isChecked: boolean): Promise<Identity> => {
    const payload = UNSIGNED.exec(token)?.[1]
    if (payload === undefined) return verify(token)
    if (INGRESS !== 'cloud-run' || !isChecked) throw new Refused('token-invalid', 'The ID token has no signature.')
    return identityOf(UnsecuredJWT.decode(`${UNSECURED_HEADER}.${payload}.`, rules()).payload, false)
  }

  return async (headers, allowed, kind) => {
    const sent = ['x-serverless-authorization', 'authorization'].flatMap((name) => headers.get(name) ?? [])
    if (sent.length === 0) throw new Refused('token-missing', 'The request carries no ID token.')
    const identities = await Promise.all(
      sent.map(bearerOf).map((token, index) =>
        identityIn(token, index === 0).catch((error: unknown) => {
          const evidence = (payload?: JWTPayload) => evidenceOf(token, payload)
          throw verificationFailure(error, { expired: 'The ID token has expired.', evidence })
        }),
      ),
    )
    const { email } = identities[0]!
    const evidence = { subject: email }
    if (identities.some((other) => other.email !== email))
      throw new Refused('token-invalid', 'The ID tokens of the request are of different accounts.', evidence)
    if (kind === 'query' && !identities.some(({ isVerified }) => isVerified))
      throw new Refused('token-invalid', 'A query needs an ID token with its signature, in Authorization.', evidence)
    if (!allowed.includes(email)) throw new Refused('caller-not-allowed', `${email} may not call this path.`, evidence)
    return email
  }
}

function bearerOf(authorization: string): string {
  const token = /^bearer (\S+)$/i.exec(authorization)?.[1]
  if (!token || token.length > TOKEN_CHARACTERS) throw new Refused('token-invalid', 'The header holds no bearer token.')
  return token
}

function identityOf({ sub, email, email_verified: isConfirmed, exp, iat }: JWTPayload, isVerified: boolean): Identity {
  if (typeof sub !== 'string' || sub === '') throw new Refused('token-invalid', 'The ID token has no subject.')
  if (typeof email !== 'string' || isConfirmed !== true)
    throw new Refused('token-invalid', 'The ID token names no verified e-mail.')
  return { email, expiresAtMs: Math.min(exp!, iat! + VALID_FOR_SECONDS) * 1000, isVerified }
}

/** `payload`: the claims of a token with a verified signature, also if it was refused for another reason. */
const evidenceOf = (token: string, { email }: JWTPayload = {}): Evidence => ({
  ...(typeof email === 'string' ? { subject: email } : {}),
  keyId: keyIdOf(token),
})
