/** The public API: open a ticket, see a ticket. */

import { Refused } from '../../../../shared/base/errors.ts'
import { jsonBody } from '../../../../shared/http/http.ts'
import type { SubmittedBy } from '../../../../shared/contracts/contract.ts'
import { implement } from '../../../../shared/service/app.ts'
import type { ServiceApp } from '../../../../shared/service/service-app.ts'
import { ticket, ticketsContracts } from '../tickets/contracts.ts'
import { helpdesk } from './service.ts'

export const app: ServiceApp = implement(helpdesk, {
  on: {},
  commands: {},
  routes(http, platform) {
    http.post('/v1/tickets', async (c) => {
      const data = await jsonBody(c, ticket)
      const { ticketId } = data
      const { refused } = await platform.submit<SubmittedBy<typeof helpdesk>>(
        { type: 'OpenTicket', data },
        { key: ticketId, subject: ticketId, actor: 'customer:anonymous' },
      )
      if (refused) throw new Refused(refused, `The ticket ${ticketId} has another title.`)
      return c.json({ ticketId }, 202)
    })
    http.get('/v1/tickets/:ticketId', async (c) => {
      const answer = await platform.query(ticketsContracts, 'readTicket', { ticketId: c.req.param('ticketId') })
      if (answer.refused) throw new Refused(answer.refused, answer.detail)
      return c.json(answer.body)
    })
  },
})
