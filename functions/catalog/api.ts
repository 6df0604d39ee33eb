/** The public operations of the catalog. */

import { shopCodes } from '../shop/errors.ts'
import { defineApi } from '../shop/roles.ts'
import { catalogContracts } from './contracts.ts'

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
    path: '/v1/products/{sku}',
    summary: 'See a product with its price',
    access: 'customer',
    answers: { 200: 'The product.' },
  }),
  changePrice: submits('ChangePrice', {
    path: '/v1/prices',
    summary: "Change a product's price, now or from a time on",
    access: 'admin',
    subject: 'sku',
    problems: [shopCodes['unknown-sku'], shopCodes['too-many-prices'], shopCodes['price-replaced']],
  }),
}))
