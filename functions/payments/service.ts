/** Authorizes, captures, voids and refunds payments at the payment provider, and records the results. */

import { defineService } from '../../shared/service/service.ts'
import { paymentProviderUrl } from '../shop/fields.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { paymentsContracts } from './contracts.ts'

export const payments = defineService({
  name: 'payments',
  ingress: 'internal',
  contracts: paymentsContracts,
  uses: [shippingContracts],
  on: ['shipment.dispatched'],
  acceptsSubmitted: ['CheckAuthorization', 'RefundPayment', 'CheckRefunds'],
  sends: ['CapturePayment', 'VoidAuthorization', 'IssueRefund', 'MakeRecapture'],
  collections: { streams: { unindexed: ['*'] } },
  settings: [paymentProviderUrl],
})
