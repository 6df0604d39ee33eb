/** Hold the stock, take the money, confirm. Read it top to bottom; it undoes bottom to top. */

import { defineSaga } from '../../shared/saga.ts'
import type { Placed } from './order.ts'

const goods = ({ lines }: Placed) => lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))

export const checkout = defineSaga<Placed>({
  name: 'checkout',
  steps: [
    {
      name: 'reserve-stock',
      send: (order) => ({ type: 'ReserveStock', data: { orderId: order.orderId, lines: goods(order) } }),
      undo: ({ orderId }) => ({ type: 'ReleaseStock', data: { orderId } }),
      done: 'stock.reserved',
      failed: 'stock.rejected',
      undone: 'stock.released',
      withinSeconds: 120,
    },
    {
      name: 'authorize-payment',
      send: ({ orderId, customerRef, paymentMethodRef, currency, totalMinor, shippingMinor, lines }) => ({
        type: 'AuthorizePayment',
        data: { orderId, customerRef, paymentMethodRef, currency, totalMinor, shippingMinor, lines },
      }),
      undo: ({ orderId }) => ({ type: 'VoidPayment', data: { orderId } }),
      done: 'payment.authorized',
      failed: 'payment.declined',
      undone: 'payment.voided',
      // Its stock is held for nobody else meanwhile: as long as a bank's page takes, not as long as a basket may stand.
      waiting: { on: 'payment.action-required', withinSeconds: 300, onTimeout: 'customer-did-not-act' },
      withinSeconds: 180,
    },
  ],
})
