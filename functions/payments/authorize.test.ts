/** Further authorizations of one payment, the inquiry at the checkout's deadline, and the void of them all. */

import { describe, expect, it } from 'vitest'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { testProvider } from './provider.testing.ts'
import { payments } from './service.ts'

const orderId = 'o-1'
const request = {
  orderId,
  paymentMethodRef: 'card-ok',
  currency: 'EUR',
  totalMinor: 350,
  shippingMinor: 0,
  lines: [{ lineId: '1', sku: 'TEA-001', quantity: 1, unitMinor: 350 }],
}

function open() {
  const provider = testProvider()
  /** The work between the provider's answer to the next request and its recording. */
  const meanwhile: { work?: (() => Promise<void>) | undefined } = {}
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    async callExternal(url, requested) {
      const answer = await provider.callExternal(url, requested)
      const { work } = meanwhile
      if (requested.method !== 'POST' || !work) return answer
      meanwhile.work = undefined
      await work()
      return answer
    },
  })
  const send = (type: string, number: number): Promise<void> => {
    const data = { ...request, ...(number > 1 ? { authorization: number } : {}) }
    return deliver(app, platform, message(type, data, { key: `${type} ${number}`, version: versionOf(payments, type) }))
  }
  return {
    provider,
    platform,
    meanwhile,
    authorize: (number = 1) => send('AuthorizePayment', number),
    find: (number = 1) => send('FindAuthorization', number),
    webhook: (key = 'w-1') =>
      deliver(app, platform, message('CheckAuthorization', { orderId, providerEventId: key }, { key })),
    async void(authorization?: number) {
      await deliver(
        app,
        platform,
        message('VoidPayment', { orderId, ...(authorization ? { authorization } : {}) }, { version: 2 }),
      )
      for (const { envelope } of platform.sent) await deliver(app, platform, envelope)
    },
    last: () => platform.published.at(-1),
    types: () => platform.published.map(({ type }) => type),
  }
}

describe('a further authorization', () => {
  it('after a refusal has a key and a number of its own', async () => {
    const { provider, authorize, last, types } = open()
    provider.outcome = 'declined'
    await authorize()
    expect(last()).toMatchObject({ type: 'payment.declined', data: { authorization: 1 } })
    provider.outcome = 'authorized'
    await authorize(2)
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 2, amountMinor: 350 } })
    expect(provider.did).toEqual(['authorize o-1:auth', 'authorize o-1:auth:2'])
    // An operator's retry of either.
    await authorize(1)
    await authorize(2)
    expect(new Set(types())).toEqual(new Set(['payment.declined', 'payment.authorized']))
    expect(provider.did).toHaveLength(2)
  })

  it('ends the one before, for which the customer has to act', async () => {
    const { provider, authorize } = open()
    provider.outcome = 'action-required'
    await authorize()
    provider.outcome = 'authorized'
    await authorize(2)
    expect(provider.did).toEqual(['authorize o-1:auth', 'void o-1:auth', 'authorize o-1:auth:2'])
  })

  it('is not made when the customer has approved the one before', async () => {
    const { provider, authorize, last } = open()
    provider.outcome = 'action-required'
    await authorize()
    provider.acted('o-1:auth', 'authorized')
    await authorize(2)
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 1 } })
    expect(provider.did).toEqual(['authorize o-1:auth'])
  })

  it('is the one that a webhook is about', async () => {
    const { provider, authorize, webhook, last } = open()
    provider.outcome = 'declined'
    await authorize()
    provider.outcome = 'action-required'
    await authorize(2)
    expect(last()).toMatchObject({ type: 'payment.action-required', data: { authorization: 2 } })
    provider.acted('o-1:auth:2', 'authorized')
    await webhook()
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 2 } })
  })

  it.each(['authorized', 'declined'] as const)(
    'is the one that a webhook is about, also before its answer is recorded: it was %s',
    async (status) => {
      const { provider, platform, meanwhile, authorize, webhook, last, types } = open()
      provider.outcome = 'declined'
      await authorize()
      provider.outcome = 'action-required'
      meanwhile.work = async () => {
        provider.acted('o-1:auth:2', status)
        await webhook()
      }
      await authorize(2)
      expect(last()).toMatchObject({ type: `payment.${status}`, data: { authorization: 2 } })
      expect(types()).toEqual(['payment.declined', `payment.${status}`])
      expect(platform.sent).toEqual([])
      expect(provider.did).toEqual(['authorize o-1:auth', 'authorize o-1:auth:2'])
    },
  )

  it('is the one that a webhook is about, although it has ended the one before', async () => {
    const { provider, meanwhile, authorize, webhook, last } = open()
    provider.outcome = 'action-required'
    await authorize()
    const authorizing = async (): Promise<void> => {
      meanwhile.work = async () => {
        provider.acted('o-1:auth:2', 'authorized')
        await webhook()
      }
    }
    // The first request ends the authorization before, the second one makes the further one.
    meanwhile.work = authorizing
    await authorize(2)
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 2 } })
  })

  it('that is not at the provider yet has no news for a webhook about the one before', async () => {
    const { provider, authorize, webhook, types } = open()
    provider.outcome = 'declined'
    await authorize()
    await webhook()
    expect(types()).toEqual(['payment.declined'])
  })

  it('is voided with all others, also if it is on its way when the void begins', async () => {
    const { provider, authorize, void: voiding, types } = open()
    provider.outcome = 'declined'
    await authorize()
    await voiding(2)
    expect(provider.did.slice(1)).toEqual(['void o-1:auth', 'void o-1:auth:2'])
    provider.outcome = 'authorized'
    await authorize(2)
    expect(types()).toEqual(['payment.declined', 'payment.voided'])
    expect(provider.did).toHaveLength(3)
  })
})

describe('the inquiry', () => {
  it('finds an authorization whose answer was lost, with the amounts that a later capture needs', async () => {
    const { provider, platform, find, authorize, last } = open()
    provider.acted('o-1:auth', 'authorized')
    await find()
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 1, amountMinor: 350 } })
    // The command itself comes later.
    await authorize()
    expect(platform.published).toHaveLength(1)
    const shipped = {
      orderId,
      shipmentId: 's-1',
      lines: [{ lineId: '1', sku: 'TEA-001', quantity: 1 }],
      trackingRef: 't',
    }
    await deliver(app, platform, message('shipment.dispatched', shipped))
    expect(last()).toMatchObject({ type: 'payment.captured', data: { amountMinor: 350, final: true } })
  })

  it.each([
    ['action-required', 'payment.undecided', 'action-required'],
    ['authorized', 'payment.authorized', undefined],
    ['declined', 'payment.declined', 'card-declined'],
  ] as const)('of an action at the provider that is %s is answered by %s', async (status, type, code) => {
    const { provider, authorize, find, last } = open()
    provider.outcome = 'action-required'
    await authorize()
    if (status !== 'action-required') provider.acted('o-1:auth', status)
    await find()
    expect(last()).toMatchObject({ type, data: { authorization: 1, ...(code ? { code } : {}) } })
  })

  it('of a payment that was never requested is undecided, and a later request is not refused by it', async () => {
    const { find, authorize, last, types } = open()
    await find()
    expect(last()).toMatchObject({ type: 'payment.undecided', data: { code: 'not-requested' } })
    await authorize()
    expect(types()).toEqual(['payment.undecided', 'payment.authorized'])
  })

  it('finds the approval of the authorization before, which the further one has not ended yet', async () => {
    const { provider, authorize, find, last } = open()
    provider.outcome = 'action-required'
    await authorize()
    provider.acted('o-1:auth', 'authorized')
    await find(2)
    expect(last()).toMatchObject({ type: 'payment.authorized', data: { authorization: 1 } })
  })

  it('records no outcome twice', async () => {
    const { provider, authorize, find, types } = open()
    provider.outcome = 'declined'
    await authorize()
    await find()
    expect(types()).toEqual(['payment.declined'])
    provider.outcome = 'authorized'
    await authorize(2)
    await find(2)
    expect(types()).toEqual(['payment.declined', 'payment.authorized'])
  })
})
