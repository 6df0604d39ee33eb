/** A parcel that the carrier refuses for its address: the correction and the cancellation in both orders of arrival, and each message late or twice. */

import { expect, it } from 'vitest'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import type { Activity } from '../support/simulation/scheduler.ts'
import { type Item, to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const viewOf = async (world: World, orderId: string): Promise<unknown> =>
  (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()
const typesOf = (world: World, service: string): string[] => world.platform(service).published.map(({ type }) => type)

/** The carrier has refused the only parcel. */
async function refused(): Promise<{ world: World; orderId: string }> {
  const world = await createWorld()
  const { orderId } = await world.place({ address: 'unknown' })
  await world.run({ forMs: MINUTE })
  return { world, orderId }
}
/** The address that the carrier does not know. */
const placedTo = (world: World): string =>
  (world.platform('orders').published.find(({ type }) => type === 'order.placed')!.data as { addressRef: string })
    .addressRef
const correct = (world: World, orderId: string, addressRef = world.addressRef, key = 'key-1') =>
  world.submit('CorrectAddress', { orderId, addressRef }, key)
const cancel = (world: World, orderId: string): void =>
  world.bus.send([
    { target: 'orders', envelope: message('CancelOrder', { orderId, by: 'customer', reason: 'not-deliverable' }) },
  ])

it('is shown to the customer, who names another: the parcel leaves once, and nothing was taken before', async () => {
  const { world, orderId } = await refused()
  const parcel = { shipmentId: `s-${orderId}-1`, status: 'refused', code: 'address-unknown' }
  expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed', shipments: [parcel] })
  expect(typesOf(world, 'payments')).toEqual(['payment.authorized'])
  expect(await correct(world, orderId)).toEqual({ status: 202 })
  await expectQuiescence(world, 'completed')
  expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'delivered' }] })
  expect(world.carrier.bookings()).toMatchObject([{ to: { city: 'Berlin', country: 'DE' } }])
})

it('may be corrected to another that is refused as well, and then once more', async () => {
  const { world, orderId } = await refused()
  expect(await correct(world, orderId, placedTo(world), 'again')).toEqual({ status: 202 })
  await world.run({ forMs: MINUTE })
  expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'refused' }] })
  expect(await correct(world, orderId)).toEqual({ status: 202 })
  await expectQuiescence(world, 'completed')
  expect(world.carrier.bookings().map(({ key }) => key)).toEqual([`s-${orderId}-1:3`])
})

it('is corrected ten times, and then cancelled', async () => {
  const { world, orderId } = await refused()
  for (let time = 1; time <= 10; time++) {
    expect(await correct(world, orderId, placedTo(world), `k-${time}`)).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE })
  }
  expect(await correct(world, orderId, world.addressRef, 'k-11')).toMatchObject({
    status: 409,
    code: 'too-many-corrections',
  })
  expect(world.carrier.bookings()).toEqual([])
  cancel(world, orderId)
  await expectQuiescence(world, 'cancelled')
})

it('is not corrected to one of another customer, nor when nothing was refused', async () => {
  const { world, orderId } = await refused()
  expect(await correct(world, orderId, 'a-unknown', 'k-1')).toMatchObject({ status: 422, code: 'unknown-reference' })
  expect(await correct(world, orderId)).toEqual({ status: 202 })
  await expectQuiescence(world, 'completed')
  expect(await correct(world, orderId, world.addressRef, 'k-2')).toMatchObject({
    status: 409,
    code: 'nothing-to-correct',
  })
})

it('of an order that is cancelled instead: nothing is charged, and its stock is back', async () => {
  const { world, orderId } = await refused()
  cancel(world, orderId)
  await expectQuiescence(world, 'cancelled')
  expect(await correct(world, orderId)).toMatchObject({ status: 409, code: 'nothing-to-correct' })
})

it('that is cancelled before orders knows of the refusal ends cancelled', async () => {
  const world = await createWorld()
  const report = world.schedule.hold(to('orders', 'shipment.failed'))
  const { orderId } = await world.place({ address: 'unknown' })
  await world.run({ forMs: MINUTE })
  cancel(world, orderId)
  await world.run({ forMs: MINUTE })
  report.release()
  await expectQuiescence(world, 'cancelled')
})

it.each([
  ['the correction, then the cancellation', ['ChangeAddress', 'CancelShipments'], ['completed', 'cancelled']],
  ['the cancellation, then the correction', ['CancelShipments', 'ChangeAddress'], ['cancelled']],
] as const)('%s reach shipping: the order ends once', async (_name, order, ends) => {
  const { world, orderId } = await refused()
  const holds = new Map(order.map((type) => [type, world.schedule.hold(to('shipping', type))]))
  const booking = world.schedule.hold(to('shipping', 'BookCarrier'))
  await correct(world, orderId)
  await world.run({ forMs: SECOND })
  cancel(world, orderId)
  await world.run({ forMs: SECOND })
  for (const type of order) {
    expect(holds.get(type)!.held()).toHaveLength(1)
    holds.get(type)!.release()
    await world.run({ forMs: SECOND })
  }
  booking.release()
  await expectQuiescence(world, [...ends])
})

it('a second booking that leaves before the cancellation is asked is not cancelled', async () => {
  const { world, orderId } = await refused()
  await correct(world, orderId)
  const asking = world.schedule.hold(to('shipping', 'CancelShipments'))
  const dispatched = world.schedule.hold(to('orders', 'shipment.dispatched'))
  await world.run({ forMs: SECOND })
  cancel(world, orderId)
  await world.run({ forMs: SECOND })
  asking.release()
  await world.run({ forMs: SECOND })
  dispatched.release()
  await expectQuiescence(world, 'completed')
  expect(typesOf(world, 'orders')).toContain('order.cancel-refused')
})

it('a report of the first refusal that arrives again after the second one, or after the dispatch, changes nothing', async () => {
  const { world, orderId } = await refused()
  const first = world.platform('shipping').published.find(({ type }) => type === 'shipment.failed')!
  await correct(world, orderId)
  await world.run({ forMs: MINUTE })
  world.bus.publish([first])
  await expectQuiescence(world, 'completed')
  expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'delivered' }] })
})

const ofSecond = ({ envelope }: Item): boolean =>
  (envelope?.data as { shipmentId?: string } | undefined)?.shipmentId?.endsWith('-2') === true

/** The carrier has refused both parcels, and orders does not know of the second one. */
async function bothRefused() {
  const carrier = { collectedAfterMs: DAY, deliveredAfterMs: MINUTE }
  const world = await createWorld({ carrier, piecesPerParcel: 1 })
  const late = world.schedule.hold((item) => to('orders', 'shipment.failed')(item) && ofSecond(item))
  const { orderId } = await world.place({ address: 'unknown', quantity: 2 })
  await world.run({ forMs: MINUTE })
  expect(late.held()).toHaveLength(1)
  return { world, orderId, late }
}

it.each(['before the correction reaches shipping', 'after it has reached shipping', 'after both have left'])(
  'a refusal of another parcel that reaches orders after the correction, %s, asks for no further address',
  async (when) => {
    const { world, orderId, late } = await bothRefused()
    const changing = world.schedule.hold(to('shipping', 'ChangeAddress'))
    expect(await correct(world, orderId)).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE })
    if (when !== 'before the correction reaches shipping') changing.release()
    await world.run({ forMs: when === 'after both have left' ? DAY : MINUTE })
    late.release()
    await world.run({ forMs: MINUTE })
    expect(await correct(world, orderId, placedTo(world), 'again')).toMatchObject({
      status: 409,
      code: 'nothing-to-correct',
    })
    changing.release()
    await expectQuiescence(world, 'completed')
    expect(sentTo(world)).toEqual([
      [`s-${orderId}-1:2`, undefined],
      [`s-${orderId}-2:2`, undefined],
    ])
  },
)

it('a second correction that reaches shipping before the first: the parcels go to the address of the second', async () => {
  const { world, orderId, late } = await bothRefused()
  const changing = world.schedule.hold(to('shipping', 'ChangeAddress'))
  expect(await correct(world, orderId, placedTo(world), 'first')).toEqual({ status: 202 })
  await world.run({ forMs: MINUTE })
  // By an earlier revision of shipping: it does not say to which address the booking was.
  const [report] = late.held()
  const { correction: _none, ...data } = report!.envelope!.data as { readonly correction?: number }
  late.release()
  world.schedule.take(report!)
  world.bus.publish([{ ...report!.envelope!, version: 1, data }])
  await world.run({ forMs: MINUTE })
  expect(await correct(world, orderId, world.addressRef, 'second')).toEqual({ status: 202 })
  await world.run({ forMs: MINUTE })
  const [first, second] = changing.held()
  await world.finish(world.begin(second!))
  await world.finish(world.begin(first!))
  changing.release()
  await expectQuiescence(world, 'completed')
  expect(sentTo(world)).toEqual([
    [`s-${orderId}-1:2`, undefined],
    [`s-${orderId}-2:2`, undefined],
  ])
})

it.each(['lostAnswers', 'unavailable'] as const)(
  'is corrected once with a timeout of the carrier (%s)',
  async (fault) => {
    const { world, orderId } = await refused()
    world.carrier.faults[fault] = 3
    await correct(world, orderId)
    await expectQuiescence(world, 'completed')
    expect(world.carrier.bookings()).toHaveLength(1)
  },
)

/**
 * Two instances have one delivery of the booking, which the carrier refuses to the one and takes from the other: its rules may
 * have changed in between. The one whose answer is recorded first decides.
 */
async function bookedTwice(first: 'refused' | 'taken'): Promise<{ world: World; orderId: string }> {
  const carrier = { collectedAfterMs: 2 * 60 * MINUTE, deliveredAfterMs: MINUTE }
  const world = await createWorld({ carrier })
  const { app } = world.carrier.partner
  const request = app.request.bind(app)
  let bookings = 0
  Object.assign(app, {
    async request(...given: Parameters<typeof request>) {
      const isRefused = given[0] === '/v1/bookings' && ++bookings === 1
      return isRefused
        ? Response.json({ code: 'not-serviceable', message: 'Not today.' }, { status: 422 })
        : request(...given)
    },
  })
  const booking = world.schedule.hold(to('shipping', 'order.released'))
  const { orderId } = await world.place()
  await world.run({ forMs: SECOND })
  const [item] = booking.held()
  const again = world.schedule.add({ ...item! })
  const [refusing, taking] = [world.begin(item!), world.begin(again)]
  booking.release()
  for (const one of [refusing, taking])
    while (!one.waiting.some(({ what }) => what === 'answer /v1/bookings')) await world.scheduler.step(one)
  for (const one of first === 'refused' ? [refusing, taking] : [taking, refusing]) await world.finish(one)
  return { world, orderId }
}

it('a booking that the carrier refuses, and takes when a second instance asks: it is cancelled within the hour', async () => {
  const { world, orderId } = await bookedTwice('refused')
  expect(world.carrier.bookings()).toHaveLength(1)
  await world.run({ forMs: 60 * MINUTE + SECOND })
  expect(world.carrier.bookings()).toEqual([])
  expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'refused' }] })
  cancel(world, orderId)
  await expectQuiescence(world, 'cancelled')
})

it('and whose address is corrected meanwhile: one parcel leaves', async () => {
  const { world, orderId } = await bookedTwice('refused')
  await world.run({ forMs: SECOND })
  expect(await correct(world, orderId)).toEqual({ status: 202 })
  await expectQuiescence(world, 'completed')
  expect(world.carrier.bookings().map(({ key }) => key)).toEqual([`s-${orderId}-1:2`])
})

it('a booking that the carrier takes, and refuses to a second instance: the parcel leaves', async () => {
  const { world, orderId } = await bookedTwice('taken')
  await expectQuiescence(world, 'completed')
  expect(world.carrier.bookings().map(({ key }) => key)).toEqual([`s-${orderId}-1`])
  expect(typesOf(world, 'shipping')).not.toContain('shipment.failed')
})

/**
 * An order of two parcels to an address from which parcels come back: the carrier refuses the first, and the booking of the second
 * is in flight: the carrier has it, and shipping has not recorded the answer.
 */
async function oneInFlight(collectedAfterMs = 10 * MINUTE) {
  const carrier = { collectedAfterMs, deliveredAfterMs: MINUTE }
  const world = await createWorld({ carrier, piecesPerParcel: 1 })
  const { app } = world.carrier.partner
  const request = app.request.bind(app)
  let isRefused = false
  Object.assign(app, {
    async request(...given: Parameters<typeof request>) {
      const isFirst = given[0] === '/v1/bookings' && !isRefused && String(given[1]?.body).includes('-1"')
      if (!isFirst) return request(...given)
      isRefused = true
      return Response.json({ code: 'not-serviceable', message: 'Not today.' }, { status: 422 })
    },
  })
  const hold = world.schedule.hold((item) => to('shipping', 'BookCarrier')(item) && ofSecond(item))
  const { orderId } = await world.place({ address: 'returned', quantity: 2 })
  await world.run({ forMs: SECOND })
  expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'refused' }] })
  const item = hold.held()[0]!
  const booking = world.begin(item)
  await stepTo(world, booking, 'commit')
  expect(world.carrier.bookings().map(({ key }) => key)).toEqual([`s-${orderId}-2`])
  const changing = world.schedule.hold(to('shipping', 'ChangeAddress'))
  expect(await correct(world, orderId)).toEqual({ status: 202 })
  await world.run({ forMs: SECOND, until: () => changing.held().length > 0 })
  const release = (): void => [hold, changing].forEach((one) => one.release())
  return { world, orderId, item, booking, changing, release }
}
async function stepTo(world: World, activity: Activity, what: string): Promise<void> {
  while (!activity.waiting.some((one) => one.what === what)) await world.scheduler.step(activity)
}
const sentTo = (world: World): [key: string, postcode: string | undefined][] =>
  world.carrier.bookings().map(({ key, to: { postcode } }) => [key, postcode])

it.each(['the correction, then the booking', 'the booking, then the correction'])(
  'a correction beside a booking in flight (%s is recorded): both parcels go to the new address',
  async (order) => {
    const { world, orderId, booking, changing, release } = await oneInFlight()
    const change = world.begin(changing.held()[0]!)
    // Each has asked the carrier before the other one is recorded.
    await stepTo(world, change, 'commit')
    for (const one of order.startsWith('the correction') ? [change, booking] : [booking, change])
      await world.finish(one)
    release()
    await expectQuiescence(world, 'completed')
    expect(sentTo(world)).toEqual([
      [`s-${orderId}-1:2`, undefined],
      [`s-${orderId}-2:2`, undefined],
    ])
    // A carrier may keep a booking that it was asked to give back.
    const questions = world
      .platform('shipping')
      .sent.filter(({ envelope }) => (envelope.data as { bookingKey?: string }).bookingKey === `s-${orderId}-2`)
      .flatMap(({ notBeforeMs }) => notBeforeMs ?? [])
    expect(new Set(questions).size).toBe(3)
  },
)

it('a correction that comes when no parcel is refused any more is carried out as well: orders has recorded it', async () => {
  const { world, orderId, release } = await oneInFlight(DAY)
  release()
  await world.run({ forMs: MINUTE })
  const data = { orderId, addressRef: placedTo(world), correction: 2 }
  world.bus.send([{ target: 'shipping', envelope: world.commandTo('shipping', 'ChangeAddress', data) }])
  await world.run({ forMs: MINUTE })
  expect(new Map(sentTo(world))).toEqual(
    new Map([
      [`s-${orderId}-1:3`, '99999'],
      [`s-${orderId}-2:3`, '99999'],
    ]),
  )
})

it.each(['whose instance is killed', 'whose answer is lost'])(
  'a correction beside a booking %s: it is made again under a key of its own',
  async (how) => {
    const { world, orderId, item, booking, changing, release } = await oneInFlight()
    const change = world.begin(changing.held()[0]!)
    world.scheduler.kill(booking)
    if (how === 'whose instance is killed') await world.finish(change)
    world.schedule.items.push(item)
    release()
    if (how === 'whose answer is lost') await world.finish(change)
    await expectQuiescence(world, 'completed')
    expect(sentTo(world)).toEqual([
      [`s-${orderId}-1:2`, undefined],
      [`s-${orderId}-2:2`, undefined],
    ])
  },
)

it('a parcel that was collected, unknown to shipping, leaves once, to the former address', async () => {
  const { world, orderId, booking, changing, release } = await oneInFlight(SECOND)
  world.scheduler.kill(booking)
  const webhooks = world.schedule.hold(to('shipping', 'CheckShipments'))
  await world.run({ forMs: 5 * SECOND })
  await world.finish(world.begin(changing.held()[0]!))
  expect(typesOf(world, 'shipping')).toContain('shipment.dispatched')
  release()
  webhooks.release()
  await world.run({ forMs: DAY })
  expect(sentTo(world)).toEqual([
    [`s-${orderId}-2`, '99999'],
    [`s-${orderId}-1:2`, undefined],
  ])
  expect(typesOf(world, 'shipping').filter((type) => type === 'shipment.dispatched')).toHaveLength(2)
})

it('a refused address that no one corrects is reported to staff', async () => {
  const { world } = await refused()
  await world.run({ forMs: 3 * 24 * 60 * MINUTE })
  expect(world.platform('orders').published.find(({ type }) => type === 'saga.stuck')?.data).toMatchObject({
    step: 'fulfilment: refused address',
  })
  expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
})
