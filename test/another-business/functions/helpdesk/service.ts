/** The public service: serves the operations of tickets and visits. */

import { tokenSettings } from '../../../../shared/service/edge-settings.ts'
import { defineService } from '../../../../shared/service/service.ts'
import { helpdeskContracts } from './contracts.ts'
import { edgeSettings } from './settings.ts'

export const helpdesk = defineService({
  name: 'helpdesk',
  ingress: 'public',
  contracts: helpdeskContracts,
  uses: [],
  on: [],
  sends: [],
  settings: [edgeSettings, ...tokenSettings],
})
