/** Payment methods that customers attach at Stripe, and payments that are made with them. */

import { expect, it } from 'vitest'
import { virtualClock } from 'local-google-cloud/host'
import { attach, detach } from '../../functions/customers/provider.ts'
import { customers } from '../../functions/customers/service.ts'
import { provider } from '../../functions/payments/provider.ts'
import { payments } from '../../functions/payments/service.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { createCaller } from '../../shared/runtime/caller.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import type { Service } from '../../shared/service/service.ts'
import { fakeStripe } from '../support/fake-stripe.ts'

const KEY = 'sk_test_of_the_account'

function open() {
  const clock = virtualClock()
  const fake = fakeStripe({ clock, key: KEY })
  const platformOf = (service: Service) => {
    const platform = testPlatform(service, {
      settings: {
        PAYMENT_PROVIDER_URL: 'https://api.stripe.test',
        PAYMENT_PROVIDER_API: JSON.stringify({ kind: 'stripe', returnUrl: 'https://shop.example.com/orders' }),
      },
      secrets: { 'payment-provider-key': KEY },
      callExternal: (url, options) => caller.callExternal(url, options),
    })
    const caller = createCaller({
      peers: {},
      authorizationFor: async () => 'Bearer x',
      accessAuthorization: async () => 'Bearer x',
      secret: platform.secret,
      telemetry: platform.telemetry,
      send: async (url, init) => fake.app.request(url, init),
    })
    return platform
  }
  const vault = platformOf(customers)
  const shop = platformOf(payments)
  return {
    fake,
    clock,
    attach: (customer: string, token: string, key = 'k-1') => attach(vault, { customer, token, key }),
    detach: (customer: string, ref: string) => detach(vault, customer, ref),
    authorize: (key: string, customer: string, paymentMethodRef: string) =>
      provider(shop, { time: new Date(shop.now()).toISOString() } as Envelope).authorize(key, {
        amountMinor: 1_000,
        currency: 'EUR',
        paymentMethodRef,
        customer,
        reference: key,
      }),
  }
}
const refused = { code: 'payment-method-refused' }

it('is attached to one customer at Stripe, again without effect, and charged for its customer only', async () => {
  const { fake, attach: add, authorize } = open()
  const token = fake.token('ok')
  const added = await add('vault-1', token)
  expect(added).toEqual({ ref: token, method: { brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2034 } })
  expect(await add('vault-1', token, 'k-2')).toEqual(added)
  await add('vault-1', fake.token('ok'), 'k-3')
  expect([...fake.customers.values()].map(({ metadata }) => metadata)).toEqual([{ customer: 'vault-1' }])
  expect(await authorize('o-1', 'vault-1', token)).toMatchObject({ status: 'authorized' })
  expect(await authorize('o-2', 'vault-2', token)).toEqual({
    status: 'declined',
    code: 'payment-method-of-another-customer',
  })
})

it('is attached to the same customer at Stripe when the keys of requests are forgotten', async () => {
  const { fake, clock, attach: add } = open()
  await add('vault-1', fake.token('ok'))
  await clock.advance(25 * 3_600_000)
  const token = fake.token('ok')
  await add('vault-1', token)
  expect([...fake.customers.keys()]).toEqual([fake.methods.get(token)!.object.customer])
})

it.each([1, 2, 3, 4])('is attached once, although %i answers are lost', async (failures) => {
  const { fake, attach: add, authorize } = open()
  const token = fake.token('ok')
  fake.faults.lostAnswers = failures
  let ref: string | undefined
  for (let attempt = 0; attempt < 6 && ref === undefined; attempt++)
    try {
      ref = (await add('vault-1', token)).ref
    } catch (error) {
      expect(error).toBeInstanceOf(Unavailable)
    }
  expect(ref).toBe(token)
  expect(fake.customers.size).toBe(1)
  expect(await authorize('o-1', 'vault-1', token)).toMatchObject({ status: 'authorized' })
})

it('is refused if Stripe does not know it, and if it is of another customer', async () => {
  const { fake, attach: add } = open()
  const token = fake.token('ok')
  await add('vault-1', token)
  await expect(add('vault-2', token)).rejects.toMatchObject(refused)
  await expect(add('vault-1', 'pm_unknown')).rejects.toMatchObject(refused)
  expect(fake.methods.get(token)!.object.metadata).toEqual({ customer: 'vault-1' })
})

it('that is detached is charged no more, and only its customer detaches it', async () => {
  const { fake, attach: add, detach: remove, authorize } = open()
  const token = fake.token('ok')
  await add('vault-1', token)
  await remove('vault-2', token)
  expect(await authorize('o-1', 'vault-1', token)).toMatchObject({ status: 'authorized' })
  await remove('vault-1', token)
  await remove('vault-1', token)
  await remove('vault-1', 'pm_unknown')
  expect(await authorize('o-2', 'vault-1', token)).toEqual({ status: 'declined', code: 'payment-method-detached' })
})
