/** The handlers of the public API. The runtime has checked token, role, key, parameters and body before. */

import { relayed, createRelay } from '../../../../shared/edge/relay.ts'
import type { SubmittedBy } from '../../../../shared/contracts/contract.ts'
import { implement } from '../../../../shared/service/app.ts'
import { definePublicApi } from '../../../../shared/service/public-api.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import { ticketsContracts } from '../tickets/contracts.ts'
import { access, operations } from './operations.ts'
import { helpdesk } from './service.ts'
import { callerRoles, edgeSettings } from './settings.ts'

const publicApi = definePublicApi({
  description: { title: 'Help desk', text: 'Tickets.' },
  roles: callerRoles,
  access,
  operations,
  limits: edgeSettings,
  subjectOf: ({ sub, roles }) => `${roles.includes('agent') ? 'agent' : 'reporter'}:${sub}`,
  handlers(platform) {
    const relay = createRelay(platform)
    return {
      async openTicket({ c, caller, key, body: data }) {
        const submitted = await platform.submit<SubmittedBy<typeof helpdesk>>(
          { type: 'OpenTicket', data },
          { key, subject: data.ticketId, actor: `reporter:${caller.sub}` },
        )
        if (submitted.refused) return relayed(c, submitted, platform)
        return c.json({ ticketId: data.ticketId }, 202)
      },
      readTicket: ({ c, params }) => relay(c, ticketsContracts, 'readTicket', params),
    }
  },
})

export const app: ServiceApp = implement(helpdesk, { on: {}, commands: {}, publicApi })
