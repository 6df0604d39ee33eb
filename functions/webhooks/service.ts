/** Sends events of orders to the addresses that customers registered, signed, until each has arrived. */

import { defineService } from '../../shared/service/service.ts'
import { historyContracts } from '../history/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { webhooksApi } from './api.ts'
import { webhooksContracts, webhookTypes } from './contracts.ts'
import { webhookTargets } from './settings.ts'

export const webhooks = defineService({
  name: 'webhooks',
  ingress: 'internal',
  contracts: webhooksContracts,
  api: webhooksApi,
  uses: [historyContracts, ordersContracts, paymentsContracts, shippingContracts],
  on: webhookTypes,
  sends: ['DeliverWebhook'],
  queries: ['readTimeline'],
  collections: {
    // By endpoint: each time that it was disabled.
    streams: { unindexed: ['*'] },
    // By customer: the endpoints with their secrets.
    customers: { unindexed: ['*'] },
    // By order: whose it is, and whether its customer had an endpoint.
    orders: { unindexed: ['*'], keptForDays: 400 },
    deliveries: {
      unindexed: ['*'],
      indexes: [
        ['endpointId', '-createdAt'],
        ['endpointId', 'status', '-createdAt'],
        ['endpointId', 'status', '-failedAt'],
      ],
      keptForDays: 30,
    },
  },
  settings: [webhookTargets],
})
