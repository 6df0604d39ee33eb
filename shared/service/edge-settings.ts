/** The settings of public services: the limits of one instance, the web pages that may call it, and whose tokens are valid. */

import { z } from 'zod'
import { defineSetting, httpUrl, json, type Setting } from '../base/setting.ts'

const limitSchema = z.strictObject({
  /** Tokens that are added each second. */
  perSecond: z.number().positive(),
  /** Tokens of a full bucket. */
  burst: z.int().min(1),
})
/** The rate limit of a token bucket. */
export type Limit = z.output<typeof limitSchema>

const commonSchema = z.strictObject({
  /**
   * Requests in progress in one instance. Together with `signedRequests` it is below Cloud Run's own maximum, beyond which
   * requests would wait instead of being refused.
   */
  concurrentRequests: z.int().min(1),
  /** Places for requests of `signed` operations, which other callers can not take. */
  signedRequests: z.int().min(0),
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

export interface EdgeSettings<Role extends string = string> extends z.output<typeof commonSchema> {
  /**
   * The rate limits of one instance, by role. Each instance counts for itself, so a caller's total grows with their number.
   * `address` is for one address, counted twice: requests whose caller is not verified yet, and requests of verified callers
   * with the ordinary role. Requests of callers with a privileged role do not count.
   */
  readonly limits: Readonly<Record<Role | 'address', Limit>>
}

/** The limits of a public service whose tokens have these roles, as JSON in the variable EDGE. */
export function defineEdgeSettings<const Role extends string>(roles: readonly Role[]): Setting<EdgeSettings<Role>> {
  const limits = z.strictObject(Object.fromEntries([...roles, 'address'].map((name) => [name, limitSchema])))
  return defineSetting(
    'EDGE',
    json(commonSchema.extend({ limits })) as unknown as z.ZodType<EdgeSettings<Role>, string>,
  )
}

/** The issuer of the callers' tokens. */
export const tokenIssuer = defineSetting('TOKEN_ISSUER', httpUrl)
export const tokenAudience = defineSetting('TOKEN_AUDIENCE', z.string().regex(/^\S+$/, 'takes a text without spaces'))
export const tokenKeysUrl = defineSetting('TOKEN_JWKS_URL', httpUrl)

/** The settings that every public service reads, besides its limits. */
export const tokenSettings: readonly Setting[] = [tokenIssuer, tokenAudience, tokenKeysUrl]
