/** Products, their prices and the price history. */

import { defineService } from '../../shared/service.ts'
import { catalogContracts } from './contracts.ts'

export const catalog = defineService({
  name: 'catalog',
  ingress: 'internal',
  contracts: catalogContracts,
  uses: [],
  emits: ['product.published', 'price.changed'],
  on: [],
  accepts: ['PublishProduct', 'ChangePrice'],
  sends: [],
  collections: { streams: { unindexed: ['*'] }, keys: {} },
  load: () => import('./app.ts'),
})
