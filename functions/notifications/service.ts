/** Notifies customers of their orders and webhook endpoints, and keeps a log of the sent notifications. */

import { defineService } from '../../shared/service/service.ts'
import { notificationsContracts } from './contracts.ts'
import { texts } from './templates.ts'

export const notifications = defineService({
  name: 'notifications',
  ingress: 'internal',
  runtime: 'cloudevent',
  contracts: notificationsContracts,
  uses: [],
  on: [],
  subscriptions: texts,
  sends: [],
  collections: { sends: { unindexed: ['*'], keptForDays: 400 } },
})
