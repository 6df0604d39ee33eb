/** Authorizes, captures, voids and refunds payments at the payment provider, and records the results. */

import type { PlatformOf } from '../../shared/service/platform.ts'
import { defineService } from '../../shared/service/service.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentProviderApi, paymentProviderUrl } from '../shop/fields.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { paymentsApi } from './api.ts'
import { paymentsContracts } from './contracts.ts'

export const payments = defineService({
  name: 'payments',
  ingress: 'internal',
  contracts: paymentsContracts,
  api: paymentsApi,
  uses: [ordersContracts, shippingContracts],
  on: ['order.payment-not-required', 'shipment.dispatched'],
  acceptsSubmitted: ['CheckAuthorization', 'RefundPayment', 'CheckRefund', 'CheckRefunds', 'CheckDispute'],
  sends: [
    'CapturePayment',
    'VoidAuthorization',
    'IssueRefund',
    'AskAboutRefund',
    'CheckRefunds',
    'MakeRecapture',
    'MakeRenewal',
    'ReleaseAuthorization',
    'ReleaseUncaptured',
    'RecordDispute',
    'AskAboutDispute',
  ],
  collections: {
    streams: { unindexed: ['*'] },
    // By the key of an authorization: the payment intent of Stripe that stands for it. Kept as long as the streams, since what was
    // captured may be refunded at any time.
    intents: { unindexed: ['*'] },
    // The charges that the provider listed for one run of reconciliation, sorted by order.
    charges: { unindexed: ['*'], indexes: [['runId', 'position']], keptForDays: 3 },
  },
  settings: [paymentProviderUrl, paymentProviderApi],
  alertsOn: {
    'refund.overdue': {
      severity: 'WARNING',
      labels: ['orderId', 'refundId'],
      content:
        'A refund was accepted by the payment provider and has had no end for a week, or the request for it no answer for a day: `docs/operations.md`, A refund without an end.',
    },
    'dispute.overdue': {
      severity: 'WARNING',
      labels: ['orderId', 'disputeId'],
      content:
        'A dispute was opened four months ago, and the payment provider has reported no end of it: `docs/operations.md`, A dispute.',
    },
    'recapture.overdue': {
      severity: 'WARNING',
      labels: ['orderId'],
      content:
        'Staff has recaptured an order a day ago, and the payment provider has answered no attempt since: `docs/operations.md`, A recapture without an end.',
    },
    'renewal.overdue': {
      severity: 'WARNING',
      labels: ['orderId'],
      content:
        'An authorization was to be renewed a day ago, and the payment provider has answered no attempt since: `docs/operations.md`, A renewal without an end.',
    },
    'void.overdue': {
      severity: 'WARNING',
      labels: ['orderId'],
      content:
        'An authorization was to be ended a day ago, and the payment provider has answered no attempt since: `docs/operations.md`, A void without an end.',
    },
    'payment.disputed': {
      severity: 'WARNING',
      labels: ['orderId', 'disputeId'],
      content:
        'A customer had the bank take captured money back. Give evidence at the payment provider before `evidenceDueBy`, or the money is lost: `docs/operations.md`, A dispute.',
    },
  },
  secrets: { 'payment-provider-key': 'Authorizes, captures, voids and refunds payments.' },
})

export type PaymentsPlatform = PlatformOf<typeof payments>
