/** A process that dies at any step of a renewal, a lapse, a hold or their end: the redelivery has the same effect, once. */

import { expect, it } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { type Selector, to } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'
import {
  authorizations,
  cancelling,
  COLLECTED_AFTER,
  HOUR,
  lapsed,
  ordered,
  paying,
  reach,
} from './authorizations.testing.ts'
import { type Held, killedAtEachStep, KILLS_TIMEOUT_MS } from './killed-at-each-step.testing.ts'
import { expectQuiescence, SECOND } from './quiescence.testing.ts'

/** The timer of orders so long before the end of the first authorization. */
const timerBefore = ({ provider }: World, ms: number): Selector => {
  const dueMs = Date.parse(provider.ledger.all()[0]!.expiresAt) - ms
  return (item) => to('orders', 'ContinueCheckout')(item) && item.dueMs === dueMs
}

async function completes(world: World): Promise<void> {
  await world.run({ forMs: 2 * COLLECTED_AFTER })
  await expectQuiescence(world, 'completed')
}

it.each<[string, string, Selector | 'timer']>([
  ['orders', 'ContinueCheckout', 'timer'],
  ['payments', 'RenewAuthorization', to('payments', 'RenewAuthorization')],
  ['payments', 'MakeRenewal', to('payments', 'MakeRenewal')],
  ['payments', 'ReleaseAuthorization', to('payments', 'ReleaseAuthorization')],
  ['shipping', 'order.payment-renewed', to('shipping', 'order.payment-renewed')],
])(
  'of a renewal, in %s, %s: the order has one authorization more',
  { timeout: KILLS_TIMEOUT_MS },
  async (_service, _type, selector) => {
    const begin = async (): Promise<Held> => {
      const world = await ordered()
      await world.run({ forMs: SECOND })
      return { world, hold: await reach(world, selector === 'timer' ? timerBefore(world, 31 * HOUR) : selector) }
    }
    await killedAtEachStep(begin, async (world) => {
      await completes(world)
      expect(authorizations(world)).toEqual(['released', 'captured'])
    })
  },
)

it('of a renewal, in orders, payment.authorized: it is published once', { timeout: KILLS_TIMEOUT_MS }, async () => {
  const begin = async (): Promise<Held> => {
    const world = await ordered()
    await world.run({ forMs: SECOND })
    return { world, hold: await reach(world, to('orders', 'payment.authorized')) }
  }
  await killedAtEachStep(begin, async (world) => {
    await completes(world)
    expect(ordersOf(world)[0]!.types.filter((type) => type === 'order.payment-renewed')).toHaveLength(1)
  })
})

it.each<[string, string, Selector | 'timer']>([
  ['orders', 'payment.lapsed', to('orders', 'payment.lapsed')],
  ['orders', 'ContinueCheckout', 'timer'],
  ['shipping', 'HoldShipments', to('shipping', 'HoldShipments')],
])(
  'of a lapse, in %s, %s: the parcel waits, and leaves once',
  { timeout: KILLS_TIMEOUT_MS },
  async (_service, _type, selector) => {
    const begin = async (): Promise<Held> => {
      const world = await ordered('card-renewal-refused')
      await world.run({ forMs: SECOND })
      return { world, hold: await reach(world, selector === 'timer' ? timerBefore(world, 30 * HOUR) : selector) }
    }
    await killedAtEachStep(begin, async (world) => {
      await world.run({ forMs: 3 * HOUR })
      expect(world.carrier.bookings()).toEqual([])
      await world.finish(world.begin(paying(world)))
      await completes(world)
      const { orderId } = ordersOf(world)[0]!
      expect(eventsOf(world, 'shipping', orderId).filter(({ type }) => type === 'booking.held')).toHaveLength(1)
    })
  },
)

it.each([
  ['orders', 'PayOrder'],
  ['payments', 'RenewAuthorization'],
  ['payments', 'MakeRenewal'],
  ['shipping', 'order.payment-renewed'],
  ['shipping', 'BookCarrier'],
])(
  'of another payment method after a lapse, in %s, %s: its money alone is taken',
  { timeout: KILLS_TIMEOUT_MS },
  async (service, type) => {
    const begin = async (): Promise<Held> => {
      const world = await lapsed()
      await world.run({ forMs: 3 * HOUR })
      const hold = world.schedule.hold(to(service, type))
      paying(world)
      await world.run({ until: () => hold.held().length > 0 })
      return { world, hold }
    }
    await killedAtEachStep(begin, async (world) => {
      await completes(world)
      expect(authorizations(world).filter((end) => end === 'captured')).toHaveLength(1)
    })
  },
)

it(
  'of the end of the wait, in orders, ContinueCheckout: the order is cancelled once',
  { timeout: KILLS_TIMEOUT_MS },
  async () => {
    const begin = async (): Promise<Held> => {
      const world = await lapsed()
      const [needed] = eventsOf(world, 'orders', ordersOf(world)[0]!.orderId).filter(
        ({ type }) => type === 'order.payment-needed',
      )
      const dueMs = Date.parse((needed!.data as { until: string }).until)
      const hold = await reach(world, (item) => to('orders', 'ContinueCheckout')(item) && item.dueMs === dueMs)
      return { world, hold }
    }
    await killedAtEachStep(begin, (world) => expectQuiescence(world, 'cancelled'))
  },
)

it(
  'of a renewal whose order is cancelled, in payments, MakeRenewal: no money is held',
  { timeout: KILLS_TIMEOUT_MS },
  async () => {
    const begin = async (): Promise<Held> => {
      const world = await ordered()
      await world.run({ forMs: SECOND })
      const hold = await reach(world, to('payments', 'MakeRenewal'))
      await world.finish(world.begin(cancelling(world)))
      return { world, hold }
    }
    await killedAtEachStep(begin, (world) => expectQuiescence(world, 'cancelled'))
  },
)
