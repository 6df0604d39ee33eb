/** The simulator's list of charges, in the order of the references under which it was asked. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import { minor, paymentProviderUrl } from '../shop/fields.ts'
import type { ListCharges } from './provider-port.ts'
import type { PaymentsPlatform } from './service.ts'
import { token } from './simulated-provider.ts'

const CHARGES_PER_PAGE = '100'

const listed = z.object({
  authorizations: z.array(
    z.object({
      key: reference,
      reference,
      status: z.enum(['authorized', 'released', 'expired', 'declined', 'action-required']),
      code: z.string().optional(),
      amountMinor: minor,
      currency: z.string(),
      captures: z.array(z.object({ amountMinor: minor })),
      heldMinor: minor,
      refundedMinor: minor,
      disputedMinor: minor,
    }),
  ),
  next: reference.optional(),
})

export const simulatedCharges =
  (platform: PaymentsPlatform): ListCharges =>
  async (after) => {
    const search = new URLSearchParams({ limit: CHARGES_PER_PAGE, ...(after === undefined ? {} : { after }) })
    const url = `${platform.setting(paymentProviderUrl)}/v1/authorizations?${search.toString()}`
    const response = await platform.callExternal(url, { method: 'GET', operation: 'payment-provider.list', token })
    const { authorizations, next } = listed.parse(await response.json())
    return {
      charges: authorizations.map(({ key, reference: orderId, status, code, captures, ...amounts }) => ({
        chargeId: key,
        authorizationKey: key,
        orderId,
        // The provider names the end of a voided authorization as the code of a refusal.
        state: status === 'declined' && code === 'voided' ? ('voided' as const) : status,
        capturedMinor: captures.reduce((sum, one) => sum + one.amountMinor, 0),
        ...amounts,
      })),
      ...(next === undefined ? {} : { next }),
    }
  }
