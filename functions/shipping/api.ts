/** The public operation of shipping: the webhook of the carrier. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import { carrierUrl } from '../shop/fields.ts'
import { defineApi } from '../shop/roles.ts'
import { shippingContracts } from './contracts.ts'
import { carrierWebhookUrl } from './settings.ts'

export const shippingApi = defineApi(
  shippingContracts,
  ({ handles }) => ({
    carrierWebhook: handles({
      method: 'post',
      path: '/v1/webhooks/carrier',
      summary: 'Receive a webhook of the carrier, signed in the header webhook-signature',
      access: 'signed',
      /** It names the booking by the key that shipping gave. It may have further fields, and a type that is ignored. */
      body: z.looseObject({ id: reference, type: reference, reference, key: reference.exactOptional() }),
      maxBodyBytes: 64 * 1024,
      answers: { 204: ['Accepted.'] },
    }),
  }),
  { submits: ['CheckShipments'], settings: [carrierUrl, carrierWebhookUrl] },
)
