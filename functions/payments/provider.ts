/** The payment provider of this environment, by its setting. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { paymentProviderApi } from '../shop/fields.ts'
import type { ListCharges, Provider } from './provider-port.ts'
import type { PaymentsPlatform } from './service.ts'
import { simulatedCharges } from './simulated-charges.ts'
import { simulatedProvider } from './simulated-provider.ts'
import { stripeCharges } from './stripe-charges.ts'
import { stripeProvider } from './stripe-provider.ts'

export { MULTICAPTURE_UNAVAILABLE } from './provider-port.ts'
export type { Authorization, MadeRefund, Provider, RefundAnswer, ReportedDispute } from './provider-port.ts'

/** The provider's client, for the calls that a message causes. */
export function provider(platform: PaymentsPlatform, cause: Envelope): Provider {
  const api = platform.setting(paymentProviderApi)
  return api.kind === 'stripe' ? stripeProvider(platform, api) : simulatedProvider(platform, cause)
}

/** The provider's list of charges, page by page. */
export const listedCharges = (platform: PaymentsPlatform): ListCharges =>
  platform.setting(paymentProviderApi).kind === 'stripe' ? stripeCharges(platform) : simulatedCharges(platform)
