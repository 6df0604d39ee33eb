/** The state machine of Secret Manager behind its methods, and the values for emulators that hand them to programs. */

import type { CloudContext } from '../core/plugin.ts'
import type { Unary } from '../core/service.ts'
import { secretMethods } from './api/secrets.ts'
import { versionMethods } from './api/versions.ts'
import { accessOf, secretManagerAccess } from './permissions.ts'
import { createState } from './state.ts'
import { secretName } from './values/names.ts'

export interface SecretManagerCore {
  readonly unary: Readonly<Record<string, Unary>>
  /**
   * The value of a version (`projects/P/secrets/S/versions/V`) for an account. It counts as an access.
   * @throws StatusError PERMISSION_DENIED, NOT_FOUND, FAILED_PRECONDITION
   */
  access(principal: string, version: string): Buffer
  /** The values of the enabled versions, newest first; empty if the secret does not exist. The call is not counted as an access. */
  enabledValues(secret: string): Buffer[]
  resourceExists(name: string): boolean | undefined
}

export function makeCore(context: CloudContext): SecretManagerCore {
  const state = createState(context)
  const versionsByName = versionMethods(state)
  return {
    unary: { ...secretMethods(state), ...versionsByName },
    access(principal, version) {
      context.access.check(principal, accessOf({ name: version }), secretManagerAccess)
      return versionsByName.accessSecretVersion({ name: version }).payload.data
    },
    enabledValues(name) {
      const secret = state.secrets.get(name)
      const enabled = secret ? state.versionsIn(secret).filter((version) => version.state === 'ENABLED') : []
      return enabled.map((version) => state.valueOf(version.name).value)
    },
    resourceExists: (name) => (secretName.test(name) ? state.secrets.has(name) : undefined),
  }
}
