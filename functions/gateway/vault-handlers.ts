/** A customer's own addresses, payment methods and consents: the vault that is asked is always that of the token's subject. */

import { createRelay, relayed } from '../../shared/edge/relay.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { OperationHandlers } from '../../shared/service/public-api.ts'
import { customersContracts, vaultOf } from '../customers/contracts.ts'
import type { operations } from './operations.ts'
import type { Caller, Role } from './roles.ts'

type VaultOperation = Extract<
  keyof typeof operations,
  `${string}Address${string}` | `${string}PaymentMethod${string}` | `${string}Consent${string}` | 'importCustomers'
>

/** Adding and withdrawing may call the payment provider; an import calls it for each customer. */
const WRITE_MS = 20_000

export function vaultHandlers(platform: Platform): Pick<OperationHandlers<typeof operations, Role>, VaultOperation> {
  const relay = createRelay(platform)
  const written = { timeoutMs: WRITE_MS }
  /** The customer's own vault, and no other. */
  const own = ({ sub }: Caller) => ({ vault: vaultOf(sub) })

  return {
    addAddress: ({ c, caller, key: idempotencyKey, body }) =>
      relay(c, customersContracts, 'addAddress', { ...own(caller), body: { idempotencyKey, body } }, written),
    listAddresses: ({ c, caller }) => relay(c, customersContracts, 'listAddresses', own(caller)),
    withdrawAddress: ({ c, caller, params }) =>
      relay(c, customersContracts, 'withdrawAddress', { ...own(caller), ...params }, written),
    addPaymentMethod: ({ c, caller, key: idempotencyKey, body }) =>
      relay(c, customersContracts, 'addPaymentMethod', { ...own(caller), body: { idempotencyKey, body } }, written),
    listPaymentMethods: ({ c, caller }) => relay(c, customersContracts, 'listPaymentMethods', own(caller)),
    withdrawPaymentMethod: ({ c, caller, params }) =>
      relay(c, customersContracts, 'withdrawPaymentMethod', { ...own(caller), ...params }, written),
    grantConsent: ({ c, caller, key: idempotencyKey, body }) =>
      relay(c, customersContracts, 'grantConsent', { ...own(caller), body: { idempotencyKey, body } }, written),
    listConsents: ({ c, caller }) => relay(c, customersContracts, 'listConsents', own(caller)),
    withdrawConsent: ({ c, caller, params }) =>
      relay(c, customersContracts, 'withdrawConsent', { ...own(caller), ...params }, written),
    async importCustomers({ c, body }) {
      const answer = await platform.relay(customersContracts, 'importCustomers', { body }, written)
      if (!answer.refused)
        platform.security({
          event: 'staff.import',
          outcome: 'done',
          reason: 'references of customers were imported',
          ...c.request,
          act: { customers: body.customers.length },
        })
      return relayed(c, answer, platform)
    },
  }
}
