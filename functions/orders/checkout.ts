/** Reserve the stock, authorize the payment, confirm. Read it top to bottom; compensations run bottom to top. */

import { defineSaga } from '../../shared/saga/definition.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { goodsOf } from './order.ts'
import type { Placed } from './records.ts'

export const checkout = defineSaga({
  name: 'checkout',
  version: 1,
  contracts: [inventoryContracts, paymentsContracts],
  idOf: ({ orderId }: Placed) => orderId,
  successEvents: ['order.confirmed', 'order.released', 'order.completed'],
  steps: [
    {
      name: 'reserve-stock',
      command: 'ReserveStock',
      data: (order) => ({ orderId: order.orderId, lines: goodsOf(order) }),
      done: 'stock.reserved',
      failed: 'stock.rejected',
      reasonOf: () => 'out-of-stock',
      timeoutSeconds: 120,
      compensate: { command: 'ReleaseStock', data: ({ orderId }) => ({ orderId }), compensated: 'stock.released' },
    },
    {
      name: 'authorize-payment',
      command: 'AuthorizePayment',
      data: ({ orderId, customerRef, paymentMethodRef, currency, totalMinor, shippingMinor, lines }) => ({
        orderId,
        customerRef,
        paymentMethodRef,
        currency,
        totalMinor,
        shippingMinor,
        lines,
      }),
      done: 'payment.authorized',
      failed: 'payment.declined',
      reasonOf: ({ code }) => code,
      timeoutSeconds: 180,
      // The stock is held meanwhile, so the time is that of a bank's page, not that of a basket.
      pendingOn: { event: 'payment.action-required', timeoutSeconds: 300, onTimeout: 'customer-did-not-act' },
      compensate: { command: 'VoidPayment', data: ({ orderId }) => ({ orderId }), compensated: 'payment.voided' },
    },
  ],
})
