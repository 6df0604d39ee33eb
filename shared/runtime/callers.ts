/** Who calls: the ingress has checked the token and removed its signature; audience, time and e-mail are looked at again, per path. */

import { decodeJwt } from 'jose'
import type { Config } from '../config.ts'
import { Refused } from '../errors.ts'

const CLOCK_TOLERANCE_SECONDS = 10

/** @throws Refused when the token is not for this service, has expired, or is of somebody who may not call this path. */
export function checkCaller(
  headers: { get(name: string): string | undefined },
  config: Config,
  allowed: readonly string[],
  nowMs: number,
): string {
  const header = headers.get('x-serverless-authorization') ?? headers.get('authorization') ?? ''
  const token = /^bearer (\S+)$/i.exec(header)?.[1]
  if (!token) throw new Refused('token-missing', 'The request carries no ID token.')
  const { aud, exp, email } = claimsOf(token)
  const evidence = typeof email === 'string' ? { subject: email } : {}
  if (aud !== config.SERVICE_URL)
    throw new Refused('token-invalid', `The ID token is for ${String(aud)}, not for ${config.SERVICE_URL}.`, evidence)
  if (typeof exp !== 'number' || exp + CLOCK_TOLERANCE_SECONDS < nowMs / 1000)
    throw new Refused('token-expired', 'The ID token has expired.', evidence)
  if (typeof email !== 'string' || !allowed.includes(email))
    throw new Refused('forbidden', `${String(email)} may not call this path.`, evidence)
  return email
}

function claimsOf(token: string): { aud?: unknown; exp?: unknown; email?: unknown } {
  try {
    return decodeJwt(token)
  } catch {
    throw new Refused('token-invalid', 'The ID token can not be read.')
  }
}
