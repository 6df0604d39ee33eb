/** Receives the webhooks of payment providers. */

import { webhookSignature } from '../../shared/edge/webhook-signature.ts'
import { implementEdge } from '../../shared/service/edge-code.ts'
import { paymentProviderUrl } from '../shop/fields.ts'
import { paymentsApi } from './api.ts'
import { paymentWebhook } from './payment-webhook.ts'
import { paymentWebhookUrl } from './settings.ts'
import { stripeCheck } from './stripe-signature.ts'
import { stripeWebhook } from './stripe-webhook.ts'

export const edge = implementEdge(paymentsApi, {
  handlers: (platform) => ({ paymentWebhook: paymentWebhook(platform), stripeWebhook: stripeWebhook(platform) }),
  signatures: (platform) => ({
    paymentWebhook: webhookSignature(platform, {
      name: 'payment-provider',
      url: () => platform.setting(paymentProviderUrl),
      audience: () => platform.setting(paymentWebhookUrl),
    }),
    stripeWebhook: stripeCheck(platform),
  }),
})
