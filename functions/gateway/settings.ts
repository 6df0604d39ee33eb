/** The settings of the gateway: its limits, the web pages that may call it, whose tokens are valid, and where its webhook is. functions/shop/settings.ts has most values. */

import { z } from 'zod'
import { defineSetting, httpUrl, json } from '../../shared/base/setting.ts'

const limit = z.strictObject({ perSecond: z.number().positive(), burst: z.int().min(1) })

const edgeSchema = z.strictObject({
  /** The rate limits of one instance. Each instance counts for itself, so a caller's total grows with their number. */
  limits: z.strictObject({
    customer: limit,
    staff: limit,
    importer: limit,
    /**
     * For one address, counted twice: requests whose caller is not verified yet, and requests of verified customers. Requests
     * of staff and importers do not count.
     */
    address: limit,
  }),
  /**
   * Requests in progress in one instance. Together with `providerRequests` it is below Cloud Run's own maximum, beyond which
   * requests would wait instead of being refused.
   */
  concurrentRequests: z.int().min(1),
  /** Places for requests of the payment provider's webhook, which customers can not take. */
  providerRequests: z.int().min(1),
  /** Requests in progress from one address whose caller is not verified yet. */
  requestsPerAddress: z.int().min(1),
  /** Requests in progress of one verified caller. */
  requestsPerCaller: z.int().min(1),
  /** The maximum time of a request, with all calls that it makes. */
  requestTimeoutMs: z.int().min(100),
  /** The number of our own proxies in front of Cloud Run's front end. Each adds an address to X-Forwarded-For. */
  trustedProxies: z.int().min(0),
  /** Origins whose pages may call the API. */
  origins: z.array(z.url()),
})

export type EdgeSettings = z.output<typeof edgeSchema>

export const edgeSettings = defineSetting('EDGE', json(edgeSchema))

/** The issuer of the tokens of customers and staff. */
export const tokenIssuer = defineSetting('TOKEN_ISSUER', httpUrl)
export const tokenAudience = defineSetting('TOKEN_AUDIENCE', z.string().regex(/^\S+$/, 'takes a text without spaces'))
export const tokenKeysUrl = defineSetting('TOKEN_JWKS_URL', httpUrl)
/** The address of Identity Platform, which reports disabled accounts and revoked sign-ins. */
export const accountsUrl = defineSetting('ACCOUNTS_URL', httpUrl)
export const staffSecondFactor = defineSetting('STAFF_SECOND_FACTOR', z.enum(['required', 'optional']))

/** The payment provider signs its notifications for this address. */
export const paymentWebhookUrl = defineSetting('PAYMENT_WEBHOOK_URL', httpUrl)
