/** Handlers of the catalog. */

import { implement, type ServiceApp } from '../../shared/app.ts'
import { fold } from '../../shared/decider.ts'
import type { Envelope } from '../../shared/envelope.ts'
import { refuseIf } from '../../shared/errors.ts'
import type { Decision, Platform } from '../../shared/platform.ts'
import { product, type ProductCommand } from './product.ts'
import { catalog } from './service.ts'

const apply = (message: Envelope & ProductCommand, platform: Platform): Promise<Decision> =>
  platform.streams.handle(message, message.data.sku, ({ events }) => ({ events: product.decide(message, fold(product, events)), commands: [] }))

export const app: ServiceApp = implement(catalog, {
  on: {},
  commands: { PublishProduct: apply, ChangePrice: apply },
  routes(http, platform) {
    http.get('/products/:sku', async (c) => {
      const { sku } = c.req.param()
      const { name, unitMinor, currency } = fold(product, (await platform.streams.read(sku)).events)
      refuseIf(name === undefined, 'not-found', `Nobody sells "${sku}".`)
      return c.json({ sku, name, unitMinor, currency })
    })
  },
})
