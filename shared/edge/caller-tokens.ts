/** Callers' tokens: keys only from the configured JWKS, one algorithm, issuer, audience and time checked. */

import { jwtVerify } from 'jose'
import { z } from 'zod'
import { type Evidence, Refused } from '../base/errors.ts'
import { subject } from '../base/fields.ts'
import { issuerKeys, keyIdOf, verificationFailure } from '../http/issuer-keys.ts'
import type { Caller, Roles } from '../service/operation.ts'
import type { ClaimsCheck } from '../service/public-api.ts'

export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
  /** A token with any other role is refused. */
  readonly roles: Roles
  /** Further requirements on the token of a caller with a privileged role. */
  readonly checkPrivileged?: ClaimsCheck | undefined
}

/** A token beyond this is no token. */
const TOKEN_CHARACTERS = 8_192
const CLOCK_TOLERANCE_SECONDS = 5
/** Identity Platform's tokens live an hour; a token that lives longer, or is older, is not of its making. */
export const TOKEN_MAX_AGE_SECONDS = 3_600
const claimsSchemaOf = ({ ordinary, privileged }: Roles) =>
  z.object({
    sub: subject,
    roles: z
      .array(z.enum([ordinary, ...privileged]))
      .max(10)
      .default([ordinary]),
  })

/** Takes the header Authorization. */
export type CallerOf = (authorization: string | undefined) => Promise<Caller>

/** @throws Refused (401) that names the fault; Unavailable when the keys can't be fetched. */
export function createTokenCheck(
  { issuer, audience, jwksUrl, roles, checkPrivileged }: TokenRules,
  now: () => number,
): CallerOf {
  const keys = issuerKeys(jwksUrl)
  const claimsSchema = claimsSchemaOf(roles)
  return async (authorization) => {
    if (!authorization) throw new Refused('token-missing', 'Send a token: Authorization: Bearer …')
    const token = /^bearer (\S+)$/i.exec(authorization)?.[1]
    if (!token || token.length > TOKEN_CHARACTERS)
      throw new Refused('token-invalid', 'The Authorization header holds no bearer token.')
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ['RS256'],
        typ: 'JWT',
        requiredClaims: ['sub', 'exp', 'iat'],
        currentDate: new Date(now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        // Refuses also a token that was issued in the future.
        maxTokenAge: TOKEN_MAX_AGE_SECONDS,
      })
      const claims = claimsSchema.safeParse(payload)
      if (!claims.success)
        throw new Refused(
          'token-invalid',
          'The token has no subject, or a role that is not known.',
          evidenceOf(token, payload),
        )
      if (payload.exp! - payload.iat! > TOKEN_MAX_AGE_SECONDS + CLOCK_TOLERANCE_SECONDS)
        throw new Refused(
          'token-invalid',
          `The token is to live longer than ${TOKEN_MAX_AGE_SECONDS} s.`,
          evidenceOf(token, payload),
        )
      if (checkPrivileged && isPrivileged(claims.data, roles))
        await checkPrivileged(
          { ...payload, sub: claims.data.sub },
          { nowSeconds: now() / 1000, toleranceSeconds: CLOCK_TOLERANCE_SECONDS },
        )
      return claims.data
    } catch (error) {
      throw verificationFailure(error, {
        expired: 'The token has expired: sign in again.',
        evidence: (payload) => evidenceOf(token, payload),
      })
    }
  }
}

const isPrivileged = ({ roles: held }: Caller, { ordinary }: Roles): boolean => held.some((role) => role !== ordinary)

/** `payload`: the claims of a token with a valid signature, also if it was refused for another reason; only then is its subject known. */
function evidenceOf(token: string, payload?: { readonly sub?: unknown }): Evidence {
  return {
    ...(typeof payload?.sub === 'string' ? { subject: `token:${payload.sub}` } : {}),
    keyId: keyIdOf(token),
  }
}
