/** The handlers of the public API. The runtime has checked token, role, key, parameters and body before. */

import { relayed, createRelay } from '../../../../shared/edge/relay.ts'
import type { SubmittedBy } from '../../../../shared/contracts/contract.ts'
import { implement } from '../../../../shared/service/app.ts'
import type { OperationContext } from '../../../../shared/service/operation-context.ts'
import { definePublicApi } from '../../../../shared/service/public-api.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import { ticketsContracts } from '../tickets/contracts.ts'
import { visitsContracts } from '../visits/contracts.ts'
import { access, operations } from './operations.ts'
import { helpdesk } from './service.ts'
import { callerRoles, edgeSettings } from './settings.ts'

type Submitted = SubmittedBy<typeof helpdesk>

const publicApi = definePublicApi({
  description: { title: 'Help desk', text: 'Tickets.' },
  roles: callerRoles,
  access,
  operations,
  limits: edgeSettings,
  subjectOf: ({ sub, roles }) => `${roles.includes('agent') ? 'agent' : 'reporter'}:${sub}`,
  handlers(platform) {
    const relay = createRelay(platform)
    const submit = async (c: OperationContext, key: string, actor: string, command: Submitted): Promise<Response> => {
      const { ticketId } = command.data
      const submitted = await platform.submit<Submitted>(command, { key, subject: ticketId, actor })
      return submitted.refused ? relayed(c, submitted, platform) : c.json({ ticketId }, 202)
    }
    return {
      openTicket: ({ c, caller, key, body: data }) =>
        submit(c, key, `reporter:${caller.sub}`, { type: 'OpenTicket', data }),
      readTicket: ({ c, params }) => relay(c, ticketsContracts, 'readTicket', params),
      planVisit: ({ c, caller, key, params, body }) =>
        submit(c, key, `agent:${caller.sub}`, { type: 'PlanVisit', data: { ...params, ...body } }),
      readVisit: ({ c, params }) => relay(c, visitsContracts, 'readVisit', params),
      retryVisit: ({ c, caller, key, params, body }) =>
        submit(c, key, `agent:${caller.sub}`, { type: 'RetryVisit', data: { ...params, ...body } }),
    }
  },
})

export const app: ServiceApp = implement(helpdesk, { on: {}, commands: {}, publicApi })
