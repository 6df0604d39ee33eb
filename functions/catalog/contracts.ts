/** Products and their prices, as the catalog tells them. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contract.ts'
import { currency, sku, timestamp, unitMinor, words } from '../../shared/fields.ts'

/** Absent: from the moment the event was decided. */
const validFrom = timestamp.optional()

export const catalogContracts = defineContracts({
  service: 'catalog',
  events: {
    'product.published': {
      version: 1,
      data: z.strictObject({ sku, name: words }),
      example: { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g' },
    },
    'price.changed': {
      version: 1,
      data: z.strictObject({ sku, unitMinor, currency, validFrom }),
      example: { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR' },
    },
  },
  commands: {
    PublishProduct: {
      data: z.strictObject({ sku, name: words, unitMinor, currency }),
      example: { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g', unitMinor: 1190, currency: 'EUR' },
    },
    ChangePrice: {
      data: z.strictObject({ sku, unitMinor, currency, validFrom }),
      example: { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR' },
    },
  },
})
