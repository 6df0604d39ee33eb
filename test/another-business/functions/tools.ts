/** The help desk adds nothing to the commands. */

import type { Tools } from '../../../cli/tools.ts'

export const tools: Tools = {}
