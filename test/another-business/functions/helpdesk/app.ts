/** The public API: the operations that tickets and visits declare. */

import { serveOperations } from '../../../../shared/edge/serve-operations.ts'
import { implement } from '../../../../shared/service/app.ts'
import type { EdgeCode } from '../../../../shared/service/edge-code.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import { apisOf } from '../../../../shared/service/with-operations.ts'
import { services } from '../index.ts'
import { access, callerRoles } from './roles.ts'
import { helpdesk } from './service.ts'
import { edgeSettings } from './settings.ts'

const publicApi = await serveOperations(
  {
    description: { title: 'Help desk', text: 'Tickets.' },
    roles: callerRoles,
    access,
    limits: edgeSettings,
    subjectOf: ({ sub, roles }) => `${roles.includes('agent') ? 'agent' : 'reporter'}:${sub}`,
  },
  apisOf(services),
  (service) => import(`../${service}/edge.ts`) as Promise<{ readonly edge: EdgeCode }>,
)

export const app: ServiceApp = implement(helpdesk, { on: {}, commands: {}, publicApi })
