/** The public API as data: open a ticket, see a ticket. */

import type { Operations } from '../../../../shared/service/public-api.ts'
import { ticket, ticketsContracts } from '../tickets/contracts.ts'

const { readTicket } = ticketsContracts.queries

/** Any one of these roles is enough; an empty list admits every verified caller. */
export const access = { everyone: [], agents: ['agent'] } as const

export const operations = {
  openTicket: {
    method: 'post',
    path: '/v1/tickets',
    summary: 'Open a ticket',
    access: 'everyone',
    requiresIdempotencyKey: true,
    body: ticket,
    answers: { 202: ['Accepted.', ticket.pick({ ticketId: true })] },
  },
  readTicket: {
    method: 'get',
    path: '/v1/tickets/{ticketId}',
    parameters: readTicket.parameters,
    summary: 'See a ticket',
    access: 'agents',
    answers: { 200: ['The ticket.', readTicket.answers[200]] },
    problems: readTicket.refuses,
  },
} as const satisfies Operations<keyof typeof access>
