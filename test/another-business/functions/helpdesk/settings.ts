/** The limits of the help desk. functions/index.ts has their values. */

import { defineEdgeSettings } from '../../../../shared/service/edge-settings.ts'
import { callerRoles } from './roles.ts'

export const edgeSettings = defineEdgeSettings([callerRoles.ordinary, ...callerRoles.privileged])
