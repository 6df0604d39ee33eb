/** The public keys of a token issuer: fetched when they are first needed, kept, and fetched again for a key id that is new. */

import { createRemoteJWKSet, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { type Evidence, Refused, Unavailable } from '../base/errors.ts'

export const KEYS_TIMEOUT_MS = 3_000
/** The minimum time between two fetches for unknown key ids, because any client can send such ids. */
const COOLDOWN_MS = 10_000

export const issuerKeys = (jwksUrl: string): JWTVerifyGetKey =>
  createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: KEYS_TIMEOUT_MS, cooldownDuration: COOLDOWN_MS })

/** The issuer did not answer, or not with keys: nothing is known about the token. */
const keysAreMissing = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

/**
 * Classifies jose's failed verification: `Refused`, or `Unavailable` if the keys are unavailable. `evidence` gets the claims
 * of a token whose signature held.
 */
export function verificationFailure(
  error: unknown,
  { expired, evidence }: { readonly expired: string; readonly evidence: (payload?: JWTPayload) => Evidence },
): Error {
  if (error instanceof Refused || error instanceof Unavailable) return error
  if (error instanceof errors.JWTExpired) return new Refused('token-expired', expired, evidence(error.payload))
  if (!(error instanceof errors.JOSEError) || keysAreMissing.has(error.code))
    return new Unavailable('The keys of the token issuer can not be had.', { cause: error })
  const payload = error instanceof errors.JWTClaimValidationFailed ? error.payload : undefined
  return new Refused('token-invalid', `The token was not accepted (${error.code}).`, evidence(payload))
}

/** The key that a token's header names; nothing of it is verified. */
export function keyIdOf(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token)
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}
