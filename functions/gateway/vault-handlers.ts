/** A customer's own addresses, payment methods and consents: the vault that is asked is always that of the token's subject. */

import type { Context } from 'hono'
import type { z } from 'zod'
import type { Caller } from '../../shared/auth.ts'
import { Refused } from '../../shared/errors.ts'
import { jsonBody } from '../../shared/http.ts'
import type { Platform } from '../../shared/platform.ts'
import { requestOf } from '../../shared/runtime/refusals.ts'
import { addressRequest, consentRequest, importRequest, paymentMethodRequest, vaultOf } from '../customers/contracts.ts'
import { type OperationId, type PathParameter, pathParameters } from './operations.ts'
import { relayed } from './relay.ts'

interface Checks {
  readonly caller: (c: Context) => Promise<Caller>
  readonly importer: (c: Context) => Promise<Caller>
  /** The request's idempotency key. @throws Refused when there is none. */
  readonly keyOf: (c: Context) => string
}
type Handler = (c: Context) => Promise<Response>
type VaultOperation = Extract<
  OperationId,
  `${string}Address${string}` | `${string}PaymentMethod${string}` | `${string}Consent${string}` | 'importCustomers'
>

/** What is added or withdrawn may be told to the payment provider; an import is, for each customer. */
const WRITE_MS = 20_000

export function vaultHandlers(
  platform: Platform,
  { caller, importer, keyOf }: Checks,
): Record<VaultOperation, Handler> {
  const pathFor = ({ sub }: Caller, path: string): string => `/vaults/${vaultOf(sub)}/${path}`
  const list =
    (path: string): Handler =>
    async (c) =>
      relayed(c, await platform.call('customers', pathFor(await caller(c), path)), platform)
  const add =
    (path: string, schema: z.ZodType): Handler =>
    async (c) => {
      const who = await caller(c)
      const idempotencyKey = keyOf(c)
      const body = { idempotencyKey, body: await jsonBody(c, schema) }
      return relayed(
        c,
        await platform.call('customers', pathFor(who, path), { method: 'POST', body, timeoutMs: WRITE_MS }),
        platform,
      )
    }
  const withdraw =
    (path: string, parameter: PathParameter): Handler =>
    async (c) => {
      const who = await caller(c)
      const name = c.req.param(parameter)!
      if (!pathParameters[parameter].safeParse(name).success)
        throw new Refused('not-found', 'There is nothing of this name.')
      const asked = pathFor(who, `${path}/${encodeURIComponent(name)}`)
      return relayed(c, await platform.call('customers', asked, { method: 'DELETE', timeoutMs: WRITE_MS }), platform)
    }

  return {
    addAddress: add('addresses', addressRequest),
    listAddresses: list('addresses'),
    withdrawAddress: withdraw('addresses', 'addressRef'),
    addPaymentMethod: add('payment-methods', paymentMethodRequest),
    listPaymentMethods: list('payment-methods'),
    withdrawPaymentMethod: withdraw('payment-methods', 'paymentMethodRef'),
    grantConsent: add('consents', consentRequest),
    listConsents: list('consents'),
    withdrawConsent: withdraw('consents', 'kind'),
    async importCustomers(c) {
      await importer(c)
      const body = await jsonBody(c, importRequest)
      const answer = await platform.call('customers', '/imports', { method: 'POST', body, timeoutMs: WRITE_MS })
      if (answer.ok)
        platform.security({
          event: 'staff.import',
          outcome: 'done',
          reason: 'references of customers were imported',
          ...requestOf(c),
          act: { customers: body.customers.length },
        })
      return relayed(c, answer, platform)
    },
  }
}
