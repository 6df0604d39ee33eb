/** The vault's own API: the gateway adds, lists and withdraws entries for the calling customer; orders check references. */

import type { z } from 'zod'
import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Refused } from '../../shared/base/errors.ts'
import type { Answered } from '../../shared/contracts/query.ts'
import { type customersContracts, type importRequest, vaultOf } from './contracts.ts'
import {
  addAddress,
  addConsent,
  addPaymentMethod,
  eraseWithdrawn,
  read,
  type VaultEntry,
  vaultOfAddress,
  withdraw,
  withdrawConsent,
} from './handlers.ts'
import { customers, type CustomersPlatform as Platform } from './service.ts'
import { addressIn, hasActive, entryViews, entryView, type Kind } from './vault.ts'

/** Customers of one import that are registered at the same time: each costs a call of the payment provider. */
const MAX_CONCURRENT_IMPORTS = 16

async function added<K extends Kind>(kind: K, entry: Promise<VaultEntry>) {
  const { vault, ref } = await entry
  return { status: 201, body: entryView(vault, kind, ref) } as const
}

async function withdrawn(done: Promise<unknown>) {
  await done
  return { status: 204 } as const
}

export const app: ServiceApp = implement(customers, {
  on: {},
  commands: {
    EraseWithdrawn: (message, platform) => eraseWithdrawn(platform, message.data),
  },
  queries: {
    addAddress: ({ vault, body }, platform) => added('addresses', addAddress(platform, vault, body)),
    listAddresses: async ({ vault }, platform) => ({
      status: 200,
      body: { addresses: entryViews(await read(platform, vault), 'addresses') },
    }),
    withdrawAddress: ({ vault, addressRef }, platform) => withdrawn(withdraw(platform, vault, 'addresses', addressRef)),
    addPaymentMethod: ({ vault, body }, platform) => added('paymentMethods', addPaymentMethod(platform, vault, body)),
    listPaymentMethods: async ({ vault }, platform) => ({
      status: 200,
      body: { paymentMethods: entryViews(await read(platform, vault), 'paymentMethods') },
    }),
    withdrawPaymentMethod: ({ vault, paymentMethodRef }, platform) =>
      withdrawn(withdraw(platform, vault, 'paymentMethods', paymentMethodRef)),
    grantConsent: ({ vault, body }, platform) => added('consents', addConsent(platform, vault, body)),
    listConsents: async ({ vault }, platform) => ({
      status: 200,
      body: { consents: entryViews(await read(platform, vault), 'consents') },
    }),
    withdrawConsent: ({ vault, kind }, platform) => withdrawn(withdrawConsent(platform, vault, kind)),
    async importCustomers({ body }, platform) {
      return { status: 200, body: { references: await importedAll(platform, body) } }
    },
    // One read, of this customer's document alone: neither the answer nor its time reveals whether another customer has such a reference.
    async findUnknownReferences({ vault: name, addressRef, paymentMethodRef }, platform) {
      const vault = await read(platform, name)
      const unknown = [
        ...(hasActive(vault, 'addresses', addressRef) ? [] : (['addressRef'] as const)),
        ...(hasActive(vault, 'paymentMethods', paymentMethodRef) ? [] : (['paymentMethodRef'] as const)),
      ]
      return { status: 200, body: { unknown } }
    },
    async readAddress({ addressRef }, platform) {
      const vault = vaultOfAddress(addressRef)
      const address = vault === undefined ? undefined : addressIn(await read(platform, vault), addressRef)
      if (!address) throw new Refused('not-found', 'There is no such address.')
      return { status: 200, body: address }
    },
  },
})

type References = Answered<typeof customersContracts.queries.importCustomers>['body']['references'][number]
type Imported = z.output<typeof importRequest>['customers'][number]

async function importedAll(
  platform: Platform,
  { customers: all }: z.output<typeof importRequest>,
): Promise<References[]> {
  const references: References[] = []
  for (let from = 0; from < all.length; from += MAX_CONCURRENT_IMPORTS) {
    const some = all.slice(from, from + MAX_CONCURRENT_IMPORTS)
    references.push(...(await Promise.all(some.map((one) => imported(platform, one)))))
  }
  return references
}

/** References are derived from the imported data, with the fields in the order of their schema, so that a repeated file gets the same ones. */
async function imported(platform: Platform, { customerRef, address, token }: Imported): Promise<References> {
  const vault = vaultOf(customerRef)
  const keyOf = (body: unknown): { idempotencyKey: string } => ({ idempotencyKey: `import ${JSON.stringify(body)}` })
  const { ref: addressRef } = await addAddress(platform, vault, { ...keyOf(address), body: address })
  const { ref: paymentMethodRef } = await addPaymentMethod(platform, vault, { ...keyOf(token), body: { token } })
  return { customerRef, addressRef, paymentMethodRef }
}
