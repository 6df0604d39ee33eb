/** The public service: takes tickets from everyone. */

import { defineService } from '../../../../shared/service/service.ts'
import { ticketsContracts } from '../tickets/contracts.ts'
import { helpdeskContracts } from './contracts.ts'

export const helpdesk = defineService({
  name: 'helpdesk',
  ingress: 'public',
  contracts: helpdeskContracts,
  uses: [ticketsContracts],
  on: [],
  sends: [],
  submits: ['OpenTicket'],
  queries: ['readTicket'],
  requestObjectives: [{ name: 'opening', title: 'Opening a ticket', method: 'POST', path: '/v1/tickets' }],
})
