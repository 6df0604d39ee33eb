/** Plans the visit of a technician to a ticket, by a saga. */

import { defineService } from '../../../../shared/service/service.ts'
import { visitsApi } from './api.ts'
import { visitsContracts } from './contracts.ts'
import { visitSaga } from './saga.ts'

export const visits = defineService({
  name: 'visits',
  ingress: 'internal',
  contracts: visitsContracts,
  api: visitsApi,
  uses: [],
  on: [],
  acceptsSubmitted: ['PlanVisit', 'RetryVisit'],
  sends: ['ContinueVisit'],
  collections: { streams: { unindexed: ['*'] } },
  saga: {
    definition: visitSaga,
    stateIn: (event) => (event.type === 'visit.progressed' ? event.data : undefined),
    startsOn: 'visit.planned',
    endsOn: { 'visit.confirmed': 'confirmed', 'visit.rejected': 'rejected' },
    objective: { name: 'visits-confirmed', title: 'Visits are confirmed', good: 'confirmed' },
  },
})
