/** Several parcels, paid with a card that allows one capture alone: all are captured in one, whatever happens in between. */

import { describe, expect, it } from 'vitest'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { type Selector, to } from '../support/simulation/virtual-schedule.ts'
import { freeSku, sku, unitMinor, type World, type WorldOptions } from '../support/simulation/world.ts'
import { cancelling, HOUR, paying, reach, slowWorld } from './authorizations.testing.ts'
import { inAnyWay } from './interleavings.testing.ts'
import { type Held, killedAtEachStep, KILLS_TIMEOUT_MS } from './killed-at-each-step.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

const card = 'card-captured-once'
const cards = [card, 'card-ok', 'card-declined']
/** Three parcels of a piece each, collected an hour apart and delivered half an hour later. */
const carrier = { collectedAfterMs: HOUR, collectedApartMs: HOUR, deliveredAfterMs: HOUR / 2 }

async function threeParcels(options: WorldOptions = {}): Promise<{ world: World; orderId: string }> {
  const world = await slowWorld({ piecesPerParcel: 1, carrier, cards, ...options })
  const { orderId } = await world.place({ quantity: 3, card })
  return { world, orderId }
}
const captures = ({ provider }: World): string[] =>
  provider.ledger.all().flatMap(({ key, captures: made }) => made.map((one) => `${key} ${one.amountMinor}`))
const paymentsOf = (world: World, orderId: string): string[] =>
  eventsOf(world, 'payments', orderId)
    .map(({ type }) => type)
    .filter((type) => type.startsWith('payment.capture'))
const viewOf = async (world: World, orderId: string): Promise<unknown> =>
  (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()

describe('an order of three parcels', () => {
  it('is captured in one when the last has left, and needs neither staff nor reminders', async () => {
    const { world, orderId } = await threeParcels()
    await world.run({ forMs: 2 * HOUR + MINUTE })
    expect(captures(world)).toEqual([])
    expect(paymentsOf(world, orderId)).toEqual(['payment.capture-deferred', 'payment.capture-deferred'])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${3 * unitMinor}`])
    expect(ordersOf(world)[0]!.types).not.toContain('saga.stuck')
    expect(await viewOf(world, orderId)).toMatchObject({ payment: { capturedMinor: 3 * unitMinor } })
  })

  it('is captured in one although all are collected at one time', async () => {
    const { world, orderId } = await threeParcels({ carrier: { ...carrier, collectedApartMs: 0 } })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${3 * unitMinor}`])
  })

  it('with taxes and a discount pays its total, and its refund is made of that capture', async () => {
    const world = await slowWorld({ piecesPerParcel: 1, carrier, cards, taxClass: 'standard' })
    const { orderId } = await world.place({ quantity: 3, card, discountCode: 'WELCOME-10' })
    await world.run({ forMs: 3 * HOUR + MINUTE })
    const refund = { orderId, refundId: 'r-1', amountMinor: 2 * unitMinor, reason: 'two were broken' }
    expect(await world.submit('RefundPayment', refund, 'r-1')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${ordersOf(world)[0]!.totalMinor}`])
  })

  it('is captured for what has left when the rest is cancelled', async () => {
    const { world, orderId } = await threeParcels()
    await world.run({ forMs: 2 * HOUR + MINUTE })
    cancelling(world)
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${2 * unitMinor}`])
  })

  it.each([['card-ok'], [card]])(
    'of which one is free, and whose one capture is refused, is recaptured with %s: no capture of nothing is requested',
    async (other) => {
      const world = await slowWorld({ piecesPerParcel: 1, carrier, cards, freeStock: 1 })
      const amounts: number[] = []
      refuseCaptures(world, (authorization, _key, { amountMinor, final }) => {
        amounts.push(amountMinor)
        return final && !authorization.endsWith(':auth:2') ? 'card-expired' : undefined
      })
      const lines = [
        { sku, quantity: 2 },
        { sku: freeSku, quantity: 1 },
      ]
      const { orderId } = await world.place({ lines, card })
      await world.run({ forMs: 4 * HOUR })
      expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
      const data = { orderId, paymentMethodRef: world.paymentMethodOf(other)!, reason: 'the customer has another card' }
      expect(await world.submit('RecaptureOrder', data, 'again')).toEqual({ status: 202 })
      await expectQuiescence(world, 'completed')
      expect(amounts).not.toContain(0)
      expect(await viewOf(world, orderId)).toMatchObject({ payment: { capturedMinor: 2 * unitMinor } })
    },
  )

  it('whose one capture is refused is asked for another card once', async () => {
    const { world, orderId } = await threeParcels()
    refuseCaptures(world, (authorization, _key, { final }) =>
      authorization.endsWith(':auth') && final ? 'card-expired' : undefined,
    )
    await world.run({ forMs: 4 * HOUR })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    const paymentMethodRef = world.paymentMethodOf(card)!
    const recapture = { orderId, paymentMethodRef, reason: 'a new card' }
    expect(await world.submit('RecaptureOrder', recapture, 'key-1')).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth:2 ${3 * unitMinor}`])
  })

  it('whose first capture is refused waits for the others once another such card has paid', async () => {
    const world = await slowWorld({ piecesPerParcel: 1, carrier, cards })
    const { orderId } = await world.place({ quantity: 3, card: 'card-ok' })
    refuseCaptures(world, (authorization) => (authorization.endsWith(':auth') ? 'card-expired' : undefined))
    await world.run({ forMs: HOUR + MINUTE })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-failed' })
    const recapture = { orderId, paymentMethodRef: world.paymentMethodOf(card)!, reason: 'a new card' }
    expect(await world.submit('RecaptureOrder', recapture, 'key-1')).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE })
    expect(paymentsOf(world, orderId)).toEqual(['payment.capture-failed', 'payment.capture-deferred'])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
    expect(await world.submit('RecaptureOrder', recapture, 'key-2')).toMatchObject({ code: 'nothing-to-recapture' })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth:2 ${3 * unitMinor}`])
    expect(ordersOf(world)[0]!.types).not.toContain('order.stalled')
  })

  it('whose one capture is transiently refused is captured at a further attempt', async () => {
    const { world, orderId } = await threeParcels()
    let refused = 0
    refuseCaptures(world, (_authorization, _key, { final }) =>
      final && refused++ < 2 ? 'issuer-unavailable' : undefined,
    )
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${3 * unitMinor}`])
  })

  it.each(['lostAnswers', 'unavailable'] as const)('is captured once with %s of the provider', async (fault) => {
    const { world, orderId } = await threeParcels()
    await world.run({ forMs: 3 * HOUR - MINUTE })
    world.provider.faults[fault] = 4
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${3 * unitMinor}`])
  })
})

describe('an authorization that ends before the last parcel leaves', () => {
  const late = { collectedAfterMs: HOUR, collectedApartMs: 10 * DAY, deliveredAfterMs: HOUR }
  const twoParcels = async (given: string): Promise<{ world: World; orderId: string }> => {
    const world = await slowWorld({ piecesPerParcel: 1, carrier: late, cards: [...cards, 'card-renewal-refused'] })
    const { orderId } = await world.place({ quantity: 2, card: given })
    return { world, orderId }
  }

  it('is renewed for both parcels, which are captured in one under the second', async () => {
    const { world, orderId } = await twoParcels(card)
    await world.run({ forMs: 10 * DAY })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth:2 ${2 * unitMinor}`])
  })

  /** As `card-captured-once`, and of one authorization alone. */
  function onceAndNotRenewed(world: World): void {
    refuseCaptures(world, (authorization, _key, { final }) =>
      authorization.endsWith(':auth') && !final ? 'multicapture-unavailable' : undefined,
    )
  }

  it('and is not renewed is captured before its end, and another card pays the rest', async () => {
    const { world, orderId } = await twoParcels('card-renewal-refused')
    onceAndNotRenewed(world)
    await world.run({ forMs: 7 * DAY })
    expect(captures(world)).toEqual([`${orderId}:auth ${unitMinor}`])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-needed' })
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: 21 * DAY })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${unitMinor}`, expect.stringMatching(/:auth:\d 1190$/)])
  })

  it('and is not renewed, with another card at once: each parcel is captured under that one', async () => {
    const { world, orderId } = await twoParcels('card-renewal-refused')
    onceAndNotRenewed(world)
    await world.run({ forMs: 7 * DAY, until: () => ordersOf(world)[0]!.types.includes('order.payment-needed') })
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: HOUR })
    expect(captures(world)).toEqual([`${orderId}:auth:3 ${unitMinor}`])
    await world.run({ forMs: 20 * DAY })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth:3 ${unitMinor}`, `${orderId}:auth:3 ${unitMinor}`])
  })

  it('and is not renewed, with no other card: what has left is paid, and the rest cancelled', async () => {
    const { world, orderId } = await twoParcels('card-renewal-refused')
    onceAndNotRenewed(world)
    await world.run({ forMs: 11 * DAY })
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toEqual([`${orderId}:auth ${unitMinor}`])
    expect(ordersOf(world)[0]!.types).toContain('order.partly-cancelled')
  })
})

/** Of the messages that are due soon: not the one for the end of the authorization. */
const soon =
  (world: World, type: string): Selector =>
  (item) =>
    to('payments', type)(item) && item.dueMs < world.schedule.now() + HOUR

it(
  'the second parcel and the cancellation of the third, in any interleaving: one capture, of what has left',
  { timeout: 120_000 },
  async () => {
    const outcomes = await inAnyWay(
      async () => {
        const { world } = await threeParcels()
        await world.run({ forMs: HOUR + MINUTE })
        const capturing = await reach(world, soon(world, 'CapturePayment'))
        await world.finish(world.begin(cancelling(world)))
        const reducing = await reach(world, soon(world, 'ReduceAuthorization'))
        const items = [...capturing.held(), ...reducing.held()].slice(0, 2)
        capturing.release()
        reducing.release()
        return { world, activities: items.map((item) => world.begin(item)) }
      },
      async (world) => {
        await expectQuiescence(world, 'completed')
        expect(captures(world).map((one) => one.split(' ')[1])).toEqual([String(2 * unitMinor)])
      },
    )
    expect([...outcomes]).toEqual(['completed'])
  },
)

it.each([
  ['the second parcel', 'shipment.dispatched', HOUR + MINUTE],
  ['its deferral', 'CapturePayment', HOUR + MINUTE],
  ['the last parcel', 'CapturePayment', 2 * HOUR + MINUTE],
  ['the cancellation of the rest', 'ReduceAuthorization', HOUR + MINUTE],
])('payments dies at any step of %s (%s): one capture', { timeout: KILLS_TIMEOUT_MS }, async (_of, type, afterMs) => {
  const begin = async (): Promise<Held> => {
    const { world } = await threeParcels()
    await world.run({ forMs: afterMs })
    if (type === 'ReduceAuthorization') cancelling(world)
    return { world, hold: await reach(world, soon(world, type)) }
  }
  await killedAtEachStep(begin, async (world) => {
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toHaveLength(1)
  })
})

it('payments dies at any step of the one capture: it is made once', { timeout: KILLS_TIMEOUT_MS }, async () => {
  const begin = async (): Promise<Held> => {
    const { world, orderId } = await threeParcels()
    const isJoined = (): boolean => eventsOf(world, 'payments', orderId).some(({ type }) => type === 'captures.joined')
    await world.run({ forMs: 4 * HOUR, until: isJoined })
    return { world, hold: await reach(world, soon(world, 'CapturePayment')) }
  }
  await killedAtEachStep(begin, async (world) => {
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toHaveLength(1)
  })
})
