/** Recaptures that are refused for the moment: by a bank that does not answer, and not because of the money. */

import { describe, expect, it } from 'vitest'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World, type WorldOptions } from '../support/simulation/world.ts'
import { HOUR, sent } from './authorizations.testing.ts'
import { DAY, expectQuiescence, MINUTE, SECOND, theOnly } from './quiescence.testing.ts'
import { type CaptureRequest, declineTransiently, refuseCaptures } from './refused-captures.testing.ts'

const reason = 'the customer has a new card'
const cards = [
  'card-ok',
  'card-declined',
  'card-capture-delayed',
  'card-captured-once',
  'card-capture-refused',
  'card-renewal-refused',
  'card-refund-pending',
]

/** Refuses the captures for which `codeFor` has a code, and repeats its answer to a key, as providers do. */
function refuseByKey(world: World, codeFor: (...given: CaptureRequest) => string | undefined): void {
  const codes = new Map<string, string>()
  refuseCaptures(world, (...given) => {
    const code = codes.get(given[1]) ?? codeFor(...given)
    if (code !== undefined) codes.set(given[1], code)
    return code
  })
}

const isUnder = (number: number, authorizationKey: string): boolean => authorizationKey.endsWith(`:auth:${number}`)

/** Of two parcels the first has left, and its capture is refused; the second is collected later. */
async function refused(
  options: WorldOptions = {},
  quantity = 1,
  card = 'card-ok',
): Promise<{ world: World; orderId: string }> {
  const world = await createWorld({ cards, piecesPerParcel: 1, ...options })
  refuseByKey(world, (authorizationKey, key) =>
    authorizationKey.endsWith(':auth') && (quantity === 1 || key.includes('-1')) ? 'card-expired' : undefined,
  )
  const { orderId } = await world.place({ quantity, card })
  await world.run({ forMs: 2 * HOUR })
  expect(await statusOf(world, orderId)).toBe('payment-failed')
  return { world, orderId }
}

async function statusOf(world: World, orderId: string): Promise<unknown> {
  const answer = await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)
  return ((await answer.json()) as { status: unknown }).status
}
const recapture = (world: World, orderId: string, card: string, key = card) =>
  world.submit('RecaptureOrder', { orderId, paymentMethodRef: world.paymentMethodOf(card)!, reason }, key)
const failures = (world: World, orderId: string) =>
  eventsOf(world, 'payments', orderId).flatMap(({ type, data }) =>
    type === 'payment.capture-failed' ? [data as { authorization: number; code: string }] : [],
  )
const grantedUnder = (world: World, orderId: string): number[] =>
  eventsOf(world, 'payments', orderId).flatMap(({ type, data }) =>
    type === 'payment.authorized' ? [(data as { authorization: number }).authorization] : [],
  )
const captured = ({ provider }: World): string[] =>
  provider.ledger.all().flatMap(({ key, captures }) => captures.map(({ amountMinor }) => `${key} ${amountMinor}`))
const held = ({ provider }: World): number => provider.ledger.all().reduce((sum, { heldMinor }) => sum + heldMinor, 0)

const slowSecond: WorldOptions = {
  carrier: { collectedAfterMs: HOUR, collectedApartMs: 3 * HOUR, deliveredAfterMs: HOUR },
}

describe('a recapture whose bank does not answer', () => {
  it('captures again under the same authorization, and staff is not asked again', async () => {
    const { world, orderId } = await refused()
    expect(await recapture(world, orderId, 'card-capture-delayed')).toEqual({ status: 202 })
    await world.run({ forMs: 10 * MINUTE })
    expect(await recapture(world, orderId, 'card-ok', 'another')).toMatchObject({ code: 'recapture-pending' })
    await expectQuiescence(world, 'completed')
    expect(failures(world, orderId)).toMatchObject([{ authorization: 1, code: 'card-expired' }])
    expect(grantedUnder(world, orderId)).toEqual([1, 2])
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
    expect(held(world)).toBe(0)
  })

  it('requests another authorization after one that was declined for the moment, since its answer is repeated', async () => {
    const { world, orderId } = await refused()
    declineTransiently(world, 2)
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(failures(world, orderId)).toHaveLength(1)
    expect(grantedUnder(world, orderId)).toEqual([1, 4])
    expect(captured(world)).toEqual([`${orderId}:auth:4 1190`])
  })

  it('is reported at each outage of the provider: an answer ends the one before', async () => {
    const { world, orderId } = await refused()
    const of = (type: string): number =>
      eventsOf(world, 'payments', orderId).filter((event) => event.type === type).length
    refuseByKey(world, () => (of('recapture.retried') === 0 ? 'issuer-unavailable' : undefined))
    world.provider.faults.unavailable = Infinity
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await world.run({ forMs: 2 * DAY })
    expect(of('recapture.overdue')).toBe(1)
    world.provider.faults.unavailable = 0
    await world.run({ forMs: DAY, until: () => of('recapture.retried') === 1 })
    world.provider.faults.unavailable = Infinity
    await world.run({ forMs: 3 * DAY })
    expect(of('recapture.overdue')).toBe(2)
    world.provider.faults.unavailable = 0
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toHaveLength(1)
  })

  it.each(['the capture', 'the authorization'])(
    'for a day and a half at %s fails, and is no refusal of the card',
    async (at) => {
      const { world, orderId } = await refused()
      let isAway = true
      if (at === 'the authorization') declineTransiently(world, Infinity)
      else refuseByKey(world, () => (isAway ? 'issuer-unavailable' : undefined))
      for (let time = 1; time <= 11; time++) {
        expect(await recapture(world, orderId, 'card-ok', `k-${time}`)).toEqual({ status: 202 })
        await world.run({ forMs: 30 * HOUR })
        expect(failures(world, orderId)).toHaveLength(time)
        await world.run({ forMs: 2 * HOUR })
        expect(failures(world, orderId)).toHaveLength(time + 1)
        expect(held(world)).toBe(0)
      }
      expect(await statusOf(world, orderId)).toBe('payment-failed')
      if (at === 'the authorization') return
      isAway = false
      expect(await recapture(world, orderId, 'card-ok', 'answered')).toEqual({ status: 202 })
      await expectQuiescence(world, 'completed')
      expect(captured(world)).toHaveLength(1)
    },
  )

  it('pays two refused parcels, the second with the last capture that closes the authorization', async () => {
    const world = await createWorld({ cards, piecesPerParcel: 1 })
    let refusals = 0
    refuseByKey(world, (authorizationKey) => {
      if (authorizationKey.endsWith(':auth')) return 'card-expired'
      return refusals++ < 1 ? 'processing-error' : undefined
    })
    const { orderId } = await world.place({ quantity: 2 })
    await world.run({ forMs: HOUR })
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:2 1190`])
    expect(held(world)).toBe(0)
  })

  it.each([1, 2])(
    'with a card that is captured once, refused %i times for the moment, pays both parcels',
    async (times) => {
      const world = await createWorld({ cards, piecesPerParcel: 1 })
      let refusals = 0
      refuseByKey(world, (authorizationKey, _key, { final }) => {
        if (authorizationKey.endsWith(':auth')) return 'card-expired'
        return final && refusals++ < times ? 'processing-error' : undefined
      })
      const { orderId } = await world.place({ quantity: 2 })
      await world.run({ forMs: HOUR })
      expect(await recapture(world, orderId, 'card-captured-once')).toEqual({ status: 202 })
      await expectQuiescence(world, 'completed')
      expect(captured(world)).toEqual([`${orderId}:auth:2 2380`])
    },
  )
})

describe('a recapture of two parcels', () => {
  it('of which one is refused for good goes on without it, and staff knows of it from then on', async () => {
    const world = await createWorld({ cards, piecesPerParcel: 1 })
    const requests: string[] = []
    let refusals = 0
    refuseByKey(world, (authorizationKey, key) => {
      requests.push(key)
      if (authorizationKey.endsWith(':auth')) return 'card-expired'
      if (isUnder(2, authorizationKey) && key.includes('-1')) return 'card-expired'
      return refusals++ < 1 ? 'issuer-unavailable' : undefined
    })
    const { orderId } = await world.place({ quantity: 2 })
    await world.run({ forMs: HOUR })
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await world.run({ forMs: 30 * SECOND })
    expect(failures(world, orderId).filter(({ authorization }) => authorization === 2)).toHaveLength(1)
    await world.run({ forMs: HOUR })
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
    // The one that was refused has its next attempt under another authorization.
    const finals = world.provider.ledger.all().flatMap(({ captures }) => captures.map(({ final }) => final))
    expect(finals).toEqual([true])
    expect(held(world)).toBe(0)
    expect(await recapture(world, orderId, 'card-ok', 'for-the-other')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:3 1190`])
    // One for each parcel under the first authorization, and the second attempt for one of them under the next.
    expect(requests.filter((key) => key.endsWith('-1:2:2'))).toEqual([])
  })

  it('asks for none again that was refused for good under its authorization while it waits', async () => {
    const { world, orderId } = await refused({ carrier: { ...slowSecond.carrier, collectedApartMs: 2 * HOUR } }, 3)
    const requests: string[] = []
    let isAway = true
    refuseByKey(world, (authorizationKey, key) => {
      requests.push(key)
      if (isUnder(2, authorizationKey) && key.includes('-2')) return 'card-expired'
      return isAway && isUnder(2, authorizationKey) && key.includes('-1') ? 'issuer-unavailable' : undefined
    })
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await world.run({ forMs: 4 * HOUR })
    expect(failures(world, orderId)).toMatchObject([{ authorization: 1 }, { authorization: 2, code: 'card-expired' }])
    isAway = false
    await world.run({ forMs: 2 * DAY })
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:2 1190`])
    expect(requests).toEqual([...new Set(requests)])
    expect(failures(world, orderId)).toHaveLength(2)
    expect(held(world)).toBe(0)
    expect(await recapture(world, orderId, 'card-ok', 'for-the-second')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
  })
})

describe('a recapture whose card is declined for the moment, while an authorization ends', () => {
  /** The second parcel leaves after its authorization has ended. Staff recaptures the first one six hours before its renewal. */
  async function declined({ times = Infinity, collectedApartMs = 8 * DAY, card = 'card-ok' }) {
    const carrier = { collectedAfterMs: HOUR, collectedApartMs, deliveredAfterMs: HOUR }
    const { world, orderId } = await refused({ carrier }, 2, card)
    await world.run({ forMs: 7 * DAY - 31 * HOUR - 6 * HOUR - 2 * HOUR })
    declineTransiently(world, times, another)
    expect(await recapture(world, orderId, another)).toEqual({ status: 202 })
    await world.run({ forMs: 6 * HOUR + 5 * MINUTE })
    return { world, orderId }
  }
  const another = 'card-refund-pending'
  const renewalsOf = (world: World, orderId: string): unknown[] =>
    eventsOf(world, 'orders', orderId)
      .filter(({ type }) => type === 'order.payment-renewed')
      .map(({ data }) => (data as { authorization: number }).authorization)

  it('leaves the renewal for the other parcel its time', async () => {
    const { world, orderId } = await declined({})
    const [, renewed] = grantedUnder(world, orderId)
    expect(renewalsOf(world, orderId)).toEqual([renewed])
    await world.run({ forMs: 2 * DAY })
    expect(failures(world, orderId)).toHaveLength(2)
    expect(await recapture(world, orderId, 'card-ok')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
  })

  it('is granted after the renewal, under a higher number: the other parcel goes on under it, also when it ends', async () => {
    const { world, orderId } = await declined({ times: 5, collectedApartMs: 15 * DAY })
    await world.run({ forMs: 30 * HOUR })
    const [, renewed, recaptured] = grantedUnder(world, orderId)
    expect(renewalsOf(world, orderId)).toEqual([renewed, recaptured])
    expect(captured(world)).toEqual([`${orderId}:auth:${recaptured} 1190`])
    await world.run({ forMs: 8 * DAY })
    expect(renewalsOf(world, orderId)).toHaveLength(3)
    await expectQuiescence(world, 'completed')
    expect(held(world)).toBe(0)
  })

  it('and whose renewal is refused has the customer asked for another card, until it is granted', async () => {
    const { world, orderId } = await declined({ times: 5, card: 'card-renewal-refused' })
    expect(grantedUnder(world, orderId)).toHaveLength(1)
    expect(await statusOf(world, orderId)).toBe('payment-needed')
    await world.run({ forMs: 30 * HOUR })
    const [, recaptured] = grantedUnder(world, orderId)
    expect(renewalsOf(world, orderId)).toEqual([recaptured])
    expect(await statusOf(world, orderId)).toBe('confirmed')
    // The parcel was held meanwhile, and booked anew.
    await world.run({ forMs: 7 * DAY })
    await expectQuiescence(world, 'completed')
  })
})

describe('a recapture that waits for its next attempt', () => {
  /** The first parcel's capture under the second authorization is refused for the moment, until it is let go. */
  async function waiting(card = 'card-ok', options: WorldOptions = slowSecond) {
    const { world, orderId } = await refused(options, 2)
    let isAway = true
    refuseByKey(world, (authorizationKey, key) =>
      isAway && isUnder(2, authorizationKey) && key.includes('-1') ? 'issuer-unavailable' : undefined,
    )
    expect(await recapture(world, orderId, card)).toEqual({ status: 202 })
    await world.run({ forMs: 30 * MINUTE })
    return { world, orderId, answer: () => void (isAway = false) }
  }

  it('has the capture of the other parcel, which closes the authorization, after its own', async () => {
    const { world, orderId, answer } = await waiting()
    await world.run({ forMs: 3 * HOUR })
    // The other parcel has left, and is not captured yet.
    expect(captured(world)).toEqual([])
    answer()
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:2 1190`])
  })

  it('has it also when the first is refused to the last', async () => {
    const { world, orderId } = await waiting()
    await world.run({ forMs: 2 * DAY })
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
    expect(await statusOf(world, orderId)).toBe('payment-failed')
    expect(await recapture(world, orderId, 'card-ok', 'later')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:3 1190`])
  })

  it.each(['before the next attempt', 'after it'])('releases the rest, which is cancelled %s', async (when) => {
    const late: WorldOptions = { carrier: { ...slowSecond.carrier, collectedApartMs: 3 * DAY } }
    const { world, orderId, answer } = await waiting('card-ok', late)
    answer()
    if (when === 'after it') await world.run({ forMs: 2 * HOUR })
    await world.finish(world.begin(sent(world, 'CancelOrder', { by: 'customer', reason: 'changed-mind' }, 'cancel')))
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`])
    expect(held(world)).toBe(0)
  })

  it('makes each attempt once, also if its message is delivered twice', async () => {
    const { world, orderId, answer } = await waiting()
    answer()
    const hold = world.schedule.hold(to('payments', 'MakeRecapture'))
    await world.run({ forMs: 2 * HOUR, until: () => hold.held().length > 0 })
    const item = theOnly(world, to('payments', 'MakeRecapture'))
    await world.run({ forMs: Math.max(0, item.dueMs - world.schedule.now()) })
    world.schedule.items.push({ ...item })
    hold.release()
    await expectQuiescence(world, 'completed')
    expect(captured(world)).toEqual([`${orderId}:auth:2 1190`, `${orderId}:auth:2 1190`])
  })
})
