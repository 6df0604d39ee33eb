import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { testProvider } from './provider.testing.ts'
import { payments } from './service.ts'

const orderId = 'o-1'
const goods = (...lineIds: string[]) => lineIds.map((lineId) => ({ lineId, sku: `SKU-${lineId}`, quantity: 1 }))

/** An authorized payment of three lines of 1.00 and a fee of 0.50. */
async function authorized() {
  const provider = testProvider()
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com' },
    callExternal: provider.callExternal,
  })
  const send = (type: string, data: object, key: string | number = 1): Promise<void> =>
    deliver(app, platform, message(type, { orderId, ...data }, { key }))
  await send('AuthorizePayment', {
    paymentMethodRef: 'card-ok',
    currency: 'EUR',
    totalMinor: 350,
    shippingMinor: 50,
    lines: goods('1', '2', '3').map((line) => ({ ...line, unitMinor: 100 })),
  })
  return {
    provider,
    platform,
    dispatched: (shipmentId: string, ...lineIds: string[]) =>
      send('shipment.dispatched', { shipmentId, lines: goods(...lineIds), trackingRef: 't-1' }, shipmentId),
    reduce: (lineIds: readonly string[], key = 1) =>
      send('ReduceAuthorization', { cancellationId: 'c-1', lines: goods(...lineIds) }, key),
    async work() {
      for (const { envelope } of platform.sent.splice(0)) await deliver(app, platform, envelope)
    },
    released: () => provider.did.filter((did) => did.startsWith('release')),
    captured: () => provider.captures.map(({ amountMinor, final }) => ({ amountMinor, final })),
    reduced: () =>
      platform.published.filter(({ type }) => type === 'payment.reduced').map(({ data }) => data as object),
  }
}

describe('a payment of which lines were cancelled', () => {
  it('before the others are shipped is captured once for these, with the fee, and finally', async () => {
    const { reduce, dispatched, captured, reduced } = await authorized()
    await reduce(['3'])
    expect(reduced()).toEqual([
      { orderId, paymentId: 'p-o-1', cancellationId: 'c-1', lines: goods('3'), amountMinor: 250, currency: 'EUR' },
    ])
    await dispatched('s-1', '1', '2')
    expect(captured()).toEqual([{ amountMinor: 250, final: true }])
  })

  it('between two shipments has its final capture with the second', async () => {
    const { reduce, dispatched, work, captured } = await authorized()
    await dispatched('s-1', '1')
    await work()
    await reduce(['3'])
    await dispatched('s-2', '2')
    await work()
    expect(captured()).toEqual([
      { amountMinor: 150, final: false },
      { amountMinor: 100, final: true },
    ])
  })

  it('after the others were captured releases the rest of the authorization, once', async () => {
    const { reduce, dispatched, work, captured, released, reduced } = await authorized()
    await dispatched('s-1', '1', '2')
    await work()
    for (const key of [1, 1, 2]) await reduce(['3'], key)
    expect(captured()).toEqual([{ amountMinor: 250, final: false }])
    expect(released()).toEqual(['release o-1:auth'])
    expect(reduced()[0]).toMatchObject({ amountMinor: 250 })
  })

  it('waits for a capture whose amount is fixed already', async () => {
    const { reduce, dispatched, work, captured, released, reduced } = await authorized()
    await dispatched('s-1', '1', '2')
    await expect(reduce(['3'])).rejects.toBeInstanceOf(Unavailable)
    expect(reduced()).toEqual([])
    await work()
    await reduce(['3'])
    expect(captured()).toEqual([{ amountMinor: 250, final: false }])
    expect(released()).toEqual(['release o-1:auth'])
  })

  it('is reduced once for a cancellation, however often it is commanded', async () => {
    const { reduce, dispatched, captured } = await authorized()
    for (const key of [1, 2, 2]) await reduce(['3'], key)
    await dispatched('s-1', '1', '2')
    expect(captured()).toEqual([{ amountMinor: 250, final: true }])
  })
})
