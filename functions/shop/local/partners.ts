/** The companies that the shop's services call, as the local cloud plays them. */

import type { PartnerContext } from '../../../emulators/partner-server.ts'

/** Loaded with the first partner: most commands that read `functions/tools.ts` start none. */
const keyCheck = async (keys: () => readonly string[]) =>
  (await import('../../../emulators/partner-server.ts')).keyCheck(keys)

export const partners = {
  async 'payment-provider'({ settings, credentials, ...options }: PartnerContext) {
    const { createPaymentProvider } = await import('./payment-provider/server.ts')
    const verify = await keyCheck(() => credentials('payment-provider-key'))
    return createPaymentProvider({ ...options, verify, webhookUrl: settings['PAYMENT_WEBHOOK_URL']! })
  },
  async carrier({ settings, credentials, ...options }: PartnerContext) {
    const { createCarrier } = await import('./carrier/server.ts')
    const verify = await keyCheck(() => credentials('carrier-key'))
    return createCarrier({ ...options, verify, webhookUrl: settings['CARRIER_WEBHOOK_URL']! })
  },
}
