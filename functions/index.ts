/** The services of the platform. A new one is a folder and a line here. */

import type { Service } from '../shared/service.ts'
import { catalog } from './catalog/service.ts'
import { customers } from './customers/service.ts'
import { gateway } from './gateway/service.ts'
import { history } from './history/service.ts'
import { inventory } from './inventory/service.ts'
import { notifications } from './notifications/service.ts'
import { orders } from './orders/service.ts'
import { payments } from './payments/service.ts'
import { shipping } from './shipping/service.ts'

export const services: readonly Service[] = [
  gateway,
  catalog,
  orders,
  inventory,
  payments,
  shipping,
  history,
  customers,
  notifications,
]
