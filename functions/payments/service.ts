/** Takes money through the payment provider, and knows what was authorised, captured and voided. */

import { defineService } from '../../shared/service/service.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { paymentsContracts } from './contracts.ts'

export const payments = defineService({
  name: 'payments',
  ingress: 'internal',
  contracts: paymentsContracts,
  uses: [shippingContracts],
  emits: [
    'payment.authorized',
    'payment.declined',
    'payment.action-required',
    'payment.captured',
    'payment.capture-failed',
    'payment.voided',
  ],
  on: ['shipment.dispatched'],
  accepts: ['AuthorizePayment', 'CheckAuthorization', 'CapturePayment', 'VoidPayment', 'VoidAuthorization'],
  acceptsSubmitted: ['CheckAuthorization'],
  sends: ['CapturePayment', 'VoidAuthorization'],
  collections: { streams: { unindexed: ['*'] } },
  settings: ['PAYMENT_PROVIDER_URL'],
})
