/** The help desk tells the commands the roles of its callers. */

import type { Tools } from '../../../cli/tools.ts'

export const tools: Tools = { roles: { reporter: {}, agent: {} } }
