/** The public operations of visits: agents plan them and see to them. */

import { defineApi } from '../helpdesk/roles.ts'
import { visitsContracts } from './contracts.ts'

export const visitsApi = defineApi(visitsContracts, ({ asks, submits }) => ({
  planVisit: submits('PlanVisit', {
    path: '/v1/tickets/{ticketId}/visit',
    summary: 'Plan the visit of a technician',
    access: 'agents',
    subject: 'ticketId',
    answers: ['ticketId'],
  }),
  readVisit: asks('readVisit', {
    path: '/v1/tickets/{ticketId}/visit',
    summary: 'See where the visit stands',
    access: 'agents',
    answers: { 200: 'The saga of the visit.' },
  }),
  retryVisit: submits('RetryVisit', {
    path: '/v1/tickets/{ticketId}/visit/retry',
    summary: 'Retry the pending step of a visit',
    access: 'agents',
    subject: 'ticketId',
    answers: ['ticketId'],
    problems: ['not-found'],
  }),
}))
