/** Compares the records of all services, of the payment provider and of BigQuery each night, and names each difference. */

import { defineService } from '../../shared/service/service.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { reconciliationContracts } from './contracts.ts'

export const reconciliation = defineService({
  name: 'reconciliation',
  ingress: 'internal',
  contracts: reconciliationContracts,
  uses: [inventoryContracts, ordersContracts, paymentsContracts, shippingContracts],
  on: [],
  sends: ['ContinueReconciliation'],
  acceptsFromOperators: ['ReconcileRecords'],
  schedules: {
    // At night, when few orders are in flight.
    nightly: {
      cron: '30 3 * * *',
      timeZone: 'Europe/Berlin',
      command: 'ReconcileRecords',
      data: { minAgeMinutes: 60 },
    },
  },
  queries: [
    'listOrderRecords',
    'listPaymentRecords',
    'collectCharges',
    'listCollectedCharges',
    'listCharges',
    'listReservations',
    'listShards',
    'listMovements',
    'listShipmentRecords',
  ],
  // The others read the first: BigQuery asks for the right to it as well.
  readsViews: ['event_log', 'orders', 'captures', 'refunds', 'stock_by_sku'],
  collections: {
    streams: { unindexed: ['*'] },
    // Where a run stands. A run ends within hours.
    runs: { unindexed: ['*'], keptForDays: 40 },
  },
  alertsOn: {
    'difference.found': {
      severity: 'WARNING',
      labels: ['kind', 'id'],
      content:
        'The records of two services, of the payment provider or of BigQuery differ for longer than an order is in flight. `npm run ops -- differences` lists them with both values.',
    },
  },
})
