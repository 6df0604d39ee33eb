/** The public operations of the catalog. */

import type { z } from 'zod'
import { shopCodes } from '../shop/errors.ts'
import { defineApi } from '../shop/roles.ts'
import { shaped } from '../../shared/service/earlier-version.ts'
import { catalogContracts, pricedProduct } from './contracts.ts'

const product = catalogContracts.queries.readProduct.answers[200]

export const catalogApi = defineApi(catalogContracts, ({ asks, submits }) => ({
  publishProduct: submits('PublishProduct', {
    path: '/v1/products',
    summary: 'Sell a product',
    access: 'admin',
    subject: 'sku',
    problems: [shopCodes['too-many-prices']],
  }),
  listProducts: asks('listProducts', {
    path: '/v1/products',
    summary: 'List the products with their prices, by their SKUs',
    access: 'customer',
    answers: { 200: 'A page of products, and the cursor of the next page.' },
  }),
  readProduct: asks('readProduct', {
    path: '/v2/products/{sku}',
    summary: 'See a product with its price in each currency',
    access: 'customer',
    answers: { 200: 'The product, with at least one price, the newest first.' },
    shapes: {
      200: shaped(pricedProduct, ({ sku, name, prices, ...price }: z.output<typeof product>) => ({
        sku,
        name,
        prices: prices ?? [price],
      })),
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
    subject: 'sku',
    problems: [shopCodes['unknown-sku'], shopCodes['too-many-prices'], shopCodes['price-replaced']],
  }),
}))
