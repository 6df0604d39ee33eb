/** Addresses and payment methods belong to one customer: no other can ship to, pay with, read or withdraw them. */

import { Firestore } from '@google-cloud/firestore'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { Api, Problem } from '../../../cli/api.ts'
import type { OrderView } from '../../../functions/shop/cli/order-view.ts'
import { Refusal } from '../../../cli/api.ts'
import { references, type References } from '../../../functions/shop/cli/references.ts'
import { vaultOf } from '../../../functions/customers/contracts.ts'
import { joinPlatform } from '../../support/joined-platform.ts'

const platform = joinPlatform('references')
const owner = platform.customer('owner')
const thief = platform.customer('thief')
const line = { sku: 'REFERENCES-1', quantity: 1 }
let owned: References
let ownReferences: References

beforeAll(async () => {
  await platform.sell({ sku: line.sku, unitMinor: 1190 })
  ;[owned, ownReferences] = await Promise.all([references(owner), references(thief)])
}, 120_000)

const body = (given: object): object => ({ currency: 'EUR', lines: [line], ...given })
const place = (api: Api, given: object, key: string = crypto.randomUUID()): Promise<{ body: OrderView }> =>
  api.send('POST', '/v1/orders', { key, body: body(given) })
const refusal = async (request: Promise<unknown>): Promise<Problem> => {
  const error = await request.then(
    () => undefined,
    (refused: unknown) => refused,
  )
  expect(error).toBeInstanceOf(Refusal)
  return (error as Refusal).problem
}
describe('an order', { timeout: 60_000 }, () => {
  it.each(['addressRef', 'paymentMethodRef'] as const)(
    "with another customer's %s is refused exactly like one with an unknown reference",
    async (field) => {
      const key = crypto.randomUUID()
      const theirs = await refusal(place(thief, { ...ownReferences, [field]: owned[field] }, key))
      const nonexistent = await refusal(place(thief, { ...ownReferences, [field]: `${owned[field].slice(0, -1)}!` }))
      expect(theirs).toMatchObject({ status: 422, code: 'unknown-reference', instance: '/v1/orders' })
      expect(theirs.detail).toMatch(new RegExp(`^${field}: `))
      expect(theirs).toEqual(nonexistent)
      // The id follows from customer and key: there is no such order, and the key still makes a new one.
      const { body: placed } = await place(thief, ownReferences, key)
      expect(placed).toMatchObject({ status: 'pending' })
    },
  )

  it('names both fields when both are not the customer’s', async () => {
    const { detail } = await refusal(place(thief, owned))
    expect(detail).toMatch(/addressRef: .*paymentMethodRef: /)
  })

  it('with withdrawn references is refused, and a repeated request still finds its order', async () => {
    const api = platform.customer('leaver')
    const own = await references(api)
    const key = crypto.randomUUID()
    const placed = await api.send<OrderView & { orderId: string }>('POST', '/v1/orders', { key, body: body(own) })
    await platform.followed(api, placed.body.orderId)
    for (const path of [`addresses/${own.addressRef}`, `payment-methods/${own.paymentMethodRef}`])
      expect((await api.send('DELETE', `/v1/${path}`)).status).toBe(204)
    const { detail, code } = await refusal(place(api, own))
    expect([code, detail]).toEqual(['unknown-reference', expect.stringMatching(/addressRef: .*paymentMethodRef: /)])
    const again = await api.send<{ orderId: string }>('POST', '/v1/orders', { key, body: body(own) })
    expect([again.status, again.body.orderId]).toEqual([200, placed.body.orderId])
  })

  it('can be placed with newly registered references', async () => {
    const api = platform.customer('leaver')
    const own = await references(api)
    expect(own.addressRef).toMatch(/^a-/)
    expect((await place(api, own)).body.orderId).toMatch(/^o-/)
  })

  it('is placed by no importer, who records orders that were', async () => {
    const importer = platform.staff(['importer'])
    const own = await references(importer)
    for (const given of [own, owned]) expect(await refusal(place(importer, given))).toMatchObject({ status: 403 })
  })
})

describe('the vault', { timeout: 60_000 }, () => {
  it('shows each customer only their own entries', async () => {
    const kept = async (api: Api): Promise<string> =>
      JSON.stringify(
        await Promise.all(['addresses', 'payment-methods', 'consents'].map((path) => api.send('GET', `/v1/${path}`))),
      )
    const [mine, theirs] = [await kept(thief), await kept(owner)]
    for (const reference of Object.values(owned)) {
      expect(theirs).toContain(reference)
      expect(mine).not.toContain(reference)
    }
    // Staff can read only their own vault, too.
    expect(await kept(platform.staff())).not.toContain(owned.addressRef)
  })

  it("answers 404 for another customer's entry as for a missing one, and keeps it", async () => {
    for (const [path, reference] of [
      ['addresses', owned.addressRef],
      ['payment-methods', owned.paymentMethodRef],
    ] as const) {
      const theirs = await refusal(thief.send('DELETE', `/v1/${path}/${reference}`))
      const nonexistent = await refusal(thief.send('DELETE', `/v1/${path}/${reference.slice(0, -1)}0x`))
      expect({ ...theirs, instance: '' }).toEqual({ ...nonexistent, instance: '' })
      expect(theirs).toMatchObject({ status: 404, code: 'not-found' })
    }
    expect((await place(owner, owned)).body.orderId).toMatch(/^o-/)
  })

  it('accepts imports only from importers', async () => {
    const customers = [
      {
        customerRef: 'owner',
        address: { name: 'T', lines: ['1 Den'], city: 'Nowhere', country: 'DE' },
        token: 'card-ok',
      },
    ]
    for (const api of [thief, platform.staff(['admin'])])
      expect(await refusal(api.send('POST', '/v1/customers', { body: { customers } }))).toMatchObject({ status: 403 })
  })
})

describe('the payment provider', { timeout: 60_000 }, () => {
  it("refuses another customer's payment method even if the vault is wrong, and payments declines with the reason", async () => {
    vi.stubEnv('FIRESTORE_EMULATOR_HOST', platform.running.apiHost)
    const firestore = new Firestore({ projectId: platform.running.projectId, databaseId: 'customers' })
    try {
      const vaults = firestore.collection('vaults')
      const stolen = (await vaults.doc(vaultOf('owner')).get()).get(`paymentMethods`) as Record<string, unknown>
      await vaults.doc(vaultOf('thief')).set({ paymentMethods: stolen }, { merge: true })
    } finally {
      await firestore.terminate()
      vi.unstubAllEnvs()
    }
    const { body: placed } = await place(thief, { ...ownReferences, paymentMethodRef: owned.paymentMethodRef })
    const ended = await platform.followed(thief, placed.orderId)
    expect(ended).toMatchObject({ status: 'rejected', reason: 'payment-method-of-another-customer' })
    const { authorizations, postings } = await platform.ledger()
    expect(authorizations.find(({ key }) => key === `${placed.orderId}:auth`)).toMatchObject({
      customer: vaultOf('thief'),
      status: 'declined',
    })
    expect(postings.filter(({ key }) => key.startsWith(placed.orderId))).toEqual([])
  })
})
