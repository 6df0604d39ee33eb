/** The roles of the help desk's callers, and its limits. functions/index.ts has their values. */

import { defineEdgeSettings } from '../../../../shared/service/edge-settings.ts'
import type { Roles } from '../../../../shared/service/public-api.ts'

export const callerRoles = { ordinary: 'reporter', privileged: ['agent'] } as const satisfies Roles

export const edgeSettings = defineEdgeSettings([callerRoles.ordinary, ...callerRoles.privileged])
