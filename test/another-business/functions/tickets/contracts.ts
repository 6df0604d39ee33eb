/** The messages and the query of tickets. */

import { z } from 'zod'
import { reference, words } from '../../../../shared/base/fields.ts'
import { defineContracts } from '../../../../shared/contracts/contract.ts'

export const ticket = z.strictObject({ ticketId: reference, title: words })
const example = { ticketId: 't-1', title: 'The printer is on fire' }

export const ticketsContracts = defineContracts({
  service: 'tickets',
  events: { 'ticket.opened': { version: 1, data: ticket, example } },
  commands: { OpenTicket: { version: 1, data: ticket, example } },
  queries: {
    readTicket: {
      method: 'get',
      path: '/tickets/{ticketId}',
      parameters: { ticketId: reference },
      answers: { 200: ticket },
      refuses: ['not-found'],
    },
  },
})
