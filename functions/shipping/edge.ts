/** Receives the webhooks of the carrier. */

import { webhookSignature } from '../../shared/edge/webhook-signature.ts'
import { implementEdge } from '../../shared/service/edge-code.ts'
import { carrierUrl } from '../shop/fields.ts'
import { shippingApi } from './api.ts'
import { carrierWebhook } from './carrier-webhook.ts'
import { carrierWebhookUrl } from './settings.ts'

export const edge = implementEdge(shippingApi, {
  handlers: (platform) => ({ carrierWebhook: carrierWebhook(platform) }),
  signatures: (platform) => ({
    carrierWebhook: webhookSignature(platform, {
      name: 'carrier',
      url: () => platform.setting(carrierUrl),
      audience: () => platform.setting(carrierWebhookUrl),
    }),
  }),
})
