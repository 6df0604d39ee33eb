/** History only listens. */

import { defineContracts } from '../../shared/contract.ts'

export const historyContracts = defineContracts({ service: 'history', events: {}, commands: {} })
