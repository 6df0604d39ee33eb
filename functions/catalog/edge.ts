/** Answers with the products of many lines together. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { catalogApi, pricedOf } from './api.ts'
import { catalogContracts } from './contracts.ts'

export const edge = implementEdge(catalogApi, {
  edges: (platform) => ({
    async 'OrderLine.product'(skus, _, edge) {
      const { body } = await platform.query(catalogContracts, 'readProducts', { body: { skus: [...skus] } }, edge)
      return new Map(body.products.map((one) => [one.sku, pricedOf(one)]))
    },
  }),
})
