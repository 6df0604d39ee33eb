/** The gateway owns no messages: it lets requests in and sends them on. */

import { defineContracts } from '../../shared/contracts/contract.ts'

export const gatewayContracts = defineContracts({ service: 'gateway', events: {}, commands: {} })
