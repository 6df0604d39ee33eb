/** The roles of the help desk's callers, and the access that the operations of its services may declare. */

import { apisFor } from '../../../../shared/service/define-api.ts'
import type { Roles } from '../../../../shared/service/operation.ts'

export const callerRoles = { ordinary: 'reporter', privileged: ['agent'] } as const satisfies Roles

/** Any one of these roles is enough; an empty list admits every verified caller. */
export const access = { everyone: [], agents: ['agent'] } as const

/** Declares the public operations of a service. */
export const defineApi = apisFor<'reporter' | 'agent', keyof typeof access>()
