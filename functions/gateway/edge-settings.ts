/** The edge's limits and who may call from a browser, as functions/shop/settings.ts has them. */

import { z } from 'zod'

const limit = z.strictObject({ perSecond: z.number().positive(), burst: z.int().min(1) })

const edgeSettings = z.strictObject({
  /** For one instance; all together have at most as often as much as there are instances. */
  limits: z.strictObject({
    customer: limit,
    staff: limit,
    importer: limit,
    /**
     * Of one address: of all requests whose caller is not verified, and again of all customers that are. Staff and importers
     * do not count.
     */
    address: limit,
  }),
  /** Under way in one instance; with the provider's below Cloud Run's own, which would let the next ones wait. */
  concurrentRequests: z.int().min(1),
  /** The same for the payment provider's notes alone. */
  providerRequests: z.int().min(1),
  /** Under way from one address, until their caller is verified. */
  requestsPerAddress: z.int().min(1),
  /** Under way of one verified caller. */
  requestsPerCaller: z.int().min(1),
  /** For a request with all that is asked for it. */
  requestTimeoutMs: z.int().min(100),
  /** Proxies of ours in front of Cloud Run's own front end, each of which adds an address to X-Forwarded-For. */
  trustedProxies: z.int().min(0),
  /** Origins whose pages may call the API. */
  origins: z.array(z.url()),
})

export type EdgeSettings = z.output<typeof edgeSettings>

export const readEdgeSettings = (text: string): EdgeSettings => edgeSettings.parse(JSON.parse(text))
