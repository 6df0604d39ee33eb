/** The payment provider's API, each call with a key that makes a repeat the same call. */

import { z } from 'zod'
import type { Platform } from '../../shared/platform.ts'

const authorized = z.object({ status: z.literal('authorized'), expiresAt: z.string() })
const declined = z.object({ status: z.literal('declined'), code: z.string() })
const actionRequired = z.object({ status: z.literal('action-required'), actionUrlRef: z.string() })
const authorization = z.discriminatedUnion('status', [authorized, declined, actionRequired])
export type Authorization = z.output<typeof authorization>

const capture = z.discriminatedUnion('status', [
  z.object({ status: z.literal('captured'), captureId: z.string() }),
  z.object({ status: z.literal('failed'), code: z.string() }),
])
export type Capture = z.output<typeof capture>

const PAYMENT_REQUIRED = 402
const CONFLICT = 409

export interface Provider {
  authorize(
    key: string,
    request: { amountMinor: number; currency: string; paymentMethodRef: string; reference: string },
  ): Promise<Authorization>
  capture(authorizationKey: string, key: string, request: { amountMinor: number; final: boolean }): Promise<Capture>
  /** Also when there is nothing to void: a later authorisation with this key is refused from then on. */
  void(authorizationKey: string): Promise<void>
}

export function provider(platform: Platform): Provider {
  const url = platform.setting('PAYMENT_PROVIDER_URL')
  const post = (path: string, idempotencyKey: string, body: object): Promise<Response> =>
    platform.callPartner(`${url}${path}`, {
      method: 'POST',
      body,
      idempotencyKey,
      accept: [PAYMENT_REQUIRED, CONFLICT],
    })
  return {
    authorize: async (key, request) =>
      authorization.parse(await (await post('/v1/authorizations', key, request)).json()),
    capture: async (authKey, key, request) =>
      capture.parse(
        await (await post(`/v1/authorizations/by-key/${encodeURIComponent(authKey)}/captures`, key, request)).json(),
      ),
    async void(authKey) {
      const response = await post(
        `/v1/authorizations/by-key/${encodeURIComponent(authKey)}/void`,
        `${authKey}:void`,
        {},
      )
      await response.body?.cancel()
    },
  }
}
