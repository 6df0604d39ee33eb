/**
 * Additional requirements on a token of staff or of an importer: a sign-in of today, a second factor where the
 * environment asks for one, and an account that is neither disabled nor signed out since.
 */

import { type PlatformCode, Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Claims, TokenTimes } from '../../shared/service/public-api.ts'

/** A working day: after it people of the staff sign in again, however often their token was renewed. */
export const STAFF_SESSION_MAX_SECONDS = 12 * 3_600

/** How an account stands at the issuer. */
export interface AccountState {
  /** No account of this subject, or a disabled one. */
  readonly isDisabled: boolean
  /** Sign-ins before this second, since the epoch, are revoked. */
  readonly validSinceSeconds: number
}

/** @throws Unavailable when the issuer does not answer. */
export type ReadAccountState = (subject: string) => Promise<AccountState>

export interface StaffRules extends TokenTimes {
  readonly secondFactor: 'required' | 'optional'
  readonly accountStateOf: ReadAccountState
}

/**
 * Of a token whose signature, issuer, audience and time were verified. `auth_time` and `firebase.sign_in_second_factor` are
 * Identity Platform's claims: https://firebase.google.com/docs/reference/js/auth.parsedtoken
 * @throws Refused (401); Unavailable when the state of the account is unknown.
 */
export async function checkStaff(payload: Claims, rules: StaffRules): Promise<void> {
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
  const { isDisabled, validSinceSeconds } = await rules.accountStateOf(payload.sub)
  if (isDisabled || signedInAt < validSinceSeconds)
    return refuse('token-revoked', 'The sign-in of this token was revoked: sign in again.')
}

function hasSecondFactor({ firebase }: Claims): boolean {
  const factor = (firebase as { readonly sign_in_second_factor?: unknown } | undefined)?.sign_in_second_factor
  return typeof factor === 'string' && factor !== ''
}

/** An account state that is younger needs no look-up: so a revocation is honoured within that time. */
export const STATE_FRESH_MS = 30_000
/** The age up to which a cached account state is used while the issuer does not answer. Beyond it, and for unknown subjects, staff are refused. */
export const STATE_STALE_MS = 300_000
/** After a failed look-up, the issuer is not called for this time. */
const LOOK_UP_PAUSE_MS = 5_000
/** The subject that was looked up longest ago is removed first. */
const MAX_CACHED_STATES = 1_000

interface CachedState {
  readonly accountState: AccountState
  readonly atMs: number
}

/** Caches account states for a bounded time, so that a busy member of the staff costs one look-up in that time. */
export function cacheAccountStates(lookUp: ReadAccountState, now: () => number): ReadAccountState {
  const cached = new Map<string, CachedState>()
  const inFlight = new Map<string, Promise<AccountState>>()
  let pausedUntilMs = -Infinity

  const fetchState = async (subject: string): Promise<AccountState> => {
    try {
      const accountState = await lookUp(subject)
      cached.delete(subject)
      cached.set(subject, { accountState, atMs: now() })
      if (cached.size > MAX_CACHED_STATES) cached.delete(cached.keys().next().value!)
      return accountState
    } catch (error) {
      pausedUntilMs = now() + LOOK_UP_PAUSE_MS
      throw error
    } finally {
      inFlight.delete(subject)
    }
  }
  const fetchOnce = (subject: string): Promise<AccountState> => {
    const pending = inFlight.get(subject) ?? fetchState(subject)
    inFlight.set(subject, pending)
    return pending
  }

  return async (subject) => {
    const entry = cached.get(subject)
    const ageMs = entry ? now() - entry.atMs : Infinity
    if (entry && ageMs < STATE_FRESH_MS) return entry.accountState
    const unanswered = 'It is not known whether this sign-in was revoked: the issuer does not answer.'
    try {
      if (now() < pausedUntilMs) throw new Unavailable(unanswered, { retryAfterSeconds: LOOK_UP_PAUSE_MS / 1_000 })
      return await fetchOnce(subject)
    } catch (error) {
      // Also if Identity Platform refuses to answer: without a cached account state no member of the staff is accepted.
      if (entry && ageMs < STATE_STALE_MS) return entry.accountState
      throw new Unavailable(unanswered, { retryAfterSeconds: LOOK_UP_PAUSE_MS / 1_000, cause: error })
    }
  }
}
