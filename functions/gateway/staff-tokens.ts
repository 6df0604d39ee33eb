/**
 * Additional requirements on a token of staff or of an importer: a sign-in of today, a second factor where the
 * environment asks for one, and an account that is neither disabled nor signed out since.
 */

import type { JWTPayload } from 'jose'
import { type PlatformCode, Refused, Unavailable } from '../../shared/base/errors.ts'

/** A working day: after it people of the staff sign in again, however often their token was renewed. */
export const STAFF_SESSION_MAX_SECONDS = 12 * 3_600

/** How an account stands at the issuer. */
export interface Standing {
  /** No account of this subject, or a disabled one. */
  readonly isDisabled: boolean
  /** Sign-ins before this second, since the epoch, are revoked. */
  readonly validSinceSeconds: number
}

/** @throws Unavailable when the issuer does not answer. */
export type StandingOf = (subject: string) => Promise<Standing>

export interface StaffRules {
  readonly secondFactor: 'required' | 'optional'
  readonly standingOf: StandingOf
  readonly nowSeconds: number
  readonly toleranceSeconds: number
}

/**
 * Of a token whose signature, issuer, audience and time were verified. `auth_time` and `firebase.sign_in_second_factor` are
 * Identity Platform's claims: https://firebase.google.com/docs/reference/js/auth.parsedtoken
 * @throws Refused (401); Unavailable when it is not known how the account stands.
 */
export async function checkStaff(payload: JWTPayload & { readonly sub: string }, rules: StaffRules): Promise<void> {
  const refuse = (code: PlatformCode, detail: string): never => {
    throw new Refused(code, detail, { subject: `token:${payload.sub}` })
  }
  const signedInAt = payload['auth_time']
  if (typeof signedInAt !== 'number')
    return refuse('token-invalid', 'The token does not say when its subject signed in.')
  if (signedInAt > rules.nowSeconds + rules.toleranceSeconds)
    return refuse('token-invalid', 'The token says that its subject will sign in later.')
  if (rules.nowSeconds - signedInAt > STAFF_SESSION_MAX_SECONDS)
    return refuse('token-expired', `Staff sign in every ${STAFF_SESSION_MAX_SECONDS / 3_600} hours: sign in again.`)
  if (rules.secondFactor === 'required' && !hasSecondFactor(payload))
    return refuse('second-factor-missing', 'Staff sign in with a second factor: enrol one, and sign in with it.')
  const { isDisabled, validSinceSeconds } = await rules.standingOf(payload.sub)
  if (isDisabled || signedInAt < validSinceSeconds)
    return refuse('token-revoked', 'The sign-in of this token was revoked: sign in again.')
}

function hasSecondFactor({ firebase }: JWTPayload): boolean {
  const factor = (firebase as { readonly sign_in_second_factor?: unknown } | undefined)?.sign_in_second_factor
  return typeof factor === 'string' && factor !== ''
}

/** A standing that is younger needs no look-up: so a revocation is honoured within that time. */
export const STANDING_FRESH_MS = 30_000
/** While the issuer does not answer, a known standing serves so long; then, and for unknown subjects, staff are refused. */
export const STANDING_STALE_MS = 300_000
/** The issuer is left alone so long after it did not answer. */
const LOOK_UP_PAUSE_MS = 5_000
/** Subjects remembered; the one that was looked up longest ago is forgotten. */
const STANDINGS_HELD = 1_000

interface Known {
  readonly standing: Standing
  readonly atMs: number
}

/** Remembers standings for a bounded time, so that a busy member of the staff costs one look-up in that time. */
export function rememberStandings(lookUp: StandingOf, now: () => number): StandingOf {
  const known = new Map<string, Known>()
  const underWay = new Map<string, Promise<Standing>>()
  let pausedUntilMs = -Infinity

  const ask = async (subject: string): Promise<Standing> => {
    try {
      const standing = await lookUp(subject)
      known.delete(subject)
      known.set(subject, { standing, atMs: now() })
      if (known.size > STANDINGS_HELD) known.delete(known.keys().next().value!)
      return standing
    } catch (error) {
      pausedUntilMs = now() + LOOK_UP_PAUSE_MS
      throw error
    } finally {
      underWay.delete(subject)
    }
  }
  const askOnce = (subject: string): Promise<Standing> => {
    const pending = underWay.get(subject) ?? ask(subject)
    underWay.set(subject, pending)
    return pending
  }

  return async (subject) => {
    const remembered = known.get(subject)
    const ageMs = remembered ? now() - remembered.atMs : Infinity
    if (remembered && ageMs < STANDING_FRESH_MS) return remembered.standing
    const unanswered = 'It is not known whether this sign-in was revoked: the issuer does not answer.'
    try {
      if (now() < pausedUntilMs) throw new Unavailable(unanswered, { retryAfterSeconds: LOOK_UP_PAUSE_MS / 1_000 })
      return await askOnce(subject)
    } catch (error) {
      // Also if Identity Platform refuses to answer: without a known standing no member of the staff is let in.
      if (remembered && ageMs < STANDING_STALE_MS) return remembered.standing
      throw new Unavailable(unanswered, { retryAfterSeconds: LOOK_UP_PAUSE_MS / 1_000, cause: error })
    }
  }
}
