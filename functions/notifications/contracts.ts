/** Notifications only listen. */

import { defineContracts } from '../../shared/contracts/contract.ts'

export const notificationsContracts = defineContracts({ service: 'notifications', events: {}, commands: {} })
