/** The only public service: it authenticates and limits callers, and serves the public operations of every service. It decides nothing. */

import { tokenSettings } from '../../shared/service/edge-settings.ts'
import { defineService } from '../../shared/service/service.ts'
import { gatewayContracts } from './contracts.ts'
import {
  accountsUrl,
  edgeSettings,
  graphqlDocuments,
  messageDocuments,
  otherSystemUrl,
  staffSecondFactor,
} from './settings.ts'

export const gateway = defineService({
  name: 'gateway',
  ingress: 'public',
  contracts: gatewayContracts,
  uses: [],
  on: [],
  sends: [],
  settings: [
    edgeSettings,
    ...tokenSettings,
    accountsUrl,
    staffSecondFactor,
    graphqlDocuments,
    messageDocuments,
    otherSystemUrl,
  ],
  readsAccounts: true,
  // Requests in flight, signed ones, and open streams, which wait most of the time.
  scale: { concurrency: 120 },
})
