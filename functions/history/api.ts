/** The public lists of orders and shipments. */

import { refuseIf } from '../../shared/base/errors.ts'
import { timestampAtEdge } from '../../shared/base/fields.ts'
import { defineApi, limitOf } from '../shop/roles.ts'
import { historyContracts } from './contracts.ts'

export const historyApi = defineApi(historyContracts, ({ asks }) => ({
  listOrders: asks('listOrders', {
    path: '/v1/orders',
    types: { orders: 'ListedOrder' },
    summary:
      "List one's own orders, the newest first unless sorted otherwise; staff list every customer's, by status and time",
    access: 'customer',
    narrows: { placedFrom: timestampAtEdge.optional(), placedBefore: timestampAtEdge.optional() },
    answers: { 200: 'A page of orders, and the cursor of the next page.' },
    problems: ['forbidden'],
    request({ caller, params }) {
      const customer = limitOf(caller) ?? params.customer
      const isOwn = params.customer === undefined || params.customer === customer
      refuseIf(!isOwn, 'forbidden', "Only support lists another customer's orders.")
      return { ...params, customer }
    },
  }),
  listShipments: asks('listShipments', {
    path: '/v1/shipments',
    types: { shipments: 'ListedShipment' },
    summary: 'List the shipments, the newest first unless sorted otherwise',
    access: 'staff',
    answers: { 200: 'A page of shipments, and the cursor of the next page.' },
  }),
}))
