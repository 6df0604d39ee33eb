/** The vault's own API: the gateway adds, lists and withdraws for the customer who asks; orders ask whose a reference is. */

import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { idempotencyKey } from '../../shared/base/fields.ts'
import { jsonBody } from '../../shared/http/http.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { onlyFor } from '../../shared/runtime/query-callers.ts'
import { addressRequest, consentRequest, importRequest, paymentMethodRequest, vaultOf } from './contracts.ts'
import {
  addAddress,
  addConsent,
  addPaymentMethod,
  type Entry,
  eraseWithdrawn,
  read,
  vaultOfAddress,
  withdraw,
  withdrawConsent,
} from './handlers.ts'
import { customers } from './service.ts'
import { addressIn, hasActive, type Kind, shown, shownOne } from './vault.ts'

/** Of an import: each costs a call of the payment provider. */
const MAX_CONCURRENT_IMPORTS = 16

const withIdempotencyKey = <S extends z.ZodType>(body: S) => z.strictObject({ idempotencyKey, body })

export const app: ServiceApp = implement(customers, {
  on: {},
  commands: {
    EraseWithdrawn: (message, platform) => eraseWithdrawn(platform, message.data),
  },
  routes(http, platform) {
    // Each of them is answered on its own paths, and on no other.
    http.use('/vaults/*', onlyFor('gateway'))
    http.use('/imports', onlyFor('gateway'))
    http.use('/references/*', onlyFor('orders'))
    http.use('/addresses/*', onlyFor('shipping'))
    ownEntries(http, platform)
    questions(http, platform)
    http.post('/imports', async (c) =>
      c.json({ references: await importedAll(platform, await jsonBody(c, importRequest)) }),
    )
  },
})

/** What the gateway asks for in the name of a customer. */
function ownEntries(http: Hono, platform: Platform): void {
  const added = (c: Context, kind: Kind, refName: string, { ref, vault }: Entry): Response =>
    c.json(shownOne(vault, kind, refName, ref), 201)
  const list = (path: string, kind: Kind, refName: string): void =>
    void http.get(`/vaults/:vault/${path}`, async (c) =>
      c.json({ [kind]: shown(await read(platform, vaultIn(c)), kind, refName) }),
    )
  list('addresses', 'addresses', 'addressRef')
  list('payment-methods', 'paymentMethods', 'paymentMethodRef')
  list('consents', 'consents', 'consentRef')

  http.post('/vaults/:vault/addresses', async (c) => {
    const entry = await addAddress(platform, vaultIn(c), await jsonBody(c, withIdempotencyKey(addressRequest)))
    return added(c, 'addresses', 'addressRef', entry)
  })
  http.post('/vaults/:vault/payment-methods', async (c) => {
    const entry = await addPaymentMethod(
      platform,
      vaultIn(c),
      await jsonBody(c, withIdempotencyKey(paymentMethodRequest)),
    )
    return added(c, 'paymentMethods', 'paymentMethodRef', entry)
  })
  http.post('/vaults/:vault/consents', async (c) => {
    const entry = await addConsent(platform, vaultIn(c), await jsonBody(c, withIdempotencyKey(consentRequest)))
    return added(c, 'consents', 'consentRef', entry)
  })

  http.delete('/vaults/:vault/addresses/:ref', async (c) => {
    await withdraw(platform, vaultIn(c), 'addresses', c.req.param('ref'))
    return c.body(null, 204)
  })
  http.delete('/vaults/:vault/payment-methods/:ref', async (c) => {
    await withdraw(platform, vaultIn(c), 'paymentMethods', c.req.param('ref'))
    return c.body(null, 204)
  })
  http.delete('/vaults/:vault/consents/:kind', async (c) => {
    await withdrawConsent(platform, vaultIn(c), c.req.param('kind'))
    return c.body(null, 204)
  })
}

/** What services ask that serve an order. */
function questions(http: Hono, platform: Platform): void {
  // One read, of this customer's document alone: neither the answer nor its time reveals whether another customer has such a reference.
  http.get('/references/:vault', async (c) => {
    const vault = await read(platform, vaultIn(c))
    const { addressRef = '', paymentMethodRef = '' } = c.req.query()
    const unknown = [
      ...(hasActive(vault, 'addresses', addressRef) ? [] : ['addressRef']),
      ...(hasActive(vault, 'paymentMethods', paymentMethodRef) ? [] : ['paymentMethodRef']),
    ]
    return c.json({ unknown })
  })

  // Withdrawn ones too: what was ordered before is still shipped.
  http.get('/addresses/:ref', async (c) => {
    const ref = c.req.param('ref')
    const vault = vaultOfAddress(ref)
    const address = vault === undefined ? undefined : addressIn(await read(platform, vault), ref)
    if (!address) throw new Refused('not-found', 'There is no such address.')
    return c.json(address)
  })
}

/** @throws Refused for what is no vault's name. */
function vaultIn(c: Context): string {
  const vault = c.req.param('vault')!
  refuseIf(!/^c-[0-9a-hjkmnp-tv-z]{26}$/.test(vault), 'not-found', 'There is no such vault.')
  return vault
}

type Imported = z.output<typeof importRequest>['customers'][number]

async function importedAll(platform: Platform, { customers: all }: z.output<typeof importRequest>): Promise<object[]> {
  const references: object[] = []
  for (let from = 0; from < all.length; from += MAX_CONCURRENT_IMPORTS) {
    const some = all.slice(from, from + MAX_CONCURRENT_IMPORTS)
    references.push(...(await Promise.all(some.map((one) => imported(platform, one)))))
  }
  return references
}

/** Named by what is imported: the same file again finds the same references. */
async function imported(platform: Platform, { customerRef, address, token }: Imported): Promise<object> {
  const vault = vaultOf(customerRef)
  const keyOf = (body: unknown): { idempotencyKey: string } => ({ idempotencyKey: `import ${JSON.stringify(body)}` })
  const { ref: addressRef } = await addAddress(platform, vault, { ...keyOf(address), body: address })
  const { ref: paymentMethodRef } = await addPaymentMethod(platform, vault, { ...keyOf(token), body: { token } })
  return { customerRef, addressRef, paymentMethodRef }
}
