/** The catalog's commands, and its answers to queries for products. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused } from '../../shared/base/errors.ts'
import { limitOf } from '../../shared/base/paging.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import { documentQuery } from '../../shared/service/document-query.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { pricesAt } from './contracts.ts'
import { type CatalogCommand, type CatalogRecord, decide, type Product, productOf } from './product.ts'
import { catalog } from './service.ts'

/** The snapshot of a product's stream: queries read it alone, and commands no more than recent commits with it. */
const productPath = (sku: string): DocumentPath => documentPath<typeof catalog>('products', sku)

/** The SKU names a product's stream, and is the subject of its events. */
async function handle(message: Envelope & CatalogCommand, platform: Platform): Promise<Decision<CatalogRecord>> {
  const { sku } = message.data
  const stream = await platform.streams.readRecent(sku, productPath(sku))
  return platform.streams.handle(message, stream, ({ companion, events }) => {
    const nowMs = platform.now()
    const before = (companion as Product | undefined) ?? productOf(events, nowMs)
    const { events: decided, product } = decide(message, before, nowMs)
    return { events: decided, commands: [], companion: { ...product } }
  })
}

const productNamed = async (sku: string, platform: Platform): Promise<Product> =>
  productIn(await platform.documents.get(productPath(sku)), sku, platform)

/** Products from before there were such documents have one from their next command on. */
const productIn = async (document: object | undefined, sku: string, platform: Platform): Promise<Product> =>
  (document as Product | undefined) ?? productOf((await platform.streams.read(sku)).events, platform.now())

/** Undefined: it is not sold yet, since it has no name, or no price that holds. */
function shown(sku: string, { name, prices }: Product, nowMs: number) {
  const current = pricesAt(prices, nowMs)
  const [newest] = current
  return name === undefined || !newest ? undefined : { sku, name, ...newest, prices: current }
}

export const app: ServiceApp = implement(catalog, {
  on: {},
  commands: {
    PublishProduct: (message, platform) => handle(message, platform),
    ChangePrice: (message, platform) => handle(message, platform),
  },
  queries: {
    async readProduct({ sku }, platform) {
      const found = shown(sku, await productNamed(sku, platform), platform.now())
      if (!found) throw new Refused('not-found', `There is no product ${sku}.`)
      return { status: 200, body: found }
    },
    async readProducts({ body: { skus } }, platform) {
      const documents = await platform.documents.getAll(skus.map(productPath))
      const nowMs = platform.now()
      const found = skus.map(async (sku, at) => shown(sku, await productIn(documents[at], sku, platform), nowMs))
      return { status: 200, body: { products: (await Promise.all(found)).filter((one) => one !== undefined) } }
    },
    async findUnknownSkus({ body: { skus } }, platform) {
      const products = await Promise.all(skus.map((sku) => productNamed(sku, platform)))
      return { status: 200, body: { unknown: skus.filter((_, at) => products[at]!.name === undefined) } }
    },
    async listProducts({ sort = 'sku', limit, after }, platform) {
      const page = { from: 'products', limit: limitOf(limit), after } as const
      const query = documentQuery<typeof catalog>(sort === 'sku' ? page : { ...page, where: {}, orderBy: sort })
      const { documents, next } = await platform.documents.query(query)
      const nowMs = platform.now()
      const products = documents.flatMap(({ id, fields }) => shown(id, fields as unknown as Product, nowMs) ?? [])
      return { status: 200, body: { products, next } }
    },
  },
})
