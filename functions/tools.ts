/** The additions of the shop to the commands and to `npm start`. No service imports it, and it is not in the image. */

import type { Tools } from '../cli/tools.ts'
import { partners } from './shop/local/partners.ts'

export const tools: Tools = {
  partners,
  seed: async (running) => (await import('./shop/local/seed.ts')).seed(running),
  nextSteps: [
    {
      command: 'npm run order -- --sku TEA-001 --quantity 2',
      brief: 'places an order, and prints its events as they happen',
    },
    { command: 'npm run order -- --follow ORDER', brief: 'follows an order, and names what it waits for' },
    { command: 'npm run query -- orders', brief: 'the newest orders, in BigQuery' },
  ],
  page: { path: '/docs', title: 'the API' },
  unit: {
    one: 'order',
    many: 'orders',
    event: 'order.placed',
    request: 'POST /v1/orders',
    command: 'npm run order -- --sku TEA-001',
  },
  commands: {
    catalog: 'npm run price -- --sku TEA-001 --unit-minor 1250',
    orders: 'npm run order -- --sku TEA-001',
  },
  examples: {
    publish: `price.changed '{"sku":"TEA-001","unitMinor":1250,"currency":"EUR"}'`,
    query: 'SELECT status, COUNT(*) AS orders FROM analytics.orders GROUP BY status',
    url: 'http://127.0.0.1:4110/v1/orders/ORDER',
  },
  roles: {
    customer: {},
    support: { secondFactor: true },
    warehouse: { secondFactor: true },
    admin: { secondFactor: true },
    importer: { secondFactor: true },
  },
  caller: { sub: 'customer-1', roles: ['customer'] },
  ops: async () => (await import('./shop/cli/ops.ts')).verbs,
  sagas: { orders: async (api, sagaId) => (await import('./shop/cli/sagas.ts')).findSaga(api, sagaId) },
  decimals: async () => (await import('./shop/cli/money.ts')).decimals,
  queries: new URL('shop/cli/queries/', import.meta.url),
}
