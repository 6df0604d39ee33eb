/** Checks before an order is placed that its address and payment method belong to the customer: the vault in the service customers has both. */

import { refuseIf } from '../../shared/base/errors.ts'
import type { Answered } from '../../shared/contracts/query.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { customersContracts, vaultOf } from '../customers/contracts.ts'
import { shopCodes } from '../shop/errors.ts'

/** An instance of the vault that starts from nothing takes some seconds. */
const VAULT_TIMEOUT_MS = 8_000

type Unknown = Answered<typeof customersContracts.queries.findUnknownReferences>['body']['unknown']

/**
 * The fields that name nothing which this customer has and has not withdrawn.
 * @throws Unavailable when the vault does not answer: nothing is placed unchecked.
 */
export async function unknownReferencesOf(
  platform: Platform,
  customerRef: string,
  { addressRef, paymentMethodRef }: { readonly addressRef: string; readonly paymentMethodRef: string },
): Promise<Unknown> {
  const references = { vault: vaultOf(customerRef), addressRef, paymentMethodRef }
  const { body } = await platform.query(customersContracts, 'findUnknownReferences', references, {
    timeoutMs: VAULT_TIMEOUT_MS,
  })
  return body.unknown
}

const meant = { addressRef: 'address', paymentMethodRef: 'payment method' } as const

/** References of other customers, withdrawn ones and nonexistent ones get the same refusal. */
export function refuseUnknown(unknown: Unknown): void {
  const problems = unknown.map((field) => `${field}: the customer has no such ${meant[field]}, or has withdrawn it.`)
  refuseIf(unknown.length > 0, shopCodes['unknown-reference'], problems.join(' '))
}
