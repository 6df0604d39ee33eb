/** Answers with the customer of an order, for that customer alone. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { customersApi } from './api.ts'
import { customersContracts, vaultOf } from './contracts.ts'

export const edge = implementEdge(customersApi, {
  edges: (platform) => ({
    async 'Order.customer'(customerRefs, { sub }, edge) {
      // Staff see orders of others, and no addresses: each reading of personal data has an operation with its own access.
      if (!customerRefs.includes(sub)) return new Map()
      const answer = await platform.query(customersContracts, 'listAddresses', { vault: vaultOf(sub) }, edge)
      return new Map([[sub, answer.body]])
    },
  }),
})
