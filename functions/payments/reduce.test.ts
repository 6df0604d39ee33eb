import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { app } from './app.ts'
import { authorizedPayment, goods, orderId } from './authorized.testing.ts'

async function authorized() {
  const payment = await authorizedPayment()
  const { provider, platform } = payment
  return {
    ...payment,
    async work() {
      for (const { envelope } of platform.sent.splice(0)) await deliver(app, platform, envelope)
    },
    released: () => provider.did.filter((did) => did.startsWith('release')),
    captured: () => provider.captures.map(({ amountMinor, final }) => ({ amountMinor, final })),
    authorizedMinor: () => [...provider.authorizedMinor.values()],
    reduced: () =>
      platform.published.filter(({ type }) => type === 'payment.reduced').map(({ data }) => data as object),
    /** A redelivery publishes its events again, under the same ids. */
    reductionIds: () => new Set(platform.published.flatMap(({ type, id }) => (type === 'payment.reduced' ? [id] : []))),
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
    const { reduce, dispatched, work, captured, released, reduced, reductionIds } = await authorized()
    await dispatched('s-1', '1', '2')
    await work()
    for (const key of [1, 1, 2]) await reduce(['3'], key)
    await work()
    expect(captured()).toEqual([{ amountMinor: 250, final: false }])
    expect(released()).toEqual(['release o-1:auth'])
    expect(reduced()[0]).toMatchObject({ amountMinor: 250 })
    expect(reductionIds().size).toBe(1)
  })

  it('waits for a capture whose amount is fixed already', async () => {
    const { reduce, dispatched, work, captured, released, reduced } = await authorized()
    await dispatched('s-1', '1', '2')
    await expect(reduce(['3'])).rejects.toBeInstanceOf(Unavailable)
    expect(reduced()).toEqual([])
    await work()
    await reduce(['3'])
    await work()
    expect(captured()).toEqual([{ amountMinor: 250, final: false }])
    expect(released()).toEqual(['release o-1:auth'])
  })

  it('is reduced once for a cancellation, however often it is commanded', async () => {
    const { reduce, dispatched, captured } = await authorized()
    for (const key of [1, 2, 2]) await reduce(['3'], key)
    await dispatched('s-1', '1', '2')
    expect(captured()).toEqual([{ amountMinor: 250, final: true }])
  })

  it('that was never authorized is not reduced: a voided one is refused, an unknown one waits', async () => {
    const { platform } = await authorized()
    const of = { orderId: 'o-2' }
    const reduce = message('ReduceAuthorization', { ...of, cancellationId: 'c-1', lines: goods('1') })
    await expect(deliver(app, platform, reduce)).rejects.toBeInstanceOf(Unavailable)
    await deliver(app, platform, message('VoidPayment', of))
    await expect(deliver(app, platform, reduce)).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
  })
})

describe('a payment of which lines were cancelled, and whose capture was refused', () => {
  /** The capture of the lines 1 and 2 is refused. */
  async function refused({ dispatched, work, provider }: Awaited<ReturnType<typeof authorized>>): Promise<void> {
    provider.captureRefusal = 'card-expired'
    await dispatched('s-1', '1', '2')
    await work()
    provider.captureRefusal = undefined
  }

  it.each([
    ['after the refusal', ['refused', 'reduced', 'recaptured']],
    ['before the shipment', ['reduced', 'refused', 'recaptured']],
  ] as const)('%s is recaptured without these lines', async (_when, order) => {
    const payment = await authorized()
    const steps = {
      refused: () => refused(payment),
      reduced: () => payment.reduce(['3']),
      async recaptured() {
        await payment.recapture()
        await payment.work()
      },
    }
    for (const step of order) await steps[step]()
    expect(payment.authorizedMinor()).toEqual([350, 250])
    expect(payment.captured()).toEqual([{ amountMinor: 250, final: true }])
    expect(payment.released()).toEqual(['release o-1:auth'])
  })

  it('after the recapture releases the rest of the new authorization', async () => {
    const payment = await authorized()
    await refused(payment)
    await payment.recapture()
    await payment.work()
    await payment.reduce(['3'])
    await payment.work()
    expect(payment.authorizedMinor()).toEqual([350, 350])
    expect(payment.captured()).toEqual([{ amountMinor: 250, final: false }])
    expect(payment.released()).toEqual(['release o-1:auth', 'release o-1:auth:2'])
  })

  it('is recaptured without these lines and without those that were paid before', async () => {
    const payment = await authorized()
    await payment.dispatched('s-1', '1')
    await payment.work()
    payment.provider.captureRefusal = 'card-expired'
    await payment.dispatched('s-2', '2')
    await payment.work()
    payment.provider.captureRefusal = undefined
    await payment.reduce(['3'])
    await payment.recapture()
    await payment.work()
    expect(payment.authorizedMinor()).toEqual([350, 100])
    expect(payment.captured()).toEqual([
      { amountMinor: 150, final: false },
      { amountMinor: 100, final: true },
    ])
  })
})
