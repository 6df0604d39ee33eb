/** The six steps as data: which system answers each operation, what is compared, and what each step is about. */

import type { Rules } from '../../shared/strangler/rules.ts'
import { ignored } from './mapping.ts'
import { MIGRATOR, type State } from './store.ts'

/** Step 1: each route and table of the old shop, with the operation or the service that replaces it. A test compares them with the code. */
export const boundaries = {
  routes: {
    'POST /orders': 'placeOrder',
    'GET /orders': 'listOrders',
    'GET /orders/:no': 'readOrder',
    'POST /orders/:no/done': "the platform's shipping; until step 6 it finishes the orders that the old shop took",
    'GET /products': 'listProducts',
    'PUT /products/:sku': 'publishProduct',
    'PUT /customers/:login': 'importCustomers',
  },
  tables: { orders: 'orders', items: 'orders', products: 'catalog', customers: 'customers' },
} as const

export const steps = {
  1: 'Boundaries: the old shop answers all, by way of the gateway',
  2: 'Events out: each change of the old database is published to Pub/Sub, and applied to the platform',
  3: 'Shadow reads: the old shop answers, the platform is asked too, differences are counted',
  4: 'Data: all was brought over and is compared, as a whole by each status, one by one as it is read; the platform answers reads',
  5: 'Writes: the platform takes the orders, the old shop gets a copy of each',
  6: 'Off: the platform answers all; the gateway asks the old shop for the flags alone, and not even that once OTHER_SYSTEM_URL is off: then delete it',
} as const
export type Step = keyof typeof steps
export const isStep = (step: number): step is Step => Object.hasOwn(steps, step)

const reads = ['readOrder', 'readProduct']

/** The rules that the gateway reads. */
export function rulesOf({ step, version, killed, percent, callers }: State): Rules {
  // In step 6 too each operation is named: its rules have an age, and one that is not named has no rules.
  const rule = (movesIn: number): Rules['flags'][string] => ({
    on: 'platform',
    off: 'other',
    percent: step > movesIn || step === 6 ? 100 : step === movesIn ? percent : 0,
    callers: step === movesIn ? [...callers] : [],
  })
  // From step 5 on the old shop has copies without payments and parcels, which say less than the comparison of the data.
  const shadow = { on: true, off: false, percent: step === 3 || step === 4 ? 100 : 0, callers: [] }
  const flags: Rules['flags'] = {
    placeOrder: rule(5),
    // A list of both systems needs the copies of step 5: it moves last.
    listOrders: rule(6),
    readOrder: rule(4),
    readProduct: rule(4),
    'readOrder.shadow': shadow,
    'readProduct.shadow': shadow,
  }
  return {
    version,
    killed,
    flags,
    exempt: [MIGRATOR],
    known: step === 5 ? ['placeOrder'] : [],
    elsewhere: step === 4 || step === 5 ? reads : [],
    ignored,
  }
}
