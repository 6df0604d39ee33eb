/** An order as a client sends it, and as orders answers it. */

import { startOfTests } from '../../shared/runtime/platform.testing.ts'

export const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'address-1',
  paymentMethodRef: 'card-ok',
}
export const placed = {
  orderId: 'o-1',
  status: 'pending',
  customerRef: 'customer-1',
  currency: 'EUR',
  totalMinor: 2380,
  shippingMinor: 0,
  lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2, unitMinor: 1190 }],
  placedAt: startOfTests,
}
