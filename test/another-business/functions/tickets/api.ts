/** The public operations of tickets. */

import { defineApi } from '../helpdesk/roles.ts'
import { ticketsContracts } from './contracts.ts'

export const ticketsApi = defineApi(ticketsContracts, ({ asks, submits }) => ({
  openTicket: submits('OpenTicket', {
    path: '/v1/tickets',
    summary: 'Open a ticket',
    access: 'everyone',
    subject: 'ticketId',
    answers: ['ticketId'],
    // There is no ticket yet that could be another's.
    limitedTo: () => undefined,
    objective: { name: 'opening', title: 'Opening a ticket' },
  }),
  readTicket: asks('readTicket', {
    path: '/v1/tickets/{ticketId}',
    summary: 'See a ticket',
    access: 'agents',
    answers: { 200: 'The ticket.' },
  }),
}))
