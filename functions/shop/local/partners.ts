/** The companies that the shop's services call, as the local cloud plays them. */

import type { PartnerContext } from '../../../emulators/partner-server.ts'

export const partners = {
  async 'payment-provider'({ settings, ...options }: PartnerContext) {
    const { createPaymentProvider } = await import('./payment-provider/server.ts')
    return createPaymentProvider({ ...options, webhookUrl: settings['PAYMENT_WEBHOOK_URL']! })
  },
  async carrier(context: PartnerContext) {
    const { createCarrier } = await import('./carrier/server.ts')
    return createCarrier(context)
  },
}
