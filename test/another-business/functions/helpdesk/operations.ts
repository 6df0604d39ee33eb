/** The public API as data: open a ticket, see a ticket, plan a technician's visit. */

import type { Operations } from '../../../../shared/service/public-api.ts'
import { ticket, ticketsContracts } from '../tickets/contracts.ts'
import { retryRequest, visit, visitsContracts } from '../visits/contracts.ts'

const { readTicket } = ticketsContracts.queries
const { readVisit } = visitsContracts.queries
const accepted = ['Accepted.', ticket.pick({ ticketId: true })] as const

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
    answers: { 202: accepted },
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
  planVisit: {
    method: 'post',
    path: '/v1/tickets/{ticketId}/visit',
    parameters: readVisit.parameters,
    summary: 'Plan the visit of a technician',
    access: 'agents',
    requiresIdempotencyKey: true,
    body: visit.omit({ ticketId: true }),
    answers: { 202: accepted },
  },
  readVisit: {
    method: 'get',
    path: '/v1/tickets/{ticketId}/visit',
    parameters: readVisit.parameters,
    summary: 'See where the visit stands',
    access: 'agents',
    answers: { 200: ['The saga of the visit.', readVisit.answers[200]] },
    problems: readVisit.refuses,
  },
  retryVisit: {
    method: 'post',
    path: '/v1/tickets/{ticketId}/visit/retry',
    parameters: readVisit.parameters,
    summary: 'Retry the pending step of a visit',
    access: 'agents',
    requiresIdempotencyKey: true,
    body: retryRequest,
    answers: { 202: accepted },
    problems: ['not-found'],
  },
} as const satisfies Operations<keyof typeof access>
