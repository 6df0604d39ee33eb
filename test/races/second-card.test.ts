/** Another payment method for an order that needs one, against the deadline, the customer's approval and a cancellation. */

import { describe, expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Item, to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { inAnyWay } from './interleavings.testing.ts'
import { expectQuiescence, MINUTE, SECOND, theOnly } from './quiescence.testing.ts'

const timeout = 60_000

async function needed(card = 'card-declined'): Promise<World> {
  const world = await createWorld()
  await world.place({ card })
  await world.run({ forMs: MINUTE })
  return world
}

/** The customer's request, on its way to orders. */
function paying(world: World, card = 'card-ok', key = 1): Item {
  const { orderId } = ordersOf(world)[0]!
  const data = { orderId, paymentMethodRef: world.paymentMethodOf(card)!, by: 'customer' }
  const before = new Set(world.schedule.items)
  world.bus.send([{ target: 'orders', envelope: message('PayOrder', data, { key, sequence: 0 }) }])
  return world.schedule.items.find((item) => !before.has(item))!
}

const act = async (world: World, number: number, outcome = 'authorized'): Promise<number> => {
  const { key } = world.provider.ledger.all()[number - 1]!
  const body = JSON.stringify({ outcome })
  return (await world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body })).status
}
const statuses = (world: World): string[] => world.provider.ledger.all().map(({ status }) => status)

it('a second card completes the order, and only its money is taken', async () => {
  const world = await needed()
  await world.finish(world.begin(paying(world)))
  await expectQuiescence(world, 'completed')
  expect(statuses(world)).toEqual(['declined', 'authorized'])
  expect(world.provider.ledger.all().map(({ key }) => key.split(':auth')[1])).toEqual(['', ':2'])
})

describe('a second card and the deadline', () => {
  const deadline = to('orders', 'ContinueCheckout')
  async function beforeTheDeadline(ms: number): Promise<World> {
    const world = await createWorld()
    await world.place({ card: 'card-declined' })
    await world.run({ forMs: 4 * MINUTE })
    await world.run({ forMs: theOnly(world, deadline).dueMs - ms - world.schedule.now() })
    expect(ordersOf(world)).toMatchObject([{ status: 'pending' }])
    return world
  }

  it('the card first, and its answer after the deadline: the order completes', async () => {
    const world = await beforeTheDeadline(SECOND)
    const authorizing = world.schedule.hold(to('payments', 'AuthorizePayment'))
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: 50 * SECOND })
    authorizing.release()
    await expectQuiescence(world, 'completed')
  })

  it('the card first, and no answer in the minute that it has: no money is held', async () => {
    const world = await beforeTheDeadline(SECOND)
    const authorizing = world.schedule.hold(to('payments', 'AuthorizePayment'))
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: 5 * MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'rejected' }])
    authorizing.release()
    await expectQuiescence(world, 'rejected')
  })

  it('the deadline first: the order has expired, and the card is not charged', async () => {
    const world = await beforeTheDeadline(SECOND)
    const item = paying(world)
    world.schedule.take(item)
    await world.run({ forMs: MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'expired' }])
    item.dueMs = world.schedule.now()
    world.schedule.items.push(item)
    await expectQuiescence(world, 'expired')
    expect(statuses(world)).toEqual(['declined'])
  })

  it('in any interleaving the order completes with it, or expires without a charge', { timeout }, async () => {
    const outcomes = await inAnyWay(
      async () => {
        const world = await beforeTheDeadline(1)
        const card = world.begin(paying(world))
        // The card is decided on by the time of its arrival.
        await world.scheduler.step(card)
        world.schedule.advanceTo(world.schedule.now() + 1)
        return { world, activities: [card, world.begin(theOnly(world, deadline))] }
      },
      (world) => expectQuiescence(world, ['completed', 'expired']),
    )
    expect([...outcomes].toSorted()).toEqual(['completed', 'expired'])
  })
})

describe('a second card and the approval of the first', () => {
  it('the approval first, its webhook on its way: the first card pays, the second is not charged', async () => {
    const world = await needed('card-action-required')
    const webhook = world.schedule.hold(to('gateway', 'authorization.updated'))
    expect(await act(world, 1)).toBe(200)
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: MINUTE })
    webhook.release()
    await expectQuiescence(world, 'completed')
    expect(statuses(world)).toEqual(['authorized'])
  })

  it('the second card first: the first can not be approved any more', async () => {
    const world = await needed('card-action-required')
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: 10 * SECOND })
    expect(await act(world, 1)).toBe(409)
    await expectQuiescence(world, 'completed')
    expect(statuses(world)).toEqual(['voided', 'authorized'])
  })

  it(
    'approved while the second is on its way to payments: in any interleaving money is held once',
    { timeout },
    async () => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await needed('card-action-required')
          const authorizing = world.schedule.hold(to('payments', 'AuthorizePayment'))
          const checking = world.schedule.hold(to('payments', 'CheckAuthorization'))
          await world.finish(world.begin(paying(world)))
          await act(world, 1)
          await world.run({ forMs: SECOND })
          authorizing.release()
          checking.release()
          const items = [to('payments', 'AuthorizePayment'), to('payments', 'CheckAuthorization')]
          return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
        },
        async (world) => {
          await expectQuiescence(world, 'completed')
          expect(statuses(world)).toEqual(['authorized'])
        },
      )
      expect([...outcomes]).toEqual(['completed'])
    },
  )

  it.each(['card-declined', 'card-action-required'])(
    'after %s the second is approved while its answer is on its way: in any interleaving it pays before the deadline',
    { timeout },
    async (first) => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await needed(first)
          const authorizing = world.schedule.hold(to('payments', 'AuthorizePayment'))
          await world.finish(world.begin(paying(world, 'card-action-required')))
          await world.run({ forMs: SECOND })
          authorizing.release()
          const authorize = world.begin(theOnly(world, to('payments', 'AuthorizePayment')))
          while (world.provider.ledger.all().length < 2) await world.scheduler.step(authorize)
          const checking = world.schedule.hold(to('payments', 'CheckAuthorization'))
          expect(await act(world, 2)).toBe(200)
          authorize.paused = true
          await world.run({ forMs: SECOND })
          authorize.paused = false
          checking.release()
          const check = world.begin(theOnly(world, to('payments', 'CheckAuthorization')))
          return { world, activities: [authorize, check] }
        },
        async (world) => {
          // The provider reports it once.
          world.schedule.hold(to('gateway', 'authorization.updated'))
          await world.run({ forMs: 30 * SECOND })
          expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
          await expectQuiescence(world, 'completed')
          expect(statuses(world).at(-1)).toBe('authorized')
        },
      )
      expect([...outcomes]).toEqual(['completed'])
    },
  )

  it('both cards want an action: the page of the second completes the order', async () => {
    const world = await needed('card-action-required')
    const withTheSame = paying(world, 'card-action-required')
    await world.finish(world.begin(withTheSame))
    await world.run({ forMs: 30 * SECOND })
    expect(await act(world, 1)).toBe(409)
    expect(await act(world, 2)).toBe(200)
    await expectQuiescence(world, 'completed')
  })
})

describe('a second card and a cancellation', () => {
  const cancelling = (world: World): Item => {
    const { orderId } = ordersOf(world)[0]!
    const before = new Set(world.schedule.items)
    const data = { orderId, by: 'customer', reason: 'changed-mind' }
    world.bus.send([{ target: 'orders', envelope: message('CancelOrder', data, { sequence: 0 }) }])
    return world.schedule.items.find((item) => !before.has(item))!
  }

  it('in any interleaving the order is cancelled, and no money is held', { timeout }, async () => {
    const outcomes = await inAnyWay(
      async () => {
        const world = await needed()
        return { world, activities: [paying(world), cancelling(world)].map((item) => world.begin(item)) }
      },
      (world) => expectQuiescence(world, 'cancelled'),
    )
    expect([...outcomes]).toEqual(['cancelled'])
  })

  it(
    'the void and the authorization of the second card, in any interleaving: no money is held',
    { timeout },
    async () => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await needed()
          const authorizing = world.schedule.hold(to('payments', 'AuthorizePayment'))
          const voiding = world.schedule.hold(to('payments', 'VoidPayment'))
          await world.finish(world.begin(paying(world)))
          await world.finish(world.begin(cancelling(world)))
          authorizing.release()
          voiding.release()
          const items = [to('payments', 'AuthorizePayment'), to('payments', 'VoidPayment')]
          return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
        },
        (world) => expectQuiescence(world, 'cancelled'),
      )
      expect([...outcomes]).toEqual(['cancelled'])
    },
  )
})
