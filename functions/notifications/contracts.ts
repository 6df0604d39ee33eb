/** Notifications only listen. */

import { defineContracts } from '../../shared/contract.ts'

export const notificationsContracts = defineContracts({ service: 'notifications', events: {}, commands: {} })
