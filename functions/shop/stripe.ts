/**
 * Stripe's own client, loaded at its first use, whose requests leave by `callExternal`: with the deadline, circuit, span and
 * credential of every call to a partner. It repeats nothing itself: the delivery is repeated, under the same key.
 */

import type { Stripe } from 'stripe'
import { Unavailable } from '../../shared/base/errors.ts'
import { once } from '../../shared/base/once.ts'
import type { Platform } from '../../shared/service/platform.ts'

const load = once(() => import('stripe'))
/** The platform adds the real one, which no handler sees. */
const NO_KEY = 'sk_added_by_the_platform'
const BAD_REQUEST = 400
const DECLINED = 402
const NOT_FOUND = 404
/** Another request under this key, or about this object, is still under way. */
const CONFLICT = 409

/** `operation`: the name of the calls in traces. */
export interface StripeAccess<Secret extends string> {
  readonly url: string
  readonly secret: Secret
  readonly operation: string
}

export async function stripeClient<Secret extends string>(
  { callExternal }: Pick<Platform<Secret>, 'callExternal'>,
  { url, secret, operation }: StripeAccess<Secret>,
): Promise<Stripe> {
  const { default: StripeClient } = await load()
  const { hostname, port, protocol } = new URL(url)
  return new StripeClient(NO_KEY, {
    host: hostname,
    ...(port === '' ? {} : { port }),
    protocol: protocol === 'http:' ? 'http' : 'https',
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: {
      getClientName: () => 'platform',
      async makeRequest(host, toPort, path, method, headers, data, scheme) {
        const origin = `${scheme}://${host}${port === '' ? '' : `:${toPort}`}`
        const key = headers['Idempotency-Key']
        const response = await callExternal(`${origin}${path}`, {
          method,
          operation,
          ...(method === 'POST' ? { form: data } : {}),
          headers: { 'stripe-version': String(headers['Stripe-Version']) },
          ...(key === undefined ? {} : { idempotencyKey: String(key) }),
          accept: [BAD_REQUEST, DECLINED, NOT_FOUND, CONFLICT],
          token: { secret },
        })
        return {
          getStatusCode: () => response.status,
          getHeaders: () => Object.fromEntries(response.headers),
          getRawResponse: () => response,
          toStream: () => response.body,
          toJSON: () => response.json(),
        }
      },
    },
  })
}

/** The codes of a refusal by Stripe's rules, or by the bank, in Stripe's spelling. */
export interface StripeRefusal {
  readonly code: string
  /** Why the bank declined. */
  readonly declineCode?: string
}

export const isRefused = (answer: object): answer is { readonly refused: StripeRefusal } => 'refused' in answer

/**
 * The answer, or the refusal that `refusals` expects by its HTTP status. @throws Unavailable for no answer and for a conflict;
 * any other error of Stripe is a bug
 */
export async function stripeAnswer<Answer>(
  ask: () => Promise<Answer>,
  refusals: readonly number[] = [],
): Promise<Answer | { readonly refused: StripeRefusal }> {
  try {
    return await ask()
  } catch (error) {
    const { default: StripeClient } = await load()
    if (!(error instanceof StripeClient.errors.StripeError)) throw error
    // The client wraps the errors of its connection.
    if (error instanceof StripeClient.errors.StripeConnectionError) throw (error.detail as unknown) ?? error
    const { statusCode = 0, code, decline_code: declineCode } = error
    if (statusCode === CONFLICT) throw new Unavailable(`Stripe answered ${statusCode} (${code}).`)
    if (!refusals.includes(statusCode)) throw error
    return { refused: { code: code ?? error.type, ...(declineCode ? { declineCode } : {}) } }
  }
}
