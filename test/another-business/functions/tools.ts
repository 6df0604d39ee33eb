/** The additions of the help desk to the commands: the roles of its callers, how a visit's saga is read, and its retry. */

import type { Tools } from '../../../cli/tools.ts'

export const tools: Tools = {
  roles: { reporter: {}, agent: {} },
  ops: async () => (await import('./helpdesk/cli/ops.ts')).verbs,
  sagas: { visits: async (api, sagaId) => (await import('./helpdesk/cli/ops.ts')).readVisit(api, sagaId) },
}
