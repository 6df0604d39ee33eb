/** Orders with nothing to pay, and orders with taxes and a discount: the same money in any order of arrival. */

import { describe, expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectAlwaysTrue, ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, sentTypes } from './quiescence.testing.ts'

const waived = to('payments', 'order.payment-not-required')
const dispatched = to('payments', 'shipment.dispatched')
const typesOf = (world: World, service: string, orderId: string): string[] =>
  eventsOf(world, service, orderId).map(({ type }) => type)

describe('an order with nothing to pay', () => {
  it('is completed without an authorization: its checkout names the step that it does not need', async () => {
    const world = await createWorld()
    const { orderId } = await world.place({ discountCode: 'GIFT' })
    await expectQuiescence(world, 'completed')
    expect(sentTypes(world)).not.toContain('AuthorizePayment')
    expect(world.provider.ledger.all()).toEqual([])
    expect(typesOf(world, 'payments', orderId)).toEqual(['payment.not-required', 'payment.nothing-due'])
    expectAlwaysTrue(world)
  })

  it.each([
    ['before its dispatch', [waived, dispatched]],
    ['after its dispatch', [dispatched, waived]],
  ])('the event reaches payments %s: the shipment needs no capture', async (_name, arrivals) => {
    const world = await createWorld()
    const holds = arrivals.map((arrival) => world.schedule.hold(arrival))
    const { orderId } = await world.place({ discountCode: 'GIFT' })
    await world.run({ forMs: MINUTE })
    for (const hold of holds) {
      expect(hold.held()).not.toEqual([])
      hold.release()
      await world.run({ forMs: 10 * MINUTE })
    }
    await expectQuiescence(world, 'completed')
    expect(typesOf(world, 'payments', orderId)).toEqual(['payment.not-required', 'payment.nothing-due'])
    expectAlwaysTrue(world)
  })

  it('is cancelled without a payment to void', async () => {
    const world = await createWorld({ releaseDelaySeconds: 600 })
    const { orderId } = await world.place({ discountCode: 'GIFT' })
    await world.run({ forMs: MINUTE })
    const command = message('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' })
    world.bus.send([{ target: 'orders', envelope: command }])
    await expectQuiescence(world, 'cancelled')
    expect(sentTypes(world)).not.toContain('VoidPayment')
    expectAlwaysTrue(world)
  })
})

describe('a price that changes its currency or its tax class while orders are placed', () => {
  const changed = (unitMinor: number, key: string, more: object): object =>
    message('price.changed', { sku: 'TEA-001', unitMinor, ...more }, { subject: 'TEA-001', key, version: 2 })
  const inDollars = changed(1390, 'usd', { currency: 'USD' })
  const taxed = changed(1190, 'taxed', { currency: 'EUR', taxClass: 'standard', validFrom: '2026-01-01T00:00:00.001Z' })

  it.each([
    ['the first', [inDollars, taxed]],
    ['the last', [taxed, inDollars]],
  ])('the price in another currency arrives as %s: each currency has its own', async (_name, prices) => {
    const world = await createWorld()
    for (const price of prices) world.bus.deliver('orders', 'price.changed', JSON.stringify(price))
    await world.run({ forMs: MINUTE })
    await world.place({ key: 'eur', quantity: 1 })
    await world.place({ key: 'usd', quantity: 1, currency: 'USD' })
    await world.run()
    // 19 % of 11.90 is 2.26; an order in dollars has a fee.
    expect(ordersOf(world).map(({ totalMinor }) => totalMinor)).toEqual([1190 + 226, 1390 + 590])
    expectAlwaysTrue(world)
  })
})
