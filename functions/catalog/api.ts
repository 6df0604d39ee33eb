/** The public operations of the catalog. */

import type { z } from 'zod'
import { timestampAtEdge } from '../../shared/base/fields.ts'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { shopCodes } from '../shop/errors.ts'
import { defineApi } from '../shop/roles.ts'
import { shaped } from '../../shared/service/earlier-version.ts'
import { catalogContracts, pricedProduct } from './contracts.ts'

const product = catalogContracts.queries.readProduct.answers[200]

/** As version 2 of the public API shows it. */
export const pricedOf = ({
  sku,
  name,
  prices,
  ...price
}: Immutable<z.output<typeof product>>): z.output<typeof pricedProduct> => ({
  sku,
  name,
  prices: [...(prices ?? [price])],
})

/** A price that a client shows binds no one: the price that counts is that of placing. */
const shown = { seconds: 30 }

export const catalogApi = defineApi(
  catalogContracts,
  ({ asks, submits }) => ({
    publishProduct: submits('PublishProduct', {
      path: '/v1/products',
      summary: 'Sell a product',
      access: 'admin',
      subject: 'sku',
      problems: [shopCodes['too-many-prices']],
    }),
    listProducts: asks('listProducts', {
      path: '/v1/products',
      summary: 'List the products with their prices, by their SKUs or names',
      types: { products: 'ListedProduct' },
      access: 'customer',
      cache: shown,
      answers: { 200: 'A page of products, and the cursor of the next page.' },
    }),
    readProduct: asks('readProduct', {
      path: '/v2/products/{sku}',
      summary: 'See a product with its price in each currency',
      types: { '': 'Product' },
      access: 'customer',
      // The most frequent read, of one document.
      hedged: true,
      cache: shown,
      answers: { 200: 'The product, with at least one price, the newest first.' },
      shapes: {
        200: shaped(pricedProduct, pricedOf),
      },
      earlier: [
        {
          // The newest price stood beside the list as well, as if it were the only one: a client that read it paid in a currency by chance.
          path: '/v1/products/{sku}',
          deprecated: { since: '2026-12-01T00:00:00Z', sunset: '2027-12-01T00:00:00Z' },
          answers: {
            200: shaped(product, ({ prices: [newest, ...others], ...rest }: z.output<typeof pricedProduct>) => ({
              ...rest,
              ...newest!,
              prices: [newest!, ...others],
            })),
          },
        },
      ],
    }),
    changePrice: submits('ChangePrice', {
      path: '/v1/prices',
      summary: "Change a product's price, now or from a time on",
      access: 'admin',
      narrows: { validFrom: timestampAtEdge.optional() },
      subject: 'sku',
      problems: [shopCodes['unknown-sku'], shopCodes['too-many-prices'], shopCodes['price-replaced']],
    }),
  }),
  {
    queries: ['readProducts'],
    edges: {
      'OrderLine.product': {
        by: 'sku',
        like: 'readProduct',
        summary: 'The product as it is sold now; the line has the price that was agreed',
        timeoutMs: 2_000,
        // A name and a price of half an hour ago are better than no product: nothing is sold by them.
        copiesForSeconds: 1_800,
      },
    },
  },
)
