/** The check of a delivery, before it is booked: every SKU of it is sold. */

import { refuseIf } from '../../shared/base/errors.ts'
import { implementEdge } from '../../shared/service/edge-code.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { inventoryApi } from './api.ts'

export const edge = implementEdge(inventoryApi, {
  checks: (platform) => ({
    async receiveStock({ body: { lines } }) {
      const skus = [...new Set(lines.map(({ sku }) => sku))]
      const {
        body: { unknown },
      } = await platform.query(catalogContracts, 'findUnknownSkus', { body: { skus } })
      refuseIf(
        unknown.length > 0,
        shopCodes['unknown-sku'],
        `The shop does not sell ${unknown.join(', ')}: publish it first (POST /v1/products).`,
      )
    },
  }),
})
