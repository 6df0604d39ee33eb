/** Reserve the stock, authorize the payment, confirm. Read it top to bottom; compensations run bottom to top. */

import { pick } from '../../shared/base/pick.ts'
import { defineSaga } from '../../shared/saga/definition.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { goodsOf } from './order.ts'
import type { Checkout } from './records.ts'

const PAYMENT_FIELDS = [
  'orderId',
  'customerRef',
  'paymentMethodRef',
  'currency',
  'totalMinor',
  'shippingMinor',
  'lines',
] as const

const paymentOf = (order: Checkout) => ({ ...pick(order, PAYMENT_FIELDS), ...numberOf(order) })
/** Refusals after which the stock is not held for another payment method: the card is not the customer's. */
const FINAL_CODES: readonly string[] = ['card-stolen', 'payment-method-of-another-customer', 'voided', 'voided-before']

const numberOf = ({ authorization }: Pick<Checkout, 'authorization'>) =>
  authorization === undefined ? {} : { authorization }

const authorizePayment = {
  // Orders publishes `order.payment-not-required` then, and payments captures nothing.
  skipIf: ({ totalMinor }: Checkout) => totalMinor === 0,
  command: 'AuthorizePayment',
  data: paymentOf,
  done: 'payment.authorized',
  failed: 'payment.declined',
  reasonOf: ({ code }: { readonly code: string }) => code,
  timeoutSeconds: 180,
  // The stock is held meanwhile, so the time is that of a bank's page or of another card, not that of a basket.
  pendingOn: { event: 'payment.action-required', timeoutSeconds: 300, onTimeout: 'customer-did-not-act' },
  compensate: {
    command: 'VoidPayment',
    data: ({ orderId, ...checked }: Checkout) => ({ orderId, ...numberOf(checked) }),
    compensated: 'payment.voided',
  },
} as const

export const checkout = defineSaga({
  name: 'checkout',
  version: 2,
  previousVersions: { 1: ['reserve-stock', 'authorize-payment'] },
  contracts: [inventoryContracts, paymentsContracts],
  idOf: ({ orderId }: Checkout) => orderId,
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
      ...authorizePayment,
      name: 'obtain-payment',
      // A declined card, or a bank's page that the customer does not come through: another payment method.
      tryAgain: {
        maxAttempts: 3,
        timeoutSeconds: 60,
        attemptOf: ({ authorization }: { readonly authorization: number }) => authorization,
        isFinal: ({ code }: { readonly code: string }) => FINAL_CODES.includes(code),
      },
      // The customer may have approved it a moment ago, with the provider's report on its way.
      inquire: { command: 'FindAuthorization', data: paymentOf, undecided: 'payment.undecided', timeoutSeconds: 60 },
    },
  ],
  retired: [{ ...authorizePayment, name: 'authorize-payment' }],
})
