/** Notifies customers of their orders, and keeps a log of the sent notifications. */

import { defineService } from '../../shared/service/service.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { notificationsContracts } from './contracts.ts'
import { notifiedEvents } from './templates.ts'

export const notifications = defineService({
  name: 'notifications',
  ingress: 'internal',
  runtime: 'cloudevent',
  contracts: notificationsContracts,
  uses: [ordersContracts, paymentsContracts, shippingContracts],
  on: notifiedEvents,
  sends: [],
  collections: { sends: { unindexed: ['*'], keptForDays: 400 } },
})
