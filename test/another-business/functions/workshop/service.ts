/** Books technicians for visits, and orders the parts that they take along. */

import { defineService } from '../../../../shared/service/service.ts'
import { workshopContracts } from './contracts.ts'

export const workshop = defineService({
  name: 'workshop',
  ingress: 'internal',
  contracts: workshopContracts,
  uses: [],
  on: [],
  sends: [],
  collections: { streams: { unindexed: ['*'] } },
})
