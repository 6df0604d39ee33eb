/** History only listens. */

import { defineContracts } from '../../shared/contracts/contract.ts'

export const historyContracts = defineContracts({ service: 'history', events: {}, commands: {} })
