/** Opens tickets, and lists them on a board. */

import { defineService } from '../../../../shared/service/service.ts'
import { ticketsContracts } from './contracts.ts'

export const tickets = defineService({
  name: 'tickets',
  ingress: 'internal',
  contracts: ticketsContracts,
  uses: [],
  on: ['ticket.opened'],
  acceptsManualEvents: ['ticket.opened'],
  acceptsSubmitted: ['OpenTicket'],
  sends: [],
  collections: { streams: { unindexed: ['*'] }, board: { unindexed: ['*'] } },
})
