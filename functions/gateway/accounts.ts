/** How the accounts of staff stand at Identity Platform: https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts/lookup */

import { z } from 'zod'
import { outsideRequest } from '../../shared/base/deadline.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { tokenAudience } from '../../shared/service/edge-settings.ts'
import { accountsUrl } from './settings.ts'
import { cacheAccountStates, type ReadAccountState } from './staff-tokens.ts'

const LOOK_UP_TIMEOUT_MS = 2_000

const found = z.object({
  users: z
    .array(
      z.object({
        localId: z.string(),
        /** Seconds since the epoch, in decimal digits. */
        validSince: z.string().regex(/^\d+$/).default('0'),
        disabled: z.boolean().default(false),
      }),
    )
    .max(1)
    .default([]),
})

/** Asks with an access token of the gateway's account, which is granted `firebaseauth.users.get` alone. */
export function accountStates(platform: Platform): ReadAccountState {
  const lookUp: ReadAccountState = async (subject) => {
    const response = await platform.callExternal(
      `${platform.setting(accountsUrl)}/v1/projects/${platform.setting(tokenAudience)}/accounts:lookup`,
      {
        method: 'POST',
        operation: 'identity-platform.lookup',
        body: { localId: [subject] },
        timeoutMs: LOOK_UP_TIMEOUT_MS,
        token: 'access',
      },
    )
    const [user] = found.parse(await response.json()).users
    if (!user || user.localId !== subject) return { isDisabled: true, validSinceSeconds: 0 }
    return { isDisabled: user.disabled, validSinceSeconds: Number(user.validSince) }
  }
  return cacheAccountStates((subject) => outsideRequest(() => lookUp(subject)), platform.now)
}
