/** Products, their prices and the history of both. Questions are answered from a document for each product. */

import { defineService } from '../../shared/service/service.ts'
import { catalogApi } from './api.ts'
import { catalogContracts } from './contracts.ts'

export const catalog = defineService({
  name: 'catalog',
  ingress: 'internal',
  contracts: catalogContracts,
  api: catalogApi,
  uses: [],
  on: [],
  acceptsSubmitted: ['PublishProduct', 'ChangePrice'],
  sends: [],
  collections: { streams: { unindexed: ['*'] }, products: { unindexed: ['*'], indexes: [['name'], ['-name']] } },
})
