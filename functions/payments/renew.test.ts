import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { vaultOf } from '../customers/contracts.ts'
import { app } from './app.ts'
import { authorizedPayment, orderId } from './authorized.testing.ts'

const FIRST_END = '2026-01-08T00:00:00.000Z'
const SECOND_END = '2026-01-14T00:00:00.000Z'
const HOUR_MS = 3_600_000

async function authorized() {
  const payment = await authorizedPayment()
  const { provider, platform, send } = payment
  provider.expiresAt = SECOND_END
  const published = (type: string): object[] => [
    ...new Map(
      platform.published.filter((event) => event.type === type).map(({ id, data }) => [id, data as object]),
    ).values(),
  ]
  return {
    ...payment,
    published,
    renew: (authorization = 1, key = 1, paymentMethodRef = 'card-ok') =>
      send('RenewAuthorization', { authorization, customerRef: 'customer-1', paymentMethodRef }, key),
    voiding: () => send('VoidPayment', {}),
    /** Delivers what payments has sent to itself, and what follows from it. */
    async work() {
      while (platform.sent.length > 0) await deliver(app, platform, platform.sent.shift()!.envelope)
    },
    captured: () =>
      published('payment.captured').map((data) => {
        const { authorization, amountMinor, final } = data as Record<string, unknown>
        return { authorization, amountMinor, final }
      }),
    /** The commands that payments has sent to itself and not delivered. */
    waiting: () => platform.sent.map(({ envelope }) => envelope.type),
  }
}

describe('an authorization that ends soon', () => {
  it('is followed by a new one for what is not captured, and released after the commit', async () => {
    const { renew, work, provider, platform, published, waiting } = await authorized()
    await renew()
    expect(provider.did).toEqual(['authorize o-1:auth'])
    expect(waiting()).toEqual(['MakeRenewal'])
    await work()
    expect(provider.did).toEqual(['authorize o-1:auth', 'authorize o-1:auth:2', 'release o-1:auth'])
    expect(published('payment.authorized')).toMatchObject([
      { authorization: 1, expiresAt: FIRST_END },
      { authorization: 2, expiresAt: SECOND_END, amountMinor: 350 },
    ])
    const { body } = platform.externalCalls.find(({ options }) => options.idempotencyKey === 'o-1:auth:2')!.options
    expect(body).toMatchObject({ customer: vaultOf('customer-1'), paymentMethodRef: 'card-ok', amountMinor: 350 })
  })

  it('is captured under the new one', async () => {
    const { renew, work, dispatched, captured, provider } = await authorized()
    await renew()
    await work()
    await dispatched('s-1', '1', '2', '3')
    expect(captured()).toEqual([{ authorization: 2, amountMinor: 350, final: true }])
    expect(provider.captures).toHaveLength(1)
  })

  it('of which a part is captured is renewed for the rest', async () => {
    const { renew, work, dispatched, captured, provider } = await authorized()
    await dispatched('s-1', '1')
    await work()
    await renew()
    await work()
    expect(provider.authorizedMinor.get('o-1:auth:2')).toBe(200)
    await dispatched('s-2', '2', '3')
    await work()
    expect(captured()).toEqual([
      { authorization: 1, amountMinor: 150, final: false },
      { authorization: 2, amountMinor: 200, final: true },
    ])
  })

  it('of which lines were cancelled is renewed for the others', async () => {
    const { reduce, renew, work, provider } = await authorized()
    await reduce(['3'])
    await renew()
    await work()
    expect(provider.authorizedMinor.get('o-1:auth:2')).toBe(250)
  })

  it('is renewed once for each, however often that is requested', async () => {
    const { renew, work, provider } = await authorized()
    for (const key of [1, 1, 2]) {
      await renew(1, key)
      await work()
    }
    expect(provider.did.filter((did) => did.startsWith('authorize'))).toHaveLength(2)
    await renew(2, 3)
    await work()
    expect(provider.did.at(-1)).toBe('release o-1:auth:2')
    expect(provider.did.filter((did) => did.startsWith('authorize'))).toHaveLength(3)
  })

  it('waits while another request is not answered', async () => {
    const { renew } = await authorized()
    await renew()
    await expect(renew(1, 2, 'card-new')).rejects.toBeInstanceOf(Unavailable)
  })

  it('is not renewed when nothing is left to capture', async () => {
    const { renew, work, dispatched, provider } = await authorized()
    await dispatched('s-1', '1', '2', '3')
    await renew()
    await work()
    expect(provider.did).toEqual(['authorize o-1:auth', 'capture o-1:capture:s-1'])
  })

  it('holds nothing under the new one if all was captured before it was recorded', async () => {
    const { renew, work, dispatched, captured, published, provider } = await authorized()
    await renew()
    await dispatched('s-1', '1', '2', '3')
    await work()
    expect(captured()).toEqual([{ authorization: 1, amountMinor: 350, final: true }])
    expect(published('payment.authorized')).toHaveLength(1)
    expect(provider.did.slice(2)).toEqual(['void o-1:auth:2'])
  })
})

describe('a capture whose answer was lost before the renewal', () => {
  /** The provider has captured it, and payments does not know. */
  const capturedUnrecorded = (
    { provider }: Awaited<ReturnType<typeof authorized>>,
    request: object,
    shipmentId = 's-1',
  ): Promise<Response> =>
    provider.callExternal('https://provider.example.com/v1/authorizations/by-key/o-1%3Aauth/captures', {
      method: 'POST',
      operation: 'capture',
      idempotencyKey: `o-1:capture:${shipmentId}`,
      body: request,
    })

  it('is found under the former authorization, and not made twice; nothing is held under the new one', async () => {
    const payment = await authorized()
    const { renew, work, dispatched, captured, provider } = payment
    await capturedUnrecorded(payment, { amountMinor: 350, final: true })
    await renew()
    await work()
    await dispatched('s-1', '1', '2', '3')
    await work()
    expect(provider.captures).toHaveLength(1)
    expect(captured()).toEqual([{ authorization: 1, amountMinor: 350, final: true }])
    expect(provider.did.at(-1)).toBe('release o-1:auth:2')
  })

  it('is found after two renewals, and what is shipped later is captured under the last one', async () => {
    const payment = await authorized()
    const { renew, work, dispatched, captured } = payment
    await capturedUnrecorded(payment, { amountMinor: 150, final: false })
    for (const number of [1, 2]) {
      await renew(number, number)
      await work()
    }
    await dispatched('s-1', '1')
    await dispatched('s-2', '2', '3')
    await work()
    expect(captured()).toEqual([
      { authorization: 1, amountMinor: 150, final: false },
      { authorization: 3, amountMinor: 200, final: true },
    ])
  })

  it('of another shipment is not taken for it', async () => {
    const payment = await authorized()
    const { renew, work, dispatched, captured } = payment
    await capturedUnrecorded(payment, { amountMinor: 100, final: false }, 's-10')
    await renew()
    await work()
    await dispatched('s-1', '1', '2', '3')
    expect(captured()).toEqual([{ authorization: 2, amountMinor: 350, final: true }])
  })
})

describe('a new authorization that is refused', () => {
  it.each([
    ['declined', 'card-declined', []],
    ['action-required', 'action-required', ['void o-1:auth:2']],
  ] as const)('as %s lapses the payment', async (outcome, code, ended) => {
    const { renew, work, provider, published } = await authorized()
    provider.outcome = outcome
    await renew()
    await work()
    expect(published('payment.lapsed')).toEqual([
      { orderId, paymentId: 'p-o-1', authorization: 1, expiresAt: FIRST_END, refused: 2, code },
    ])
    expect(provider.did.slice(2)).toEqual(ended)
  })

  it('leaves the former one as it is: what is dispatched is captured under it', async () => {
    const { renew, work, provider, dispatched, captured } = await authorized()
    provider.outcome = 'declined'
    await renew()
    await work()
    await dispatched('s-1', '1', '2', '3')
    expect(captured()).toEqual([{ authorization: 1, amountMinor: 350, final: true }])
  })

  it('is followed by one with another payment method, under a number of its own', async () => {
    const { renew, work, provider, published } = await authorized()
    provider.outcome = 'declined'
    await renew()
    await work()
    provider.outcome = 'authorized'
    await renew(1, 2, 'card-new')
    await work()
    expect(published('payment.authorized').at(-1)).toMatchObject({ authorization: 3, expiresAt: SECOND_END })
    expect(provider.did.slice(-2)).toEqual(['authorize o-1:auth:3', 'release o-1:auth'])
  })
})

describe('a new authorization that is declined for the moment', () => {
  /** Minutes from the request to each further attempt. */
  const WAITS = [1, 10, 60, 360]

  async function declined(hoursBeforeTheEnd = 31) {
    const payment = await authorized()
    const { provider, platform } = payment
    provider.outcome = 'declined'
    provider.declineCode = 'issuer-unavailable'
    platform.advance(Date.parse(FIRST_END) - hoursBeforeTheEnd * HOUR_MS - platform.now())
    await payment.renew()
    return {
      ...payment,
      /** Delivers what is sent until it waits for a time. @returns that time, in minutes from now; undefined: none */
      async untilNext(): Promise<number | undefined> {
        while (platform.sent.length > 0) {
          const { envelope, notBeforeMs = 0 } = platform.sent.shift()!
          if (notBeforeMs <= platform.now()) await deliver(app, platform, envelope)
          else {
            platform.sent.unshift({ target: 'payments', envelope })
            return (notBeforeMs - platform.now()) / 60_000
          }
        }
        return undefined
      },
    }
  }

  it.each([
    [31, WAITS],
    // However long the former one lasts.
    [150, WAITS],
    [8, WAITS],
    [7, [1, 10, 60]],
  ])(
    '%s hours before the end of the former is requested again at growing intervals, while that one lasts',
    async (hours, expected) => {
      const { untilNext, platform, provider, published } = await declined(hours)
      const waits: number[] = []
      for (let wait = await untilNext(); wait !== undefined; wait = await untilNext()) {
        expect(published('payment.lapsed')).toEqual([])
        waits.push(wait)
        platform.advance(wait * 60_000)
      }
      expect(waits).toEqual(expected)
      const numbers = [0, ...expected].map((_wait, index) => index + 2)
      expect(provider.did.slice(1)).toEqual(numbers.map((number) => `authorize o-1:auth:${number}`))
      const lapsed = { authorization: 1, expiresAt: FIRST_END, refused: numbers.at(-1), code: 'issuer-unavailable' }
      expect(published('payment.lapsed')).toEqual([{ orderId, paymentId: 'p-o-1', ...lapsed }])
    },
  )

  it('is granted at the next attempt', async () => {
    const { untilNext, work, platform, provider, published, dispatched, captured } = await declined()
    platform.advance((await untilNext())! * 60_000)
    provider.outcome = 'authorized'
    await work()
    expect(published('payment.authorized').at(-1)).toMatchObject({ authorization: 3, amountMinor: 350 })
    expect(provider.did.slice(1)).toEqual(['authorize o-1:auth:2', 'authorize o-1:auth:3', 'release o-1:auth'])
    await dispatched('s-1', '1', '2', '3')
    expect(captured()).toEqual([{ authorization: 3, amountMinor: 350, final: true }])
  })

  it('is not requested again once all is captured, or voided', async () => {
    for (const end of ['captured', 'voided']) {
      const { untilNext, work, voiding, platform, provider, dispatched } = await declined()
      await untilNext()
      const [next] = platform.sent.splice(0)
      if (end === 'voided') await voiding()
      else await dispatched('s-1', '1', '2', '3')
      await work()
      await deliver(app, platform, next!.envelope)
      expect(provider.did.filter((did) => did.startsWith('authorize'))).toHaveLength(2)
      await work()
      expect(provider.did.filter((did) => did.startsWith('authorize'))).toHaveLength(2)
      expect(provider.did).not.toContain('void o-1:auth:3')
    }
  })

  it('is requested for what is not captured by then', async () => {
    const { untilNext, work, dispatched, provider, platform } = await declined()
    await untilNext()
    const [next] = platform.sent.splice(0)
    provider.outcome = 'authorized'
    await dispatched('s-1', '1')
    await work()
    await deliver(app, platform, next!.envelope)
    await work()
    expect(provider.authorizedMinor.get('o-1:auth:3')).toBe(200)
  })

  it('lapses if its customer gave the payment method: they may give another one', async () => {
    const { provider, platform, work, published } = await authorized()
    provider.outcome = 'declined'
    provider.declineCode = 'issuer-unavailable'
    const request = { orderId, authorization: 1, customerRef: 'customer-1', paymentMethodRef: 'card-new' }
    await deliver(app, platform, message('RenewAuthorization', { ...request, actUntil: FIRST_END }, { version: 2 }))
    await work()
    expect(published('payment.lapsed')).toMatchObject([{ refused: 2, code: 'issuer-unavailable' }])
  })

  it('keeps another request waiting', async () => {
    const { untilNext, renew } = await declined()
    await untilNext()
    await expect(renew(1, 2, 'card-new')).rejects.toBeInstanceOf(Unavailable)
  })

  it('is not requested again while a recapture asks the provider', async () => {
    const { untilNext, recapture, dispatched, provider, platform, work } = await declined()
    provider.captureRefusal = 'card-expired'
    await dispatched('s-1', '1')
    await untilNext()
    const [renewal] = platform.sent.splice(0).filter(({ envelope }) => envelope.type === 'MakeRenewal')
    await work()
    await recapture()
    await expect(deliver(app, platform, renewal!.envelope)).rejects.toBeInstanceOf(Unavailable)
  })

  it('keeps a recapture waiting only while it is requested', async () => {
    const { untilNext, recapture, dispatched, provider, platform, work, published } = await declined()
    provider.captureRefusal = 'card-expired'
    await dispatched('s-1', '1')
    await untilNext()
    const [renewal] = platform.sent.splice(0).filter(({ envelope }) => envelope.type === 'MakeRenewal')
    await work()
    provider.outcome = 'authorized'
    provider.captureRefusal = undefined
    await recapture()
    await work()
    expect(provider.captures).toMatchObject([{ authorizationKey: 'o-1:auth:3' }])
    await deliver(app, platform, renewal!.envelope)
    await work()
    expect(published('payment.authorized')).toHaveLength(2)
  })
})

describe('a void', () => {
  it('of a renewed payment voids both authorizations', async () => {
    const { renew, work, voiding, provider } = await authorized()
    await renew()
    await work()
    await voiding()
    await work()
    expect(provider.did.slice(3)).toEqual(['void o-1:auth', 'void o-1:auth:2'])
  })

  it('while the renewal is on its way voids the new authorization too, and nothing is granted later', async () => {
    const { renew, work, voiding, provider, platform, published } = await authorized()
    await renew()
    const renewal = platform.sent.shift()!.envelope
    await voiding()
    await work()
    expect(provider.did).toEqual(['authorize o-1:auth', 'void o-1:auth', 'void o-1:auth:2'])
    await deliver(app, platform, renewal)
    expect(provider.did).toHaveLength(3)
    expect(published('payment.authorized')).toHaveLength(1)
  })

  it('before the request leaves nothing to renew', async () => {
    const { renew, work, voiding, provider } = await authorized()
    await voiding()
    await renew()
    await work()
    expect(provider.did).toEqual(['authorize o-1:auth', 'void o-1:auth'])
  })
})

describe('a recapture', () => {
  it('waits for a renewal that is not answered', async () => {
    const { renew, work, recapture, dispatched, provider, platform } = await authorized()
    provider.captureRefusal = 'card-expired'
    await dispatched('s-1', '1')
    await work()
    await renew()
    await recapture()
    const [renewal, made] = platform.sent.splice(0).map(({ envelope }) => envelope)
    await expect(deliver(app, platform, made!)).rejects.toBeInstanceOf(Unavailable)
    provider.captureRefusal = undefined
    await deliver(app, platform, renewal!)
    await deliver(app, platform, made!)
    await work()
    expect(provider.captures).toMatchObject([{ authorizationKey: 'o-1:auth:3' }])
  })
})
