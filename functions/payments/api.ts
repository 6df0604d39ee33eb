/** The public operations of payments: a refund by staff, and the webhooks of payment providers. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import { derivedId } from '../../shared/base/ids.ts'
import { where } from '../../shared/base/secret.ts'
import { paymentProviderApi, paymentProviderUrl } from '../shop/fields.ts'
import { defineApi } from '../shop/roles.ts'
import { paymentsContracts } from './contracts.ts'
import { paymentWebhookUrl } from './settings.ts'

export const paymentsApi = defineApi(
  paymentsContracts,
  ({ submits, handles }) => ({
    refundOrder: submits('RefundPayment', {
      path: '/v1/orders/{orderId}/refunds',
      summary: 'Give captured money back, all or a part of it',
      access: 'support',
      derives: { refundId: ({ sub }, key) => derivedId('refund', sub, key) },
      subject: 'orderId',
      answers: ['refundId'],
      problems: ['not-found'],
    }),
    paymentWebhook: handles({
      method: 'post',
      path: '/v1/webhooks/payment-provider',
      summary: 'Receive a webhook of the payment provider, signed in the header webhook-signature',
      access: 'signed',
      /** It may have further fields, and a type that is ignored. */
      body: z.looseObject({ id: reference, type: reference, reference }),
      maxBodyBytes: 64 * 1024,
      answers: { 204: ['Accepted.'] },
    }),
    stripeWebhook: handles({
      method: 'post',
      path: '/v1/webhooks/stripe',
      summary: 'Receive an event of Stripe, signed in the header stripe-signature',
      access: 'signed',
      /** The fields that are read. Payments put the order's id into the metadata. */
      body: z.looseObject({
        id: reference,
        type: reference,
        data: z.looseObject({
          object: z.looseObject({
            id: reference,
            metadata: z.looseObject({ reference: reference.exactOptional() }).nullable().exactOptional(),
          }),
        }),
      }),
      maxBodyBytes: 256 * 1024,
      answers: { 204: ['Accepted.'] },
    }),
  }),
  {
    submits: ['CheckAuthorization', 'CheckRefund', 'CheckRefunds', 'CheckDispute'],
    settings: [paymentProviderUrl, paymentProviderApi, paymentWebhookUrl],
    secrets: {
      'payment-webhook-key': {
        purpose: 'Verifies the events of Stripe.',
        where: where(paymentProviderApi, ({ kind }) => kind === 'stripe'),
      },
    },
  },
)
