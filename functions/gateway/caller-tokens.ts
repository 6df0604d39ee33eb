/** Customers' and staff's tokens: keys only from the configured JWKS, one algorithm, issuer, audience and time checked. */

import { jwtVerify } from 'jose'
import { z } from 'zod'
import { type Evidence, Refused } from '../../shared/base/errors.ts'
import { subject } from '../../shared/base/fields.ts'
import { issuerKeys, keyIdOf, verificationFailure } from '../../shared/http/issuer-keys.ts'
import { checkStaff, type StaffRules, type ReadAccountState } from './staff-tokens.ts'

export const roles = ['customer', 'staff', 'importer'] as const
export type Role = (typeof roles)[number]

export interface Caller {
  /** The token's subject: whose orders these are. */
  readonly sub: string
  readonly roles: readonly Role[]
}

export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
  /** The second factor that staff and importers need. */
  readonly secondFactor: StaffRules['secondFactor']
  readonly accountStateOf: ReadAccountState
}

/** A token beyond this is no token. */
const TOKEN_CHARACTERS = 8_192
const CLOCK_TOLERANCE_SECONDS = 5
/** Identity Platform's tokens live an hour; one that lives longer, or is older, is not of its making. */
export const TOKEN_MAX_AGE_SECONDS = 3_600
const claimsSchema = z.object({
  sub: subject,
  roles: z.array(z.enum(roles)).max(10).default(['customer']),
})

/** @throws Refused (401) that names the fault; Unavailable when the keys can't be fetched. */
export function createTokenCheck(
  { issuer, audience, jwksUrl, secondFactor, accountStateOf }: TokenRules,
  now: () => number,
): (authorization: string | undefined) => Promise<Caller> {
  const keys = issuerKeys(jwksUrl)
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
      if (isStaff(claims.data))
        await checkStaff(
          { ...payload, sub: claims.data.sub },
          { secondFactor, accountStateOf, nowSeconds: now() / 1000, toleranceSeconds: CLOCK_TOLERANCE_SECONDS },
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

/** Roles with more permissions than a customer. */
export const isStaff = ({ roles: held }: Caller): boolean => held.some((role) => role !== 'customer')

/** `payload`: the claims of a token with a valid signature, also if it was refused for another reason; only then is its subject known. */
function evidenceOf(token: string, payload?: { readonly sub?: unknown }): Evidence {
  return {
    ...(typeof payload?.sub === 'string' ? { subject: `token:${payload.sub}` } : {}),
    keyId: keyIdOf(token),
  }
}
