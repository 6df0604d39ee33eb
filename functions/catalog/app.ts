/** The catalog's commands, and what it tells who asks for a product. */

import { implement, type ServiceApp } from '../../shared/app.ts'
import { keyPath, rememberKey } from '../../shared/idempotency.ts'
import type { Envelope } from '../../shared/envelope.ts'
import { Refused } from '../../shared/errors.ts'
import { sku as skuSchema } from '../../shared/fields.ts'
import type { Decision, Platform } from '../../shared/platform.ts'
import { type CatalogCommand, decide, priceAt, productOf } from './product.ts'
import { catalog } from './service.ts'

/** A product's stream is named by its SKU, and so is what its events are about. */
function handle(message: Envelope & CatalogCommand, platform: Platform): Promise<Decision> {
  return platform.streams.handle(message, message.data.sku, ({ events }) => ({
    events: decide(message, productOf(events), platform.now()),
    commands: [],
  }))
}

export const app: ServiceApp = implement(catalog, {
  on: {},
  commands: {
    PublishProduct: (message, platform) => handle(message, platform),
    ChangePrice: (message, platform) => handle(message, platform),
  },
  routes(http, platform) {
    http.post(keyPath, rememberKey(platform))
    http.get('/products/:sku', async (c) => {
      const sku = c.req.param('sku')
      const unknown = new Refused('not-found', `There is no product ${sku}.`)
      if (!skuSchema.safeParse(sku).success) throw unknown
      const product = productOf((await platform.streams.read(sku)).events)
      const price = priceAt(product, platform.now())
      if (product.name === undefined || !price) throw unknown
      return c.json({ sku, name: product.name, ...price })
    })
  },
})
