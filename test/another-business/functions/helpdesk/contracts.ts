/** The help desk owns no messages. */

import { defineContracts } from '../../../../shared/contracts/contract.ts'

export const helpdeskContracts = defineContracts({ service: 'helpdesk', events: {}, commands: {} })
