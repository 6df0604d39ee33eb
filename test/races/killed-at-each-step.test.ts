/** A process that dies at any step of what cancels, delivers, refunds, recaptures, pays with another card or inquires: the redelivery has the same effect, once. */

import { expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { type OrderFacts, ordersOf } from '../support/simulation/always-true.ts'
import { type Selector, to } from '../support/simulation/virtual-schedule.ts'
import { type Held, killedAtEachStep, KILLS_TIMEOUT_MS } from './killed-at-each-step.testing.ts'
import { createWorld, type OrderRequest, type World, type WorldOptions } from '../support/simulation/world.ts'
import { type Arrival, expectPartPaid, partlyCancelled } from './partly-cancelled.testing.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const cancel = (world: World, orderId: string): void =>
  world.bus.send([
    { target: 'orders', envelope: message('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }) },
  ])

/** An order that is cancelled after its release, while its parcel is not booked; its messages up to this one are handled. */
async function cancelled(selector: Selector): Promise<Held> {
  const world = await createWorld()
  world.carrier.faults.unavailable = 1
  const booking = world.schedule.hold(to('shipping', 'BookCarrier'))
  const { orderId } = await world.place()
  await world.run({ forMs: MINUTE })
  const hold = world.schedule.hold(selector)
  cancel(world, orderId)
  await world.run({ forMs: MINUTE })
  booking.release()
  return { world, hold }
}

it.each([
  ['orders', 'CancelOrder'],
  ['shipping', 'CancelShipments'],
  ['orders', 'shipment.cancel-decided'],
  ['payments', 'VoidPayment'],
  ['payments', 'VoidAuthorization'],
  ['inventory', 'ReleaseStock'],
])('%s, in %s: the parcel leaves or the order is cancelled', { timeout: KILLS_TIMEOUT_MS }, async (service, type) => {
  const selector = to(service, type)
  await killedAtEachStep(
    () => cancelled(selector),
    (world) => expectQuiescence(world, ['cancelled', 'completed']),
  )
})

/** The carrier collects a parcel and delivers it, or brings it back; the messages of that up to this one are handled. */
async function carried(
  selector: Selector,
  request: OrderRequest,
  options: WorldOptions,
  unavailable = 0,
): Promise<Held> {
  const world = await createWorld(options)
  Object.assign(world.carrier.faults, { unavailable })
  const hold = world.schedule.hold(selector)
  await world.place(request)
  await world.run({ forMs: 3 * DAY, until: () => hold.held().length > 0 })
  return { world, hold }
}

const webhook: Selector = ({ kind, type }) => kind === 'webhook' && type === 'booking.updated'
it.each<[string, Selector, unavailable?: number]>([
  ['shipping, order.released', to('shipping', 'order.released')],
  ['shipping, order.released of which the carrier is silent', to('shipping', 'order.released'), 1],
  ['shipping, BookCarrier', to('shipping', 'BookCarrier'), 1],
  ['the gateway, the webhook', webhook],
  ['shipping, CheckShipments', to('shipping', 'CheckShipments')],
  ['payments, shipment.dispatched', to('payments', 'shipment.dispatched')],
  ['inventory, shipment.dispatched', to('inventory', 'shipment.dispatched')],
  ['orders, shipment.dispatched', to('orders', 'shipment.dispatched')],
  ['orders, shipment.delivered', to('orders', 'shipment.delivered')],
])(
  'of a delivery, in %s: each of its facts is recorded once',
  { timeout: KILLS_TIMEOUT_MS },
  async (_name, selector, unavailable) => {
    const carrier = { collectedAfterMs: MINUTE, deliveredAfterMs: MINUTE }
    await killedAtEachStep(
      () => carried(selector, {}, { carrier }, unavailable),
      (world) => expectQuiescence(world, 'completed'),
    )
  },
)

it.each<[string, Selector]>([
  ['shipping, CheckShipments', to('shipping', 'CheckShipments')],
  ['orders, shipment.failed', to('orders', 'shipment.failed')],
])('of a return, in %s: the order stalls once', { timeout: KILLS_TIMEOUT_MS }, async (_name, selector) => {
  await killedAtEachStep(
    () => carried(selector, { address: 'returned' }, {}),
    async (world) => {
      await world.run({ forMs: 4 * DAY })
      const [{ status, types }] = ordersOf(world) as [OrderFacts]
      expect([status, types.filter((type) => type === 'order.stalled')]).toEqual(['confirmed', ['order.stalled']])
    },
  )
})

it(
  'of the promised time, in orders, ContinueCheckout: it is reported once',
  { timeout: KILLS_TIMEOUT_MS },
  async () => {
    const reach = async (): Promise<Held> => {
      const world = await createWorld({ carrier: { collectedAfterMs: MINUTE, deliveredAfterMs: 3 * DAY } })
      await world.place()
      await world.run({ forMs: DAY + 60 * MINUTE })
      const hold = world.schedule.hold(to('orders', 'ContinueCheckout'))
      await world.run({ forMs: DAY })
      return { world, hold }
    }
    await killedAtEachStep(reach, async (world) => {
      await expectQuiescence(world, 'completed')
      const [{ types }] = ordersOf(world) as [OrderFacts]
      expect(types.filter((type) => type === 'order.delayed')).toHaveLength(1)
    })
  },
)

it.each<[Arrival]>([['reduce'], ['release'], ['capture'], ['commit']])(
  'of a cancelled part, in %s: the other part is paid and sold once',
  { timeout: KILLS_TIMEOUT_MS },
  async (arrival) => {
    const reach = async (): Promise<Held> => {
      const { world, holds } = await partlyCancelled([arrival])
      return { world, hold: holds.get(arrival)! }
    }
    await killedAtEachStep(reach, async (world) => {
      await world.run({ forMs: DAY })
      expectPartPaid(world)
    })
  },
)

it.each([['RefundPayment'], ['IssueRefund']])(
  'of a refund, in %s: it is refunded once',
  { timeout: KILLS_TIMEOUT_MS },
  async (type) => {
    const reach = async (): Promise<Held> => {
      const world = await createWorld()
      const { orderId } = await world.place()
      await world.run({ forMs: MINUTE })
      const hold = world.schedule.hold(to('payments', type))
      await world.submit('RefundPayment', { orderId, refundId: 'r-1', amountMinor: 1000, reason: 'broken' }, 'r')
      await world.run({ forMs: MINUTE })
      return { world, hold }
    }
    await killedAtEachStep(reach, async (world) => {
      await expectQuiescence(world, 'completed')
      expect(world.provider.ledger.all().map(({ refundedMinor }) => refundedMinor)).toEqual([1000])
    })
  },
)

it.each([
  ['orders', 'RecaptureOrder'],
  ['payments', 'RecapturePayment'],
  ['payments', 'MakeRecapture'],
])('of a recapture, in %s, %s: the money is taken once', { timeout: KILLS_TIMEOUT_MS }, async (service, type) => {
  const reach = async (): Promise<Held> => {
    const world = await createWorld()
    const { orderId } = await world.place({ card: 'card-capture-refused' })
    await world.run({ forMs: MINUTE })
    const hold = world.schedule.hold(to(service, type))
    const paymentMethodRef = world.paymentMethodOf('card-ok')!
    await world.submit('RecaptureOrder', { orderId, paymentMethodRef, reason: 'a new card' }, 'key-1')
    await world.run({ forMs: MINUTE })
    return { world, hold }
  }
  await killedAtEachStep(reach, async (world) => {
    await expectQuiescence(world, 'completed')
    const kinds = world.provider.ledger.postings().map(({ kind }) => kind)
    expect(kinds).toEqual(['authorize', 'release', 'authorize', 'capture'])
    expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
    const requested = world.platform('orders').published.filter(({ type: one }) => one === 'recapture.requested')
    expect(new Set(requested.map(({ id }) => id)).size).toBe(1)
  })
})

it.each([
  ['orders', 'payment.declined'],
  ['orders', 'PayOrder'],
  ['payments', 'AuthorizePayment'],
  ['orders', 'payment.authorized'],
])('of a second card, in %s: %s: it pays once', { timeout: KILLS_TIMEOUT_MS }, async (service, type) => {
  const reach = async (): Promise<Held> => {
    const world = await createWorld()
    const isFirst = type === 'payment.declined'
    const early = world.schedule.hold(to(service, isFirst ? type : 'nothing'))
    const { orderId } = await world.place({ card: 'card-declined' })
    await world.run({ forMs: 30 * SECOND })
    const hold = isFirst ? early : world.schedule.hold(to(service, type))
    const paymentMethodRef = world.paymentMethodOf('card-ok')!
    const pay = { orderId, paymentMethodRef, by: 'customer' }
    const send = async (): Promise<boolean> => {
      world.bus.send([{ target: 'orders', envelope: message('PayOrder', pay, { sequence: 0 }) }])
      return true
    }
    world.schedule.add({
      kind: 'timer',
      to: 'customer',
      type: 'pays',
      dueMs: world.schedule.now() + 2 * MINUTE,
      handle: send,
    })
    if (!isFirst) await world.run({ forMs: 3 * MINUTE })
    return { world, hold }
  }
  await killedAtEachStep(reach, async (world) => {
    await expectQuiescence(world, 'completed')
    expect(world.provider.ledger.postings().map(({ kind }) => kind)).toEqual(['authorize', 'capture'])
  })
})

it.each([
  ['orders', 'ContinueCheckout'],
  ['payments', 'FindAuthorization'],
  ['payments', 'RepublishEvents'],
])(
  'of the inquiry at the deadline, in %s: %s: the approved payment confirms the order',
  { timeout: KILLS_TIMEOUT_MS },
  async (service, type) => {
    const reach = async (): Promise<Held> => {
      const world = await createWorld()
      await world.place({ card: 'card-action-required' })
      await world.run({ forMs: 4 * MINUTE })
      // Its webhook is lost.
      world.schedule.hold(to('gateway', 'authorization.updated'))
      const { key } = world.provider.ledger.all()[0]!
      await world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
      const hold = world.schedule.hold(to(service, type))
      await world.run({ forMs: 1.5 * MINUTE })
      return { world, hold }
    }
    await killedAtEachStep(reach, (world) => expectQuiescence(world, 'completed'))
  },
)
