/** The bank's page is open for a renewal, and meanwhile no capture needs it any more: collected, cancelled, or recaptured. */

import { expect, it } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { createWorld, type World, type WorldOptions } from '../support/simulation/world.ts'
import { cancelling, HOUR, paying } from './authorizations.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

const cards = ['card-ok', 'card-declined', 'card-renewal-refused', 'card-action-required']

/** The order has lapsed, and the customer has given a card for which they have to act on the page of authorization 3. */
async function acting(options: WorldOptions, quantity: number, afterMs: number): Promise<World> {
  const world = await createWorld({ cards, piecesPerParcel: 1, ...options })
  await world.place({ card: 'card-renewal-refused', quantity })
  await world.run({ forMs: 10 * DAY, until: () => ordersOf(world)[0]!.types.includes('order.payment-needed') })
  await world.run({ forMs: afterMs })
  await world.finish(world.begin(paying(world, 'card-action-required')))
  return world
}

const orderIdIn = (world: World): string => ordersOf(world)[0]!.orderId
const approve = async (world: World): Promise<number> => {
  const page = `/actions/action-${orderIdIn(world)}:auth:3`
  const body = JSON.stringify({ outcome: 'authorized' })
  return (await world.provider.partner.app.request(page, { method: 'POST', body })).status
}
const granted = (world: World): unknown[] =>
  eventsOf(world, 'payments', orderIdIn(world)).flatMap(({ type, data }) =>
    type === 'payment.authorized' ? [(data as { authorization: number }).authorization] : [],
  )
const capturedKeys = (world: World): string[] =>
  world.provider.ledger.all().flatMap(({ key, captures }) => captures.map(() => key.slice(key.indexOf(':'))))

const collectedMeanwhile: WorldOptions = {
  piecesPerParcel: 10,
  carrier: { collectedAfterMs: 137.5 * HOUR, deliveredAfterMs: HOUR },
}

it('the parcel is collected and captured in full: what the customer approves later is not held', async () => {
  const world = await acting(collectedMeanwhile, 1, 0)
  await world.run({ forMs: 45 * MINUTE })
  expect(capturedKeys(world)).toEqual([':auth'])
  expect(await approve(world)).toBe(409)
  await expectQuiescence(world, 'completed')
  expect(granted(world)).toEqual([1])
})

it('the customer approves while the capture is on its way: it is made once, and nothing else is held', async () => {
  const world = await acting(collectedMeanwhile, 1, 0)
  const captures = world.schedule.hold(({ to, type }) => to === 'payments' && type === 'shipment.dispatched')
  await world.run({ forMs: 45 * MINUTE })
  expect(await approve(world)).toBe(200)
  await world.run({ forMs: MINUTE })
  captures.release()
  await expectQuiescence(world, 'completed')
  expect(capturedKeys(world)).toHaveLength(1)
})

it.each([
  ['later', true, 409],
  ['before payments knows of it', false, 200],
] as const)('the rest is cancelled: what the customer approves %s is not held', async (_name, isEndedFirst, answer) => {
  const carrier = { collectedAfterMs: HOUR, collectedApartMs: 20 * DAY, deliveredAfterMs: HOUR }
  const world = await acting({ carrier }, 2, 2 * HOUR)
  await world.run({ forMs: 45 * MINUTE })
  const reductions = world.schedule.hold(({ type }) => type === (isEndedFirst ? '' : 'MakeRenewal'))
  cancelling(world)
  await world.run({ forMs: HOUR })
  expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
  expect(await approve(world)).toBe(answer)
  await world.run({ forMs: HOUR })
  reductions.release()
  await expectQuiescence(world, 'completed')
  expect(granted(world)).toEqual([1])
})

/** The capture of the first parcel is refused; staff recaptures it with another card, under authorization 4. */
async function recaptured(): Promise<World> {
  const carrier = { collectedAfterMs: HOUR, collectedApartMs: 8 * DAY, deliveredAfterMs: HOUR }
  const world = await createWorld({ cards, piecesPerParcel: 1, carrier })
  let isRefusing = true
  refuseCaptures(world, () => (isRefusing ? 'card-expired' : undefined))
  const { orderId } = await world.place({ quantity: 2, card: 'card-renewal-refused' })
  await world.run({ forMs: 6 * DAY })
  await world.finish(world.begin(paying(world, 'card-action-required')))
  await world.run({ forMs: MINUTE })
  isRefusing = false
  const paymentMethodRef = world.paymentMethodOf('card-ok')!
  await world.submit('RecaptureOrder', { orderId, paymentMethodRef, reason: 'new card' }, 'recapture')
  return world
}

it('staff recaptures with another card: the order goes on under it, whatever the customer approves later', async () => {
  const world = await recaptured()
  await world.run({ forMs: MINUTE })
  expect(await approve(world)).toBe(409)
  await world.run({ forMs: 12 * DAY })
  await expectQuiescence(world, 'completed')
  expect(granted(world)).not.toContain(3)
})

it('the customer approves before the recapture has ended the renewal: it is not held', async () => {
  const world = await recaptured()
  const ends = world.schedule.hold(({ type, dueMs }) => type === 'MakeRenewal' && dueMs < world.schedule.now() + HOUR)
  await world.run({ forMs: MINUTE })
  expect(await approve(world)).toBe(200)
  await world.run({ forMs: HOUR })
  ends.release()
  await world.run({ forMs: 12 * DAY })
  await expectQuiescence(world, 'completed')
  expect(granted(world)).not.toContain(3)
})

it('the customer approves before the recapture: it goes on under the card of the recapture', async () => {
  const world = await recaptured()
  const recaptures = world.schedule.hold(({ type }) => type === 'MakeRecapture')
  await world.run({ forMs: MINUTE })
  expect(await approve(world)).toBe(200)
  await world.run({ forMs: HOUR })
  recaptures.release()
  await world.run({ forMs: 12 * DAY })
  await expectQuiescence(world, 'completed')
  expect(granted(world)).toEqual(expect.arrayContaining([1, 3, 4]))
})
