/** The public service: takes tickets from everyone who signed in. */

import { tokenSettings } from '../../../../shared/service/edge-settings.ts'
import { defineService } from '../../../../shared/service/service.ts'
import { ticketsContracts } from '../tickets/contracts.ts'
import { visitsContracts } from '../visits/contracts.ts'
import { helpdeskContracts } from './contracts.ts'
import { edgeSettings } from './settings.ts'

export const helpdesk = defineService({
  name: 'helpdesk',
  ingress: 'public',
  contracts: helpdeskContracts,
  uses: [ticketsContracts, visitsContracts],
  on: [],
  sends: [],
  submits: ['OpenTicket', 'PlanVisit', 'RetryVisit'],
  queries: ['readTicket', 'readVisit'],
  settings: [edgeSettings, ...tokenSettings],
  requestObjectives: [{ name: 'opening', title: 'Opening a ticket', method: 'POST', path: '/v1/tickets' }],
})
