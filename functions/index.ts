/** The business that runs on the platform. A new service is a folder and a line here. */

import { type Business, servicesOf } from '../shared/service/business.ts'
import type { Service } from '../shared/service/service.ts'
import { catalog } from './catalog/service.ts'
import { customers } from './customers/service.ts'
import { gateway } from './gateway/service.ts'
import { history } from './history/service.ts'
import { inventory } from './inventory/service.ts'
import { notifications } from './notifications/service.ts'
import { orders } from './orders/service.ts'
import { payments } from './payments/service.ts'
import { reconciliation } from './reconciliation/service.ts'
import { shipping } from './shipping/service.ts'
import { webhooks } from './webhooks/service.ts'
import { minorUnitSql } from './shop/currencies.ts'
import { delivery, goals, minInstances, settings } from './shop/settings.ts'

/** Ports on a laptop follow the numbers. A new service takes the next one; a number is never given to another service. */
const numberedServices: Readonly<Record<number, Service>> = {
  0: gateway,
  1: catalog,
  2: orders,
  3: inventory,
  4: payments,
  5: shipping,
  6: history,
  7: customers,
  8: notifications,
  9: reconciliation,
  10: webhooks,
}

export const business: Business = {
  services: numberedServices,
  partners: { 0: 'payment-provider', 1: 'carrier' },
  views: {
    folder: new URL('shop/views/', import.meta.url),
    names: [
      'orders',
      'order_lines',
      'cancelled_lines',
      'cancellations',
      'shipments',
      'captures',
      'refunds',
      'disputes',
      'revenue_by_day',
      'units_by_sku',
      'stock_by_sku',
      'funnel',
      'compensation_rate',
      'saga_durations',
      'reconciliations',
      'differences',
      'left_out',
    ],
    macros: { 'minor unit of': minorUnitSql },
  },
  settings,
  goals,
  minInstances,
  delivery,
  operatorRoles: ['support'],
}

export const services: readonly Service[] = servicesOf(business)
