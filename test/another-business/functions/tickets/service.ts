/** Opens tickets, and lists them on a board. */

import { defineService } from '../../../../shared/service/service.ts'
import { ticketsApi } from './api.ts'
import { ticketsContracts } from './contracts.ts'

export const tickets = defineService({
  name: 'tickets',
  ingress: 'internal',
  contracts: ticketsContracts,
  api: ticketsApi,
  uses: [],
  on: ['ticket.opened'],
  acceptsManualEvents: ['ticket.opened'],
  acceptsSubmitted: ['OpenTicket'],
  sends: [],
  collections: { streams: { unindexed: ['*'] }, board: { unindexed: ['*'] } },
})
