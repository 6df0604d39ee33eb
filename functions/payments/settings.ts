/** The settings of payments. functions/shop/settings.ts has their values. */

import { defineSetting, httpUrl } from '../../shared/base/setting.ts'

/** The payment provider signs its webhooks for this address. */
export const paymentWebhookUrl = defineSetting('PAYMENT_WEBHOOK_URL', httpUrl)
