/** The provider that the shop simulates, by its own API: each call with a key that makes a repeat the same call. */

import { z } from 'zod'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { callOnce } from '../../shared/http/call-once.ts'
import { minor, pageUrl, paymentProviderUrl } from '../shop/fields.ts'
import type { Authorization, MadeRefund, Provider } from './provider-port.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

/** The provider's own clock: more digits than our stores have are left out, never refused. */
const providerTime = z.iso
  .datetime({ offset: true })
  .max(40)
  .transform((time) => new Date(time).toISOString())
const authorized = z.object({ status: z.literal('authorized'), expiresAt: providerTime })
const declined = z.object({ status: z.literal('declined'), code: reference })
const actionRequired = z.object({
  status: z.literal('action-required'),
  actionUrlRef: reference,
  actionUrl: pageUrl.exactOptional(),
})
/** It was granted, and has ended: the captures that were made under it count, and another one is refused with a code. */
const ended = authorized
  .extend({ status: z.enum(['released', 'expired']) })
  .transform(({ expiresAt }) => ({ status: 'authorized' as const, expiresAt }))
const authorization = z.discriminatedUnion('status', [authorized, ended, declined, actionRequired])

const capture = z.discriminatedUnion('status', [
  z.object({ status: z.literal('captured'), captureId: reference }),
  z.object({ status: z.literal('failed'), code: reference }),
])

/** A refund that failed may have been issued before: the customer's bank has returned it. */
const refund = z.discriminatedUnion('status', [
  z.object({ status: z.enum(['succeeded', 'pending']) }),
  z.object({ status: z.literal('failed'), code: reference }),
])

const madeUnder = z.object({ key: reference, providerRefundId: reference, amountMinor: minor })
const refunds = z.object({
  refunds: z.array(
    z.discriminatedUnion('status', [
      madeUnder.extend({ status: z.enum(['succeeded', 'pending']) }),
      madeUnder.extend({ status: z.literal('failed'), code: reference }),
    ]),
  ),
})

const captures = z.object({ captures: z.array(z.object({ key: reference, captureId: reference })) })

const dispute = z
  .object({
    reference,
    authorizationKey: reference,
    amountMinor: minor,
    reason: reference,
    status: z.enum(['open', 'won', 'lost']),
    evidenceDueBy: timestamp,
  })
  .transform(({ reference: orderId, ...reported }) => ({ orderId, ...reported }))

const refusedAsCaptured = z.object({ code: z.literal('captured') })
/** The captured and refunded amounts of an authorization. */
const capturedAmounts = z.object({ captures: z.array(z.object({ amountMinor: minor })), refundedMinor: minor })

const PAYMENT_REQUIRED = 402
const NOT_FOUND = 404
const CONFLICT = 409

/** The service's credential for every call. */
export const token = { secret: 'payment-provider-key' } as const
const operation = (name: string): string => `payment-provider.${name}`

/** The provider's client, for the calls that a message causes. */
export function simulatedProvider(platform: Platform, cause: Envelope): Provider {
  const url = platform.setting(paymentProviderUrl)
  const pathOf = (key: string): string => `/v1/authorizations/by-key/${encodeURIComponent(key)}`
  const post = (name: string, path: string, idempotencyKey: string, { body = {}, accept = [] as readonly number[] }) =>
    platform.callExternal(`${url}${path}`, {
      method: 'POST',
      operation: operation(name),
      body,
      idempotencyKey,
      accept,
      token,
    })
  const get = async (key: string): Promise<unknown> => {
    const options = { method: 'GET', operation: operation('find'), accept: [NOT_FOUND], token }
    const response = await platform.callExternal(`${url}${pathOf(key)}`, options)
    return response.status === NOT_FOUND ? undefined : response.json()
  }
  const find = async (key: string): Promise<Authorization | undefined> => {
    const found = await get(key)
    return found === undefined ? undefined : authorization.parse(found)
  }
  const refundsUnder = async (authorizationKey: string): Promise<readonly MadeRefund[]> => {
    const found = await get(authorizationKey)
    return found === undefined ? [] : refunds.parse(found).refunds
  }

  return {
    find,
    authorize: (key, body) =>
      callOnce(platform, cause, {
        find: () => find(key),
        async call() {
          const response = await post('authorize', '/v1/authorizations', key, { body, accept: [PAYMENT_REQUIRED] })
          return authorization.parse(await response.json())
        },
      }),
    capture: (authorizationKey, key, body) =>
      callOnce(platform, cause, {
        async find() {
          const found = await get(authorizationKey)
          const known = found === undefined ? undefined : captures.parse(found).captures.find((one) => one.key === key)
          return known && { status: 'captured', captureId: known.captureId }
        },
        async call() {
          const response = await post('capture', `${pathOf(authorizationKey)}/captures`, key, {
            body,
            accept: [CONFLICT],
          })
          return capture.parse(await response.json())
        },
      }),
    async release(authorizationKey) {
      const response = await post('release', `${pathOf(authorizationKey)}/release`, `${authorizationKey}:release`, {})
      return captures.parse(await response.json()).captures
    },
    refund: (authorizationKey, key, body) =>
      callOnce(platform, cause, {
        find: async () => (await refundsUnder(authorizationKey)).find((one) => one.key === key),
        async call() {
          const path = `${pathOf(authorizationKey)}/refunds`
          const response = await post('refund', path, key, { body, accept: [CONFLICT] })
          return refund.parse(await response.json())
        },
      }),
    refunds: refundsUnder,
    // Each of its webhooks about a refund names the order.
    orderOfRefund: async () => undefined,
    async dispute(disputeId) {
      const path = `${url}/v1/disputes/${encodeURIComponent(disputeId)}`
      const options = { method: 'GET', operation: operation('dispute'), accept: [NOT_FOUND], token }
      const response = await platform.callExternal(path, options)
      return response.status === NOT_FOUND ? undefined : dispute.parse(await response.json())
    },
    async void(authorizationKey) {
      const path = `${pathOf(authorizationKey)}/void`
      const response = await post('void', path, `${authorizationKey}:void`, { accept: [CONFLICT] })
      if (response.ok) return
      refusedAsCaptured.parse(await response.json())
      const { captures: captured, refundedMinor } = capturedAmounts.parse(await get(authorizationKey))
      const openMinor = captured.reduce((sum, { amountMinor }) => sum + amountMinor, -refundedMinor)
      if (openMinor > 0)
        throw new Unavailable(
          `${openMinor} were captured under ${authorizationKey} and can not be voided: refund them at the payment provider.`,
        )
    },
  }
}
