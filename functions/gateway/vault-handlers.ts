/** A customer's own addresses, payment methods and consents: the vault that is asked is always that of the token's subject. */

import type { Context } from 'hono'
import type { Caller } from './caller-tokens.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { requestOf } from '../../shared/runtime/refusals.ts'
import { vaultOf } from '../customers/contracts.ts'
import type { Handlers } from './handle.ts'
import type { OperationId, operations } from './operations.ts'
import { relayed } from './relay.ts'

type VaultOperation = Extract<
  OperationId,
  `${string}Address${string}` | `${string}PaymentMethod${string}` | `${string}Consent${string}` | 'importCustomers'
>

/** Adding and withdrawing may call the payment provider; an import calls it for each customer. */
const WRITE_MS = 20_000

export function vaultHandlers(platform: Platform): Pick<Handlers<typeof operations>, VaultOperation> {
  const pathFor = ({ sub }: Caller, path: string): string => `/vaults/${vaultOf(sub)}/${path}`
  const list =
    (path: string) =>
    async ({ c, caller }: { c: Context; caller: Caller }): Promise<Response> =>
      relayed(c, await platform.call('customers', pathFor(caller, path)), platform)
  const add =
    (path: string) =>
    async ({ c, caller, key, body }: { c: Context; caller: Caller; key: string; body: object }): Promise<Response> => {
      const options = { method: 'POST', body: { idempotencyKey: key, body }, timeoutMs: WRITE_MS }
      return relayed(c, await platform.call('customers', pathFor(caller, path), options), platform)
    }
  const withdraw = async (c: Context, caller: Caller, path: string): Promise<Response> => {
    const options = { method: 'DELETE', timeoutMs: WRITE_MS }
    return relayed(c, await platform.call('customers', pathFor(caller, path), options), platform)
  }

  return {
    addAddress: add('addresses'),
    listAddresses: list('addresses'),
    withdrawAddress: ({ c, caller, params }) =>
      withdraw(c, caller, `addresses/${encodeURIComponent(params.addressRef)}`),
    addPaymentMethod: add('payment-methods'),
    listPaymentMethods: list('payment-methods'),
    withdrawPaymentMethod: ({ c, caller, params }) =>
      withdraw(c, caller, `payment-methods/${encodeURIComponent(params.paymentMethodRef)}`),
    grantConsent: add('consents'),
    listConsents: list('consents'),
    withdrawConsent: ({ c, caller, params }) => withdraw(c, caller, `consents/${encodeURIComponent(params.kind)}`),
    async importCustomers({ c, body }) {
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
