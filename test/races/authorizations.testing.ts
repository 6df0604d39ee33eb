/** Orders whose goods have not left in the last day of their authorization: the carrier collects late. */

import { expect } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Hold, type Item, type Selector } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World, type WorldOptions } from '../support/simulation/world.ts'
import { DAY, MINUTE } from './quiescence.testing.ts'

export const HOUR = 60 * MINUTE
export const WEEK = 7 * DAY
/** In the last day of an authorization. */
export const COLLECTED_AFTER = 6.5 * DAY

export const slowWorld = (options: WorldOptions = {}): Promise<World> =>
  createWorld({
    cards: ['card-ok', 'card-declined', 'card-renewal-refused'],
    carrier: { collectedAfterMs: COLLECTED_AFTER, deliveredAfterMs: HOUR },
    ...options,
  })

export async function ordered(card = 'card-ok', options?: WorldOptions): Promise<World> {
  const world = await slowWorld(options)
  await world.place({ card })
  return world
}

/** Runs until an item is held, and due. */
export async function reach(world: World, selector: Selector, forMs = 3 * WEEK): Promise<Hold> {
  const hold = world.schedule.hold(selector)
  await world.run({ forMs, until: () => hold.held().length > 0 })
  const [item] = hold.held()
  expect(item).toBeDefined()
  // A timer waits for its time.
  await world.run({ forMs: Math.max(0, item!.dueMs - world.schedule.now()) })
  return hold
}

/** An order that lapsed: its customer was asked for another payment method. */
export async function lapsed(options?: WorldOptions): Promise<World> {
  const world = await ordered('card-renewal-refused', options)
  const isLapsed = (): boolean => ordersOf(world)[0]!.types.includes('order.payment-needed')
  await world.run({ forMs: WEEK, until: isLapsed })
  expect(isLapsed()).toBe(true)
  return world
}

export function sent(world: World, type: string, data: object, key: number | string): Item {
  const { orderId } = ordersOf(world)[0]!
  const before = new Set(world.schedule.items)
  const envelope = message(type, { orderId, ...data }, { key, sequence: 0, version: 1 })
  world.bus.send([{ target: 'orders', envelope }])
  return world.schedule.items.find((item) => !before.has(item))!
}

/** The customer's requests, on their way to orders. */
export const paying = (world: World, card = 'card-ok', key: number | string = 1): Item =>
  sent(world, 'PayOrder', { paymentMethodRef: world.paymentMethodOf(card)!, by: 'customer' }, key)
export const cancelling = (world: World): Item =>
  sent(world, 'CancelOrder', { by: 'customer', reason: 'changed-mind' }, 'cancel')

/** The authorizations at the provider: how each ended. */
export const authorizations = ({ provider }: World): string[] =>
  provider.ledger.all().map(({ status, isReleased, captures }) => {
    if (captures.length > 0) return 'captured'
    return isReleased ? 'released' : status
  })
