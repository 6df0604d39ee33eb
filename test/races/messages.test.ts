/** Messages that are duplicated, reordered, malformed, or a day late. */

import { assert, asyncProperty, constantFrom, infiniteStream, nat } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type TimelineDocument, timelineOf } from '../../functions/history/timeline.ts'
import { services } from '../../functions/index.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Item, to } from '../support/simulation/virtual-schedule.ts'
import { derivedId } from '../../shared/base/ids.ts'
import { noFaults } from '../support/simulation/faults.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'

describe('duplicate messages', () => {
  it.each(['card-ok', 'card-declined', 'card-action-required'])(
    'of a whole order, reversed and a day later, change nothing (%s)',
    async (card) => {
      const world = await createWorld()
      await world.place({ card })
      await expectQuiescence(world, ['completed', 'rejected', 'expired'])
      const before = states(world)
      await world.run({ forMs: DAY })
      // With new message ids, and after the task names are free again.
      world.bus.publish(services.flatMap(({ name }) => world.platform(name).published).toReversed())
      for (const { name } of services) world.bus.send(world.platform(name).sent.toReversed())
      await expectQuiescence(world, ['completed', 'rejected', 'expired'])
      expect(states(world)).toEqual(before)
    },
  )

  it.each([
    ['shipment.dispatched', ['payments', 'inventory', 'orders'], 'before'],
    ['shipment.dispatched', ['payments', 'inventory', 'orders'], 'after'],
    ['order.released', ['shipping'], 'before'],
    ['order.released', ['shipping'], 'after'],
  ] as const)(
    'of %s, delivered to %s under another id %s the original, are applied once',
    async (type, listeners, when) => {
      const world = await createWorld()
      const own = world.schedule.hold((item) => item.type === type && item.kind === 'event')
      await world.place()
      await world.run({ until: () => own.held().length > 0 })
      const { envelope } = own.held()[0]!
      if (when === 'before') for (const item of own.held()) item.dueMs += MINUTE
      own.release()
      if (when === 'after') await world.run({ forMs: MINUTE })
      for (const service of listeners)
        world.bus.deliver(service, type, JSON.stringify({ ...envelope, id: derivedId('another', service) }))
      await expectQuiescence(world, 'completed')
    },
  )

  it('of RepublishEvents in all services change nothing', async () => {
    const world = await createWorld()
    const { orderId } = await world.place()
    await expectQuiescence(world, 'completed')
    const before = states(world)
    for (const service of ['shipping', 'payments', 'inventory', 'orders'])
      await world.platform(service).streams.republish(orderId)
    await expectQuiescence(world, 'completed')
    expect(states(world)).toEqual(before)
  })
})

/** The streams and documents of each service, which duplicates must not change. */
const states = (world: World): object =>
  Object.fromEntries(
    services.map(({ name }) => [
      name,
      [[...world.platform(name).commitsByStream()], [...world.platform(name).storedDocuments()]],
    ]),
  )

describe('reordered messages', () => {
  it('with the newest first let all orders complete', async () => {
    const world = await createWorld()
    for (const key of ['a', 'b', 'c']) await world.place({ key })
    while (world.schedule.due().length > 0) await world.finish(world.begin(world.schedule.due().at(-1)!))
    await expectQuiescence(world, ['completed'])
  })

  it('in any order for each subscriber let the order end', { timeout: 60_000 }, async () => {
    const arrival = infiniteStream(nat({ max: 1_000 }))
    await assert(
      asyncProperty(arrival, constantFrom('card-ok', 'card-declined'), async (choices, card) => {
        const world = await createWorld()
        await world.place({ card })
        for (let due = world.schedule.due(); due.length > 0; due = world.schedule.due())
          await world.finish(world.begin(due[choices.next().value! % due.length]!))
        await expectQuiescence(world, card === 'card-ok' ? 'completed' : 'expired')
      }),
      { seed: 20_261_126, numRuns: 25 },
    )
  })

  it('in reverse give the same timeline in history', async () => {
    const world = await createWorld({ faults: { ...noFaults, latencyMs: 1_000 } })
    const late = world.schedule.hold(({ to: consumer }) => consumer === 'history')
    await world.place()
    await world.run({ forMs: 10 * MINUTE })
    const received = late.held()
    expect(received).toHaveLength(11)
    for (const item of received.toReversed()) await world.finish(world.begin(item))
    late.release()
    const [document] = [...world.platform('history').storedDocuments().values()] as unknown as [TimelineDocument]
    const { entries } = timelineOf(document)
    expect(entries.at(0)).toMatchObject({ type: 'order.placed' })
    expect(entries.at(-1)).toMatchObject({ type: 'order.completed' })
    await expectQuiescence(world, 'completed')
  })
})

describe('a malformed message', () => {
  const poison = ['garbage', '{}', JSON.stringify({ type: 'stock.reserved' })]

  it.each(poison)('%s is dead-lettered, and the order continues', async (data) => {
    const world = await createWorld()
    const answers = world.schedule.hold(({ to: consumer, kind }) => consumer === 'orders' && kind === 'event')
    await world.place()
    await world.run({ until: () => answers.held().length > 0 })
    for (const { name, on } of services) for (const type of on) world.bus.deliver(name, type, data)
    answers.release()
    await world.run({ forMs: 0 })
    // At the first attempt, since a retry can not help.
    expect(world.bus.deadLetters()).toHaveLength(services.flatMap(({ on }) => on).length)
    await expectQuiescence(world, 'completed', { deadLetters: services.flatMap(({ on }) => on).length })
  })
})

describe('a message that was dead-lettered and is replayed a day later', () => {
  const listeners = [
    { service: 'orders', type: 'stock.reserved', ends: 'rejected' },
    // The inquiry at the deadline has it republished.
    { service: 'orders', type: 'payment.authorized', ends: 'completed' },
    { service: 'shipping', type: 'order.released', ends: 'completed' },
    { service: 'payments', type: 'shipment.dispatched', ends: 'completed' },
    { service: 'inventory', type: 'shipment.dispatched', ends: 'completed' },
    { service: 'orders', type: 'payment.captured', ends: 'completed' },
    { service: 'inventory', type: 'ReserveStock', ends: 'rejected' },
    { service: 'payments', type: 'AuthorizePayment', ends: 'rejected' },
    { service: 'shipping', type: 'BookCarrier', ends: 'completed' },
  ] as const

  it.each(listeners)('of type $type at $service leaves the order $ends', async ({ service, type, ends }) => {
    const world = await createWorld()
    if (type === 'BookCarrier') world.carrier.faults.unavailable = 1
    await world.place()
    const given = world.schedule.hold(to(service, type))
    await world.run({ until: () => given.held().length > 0 })
    const [item] = given.held() as [Item]
    world.schedule.take(item)
    given.release()
    await world.run({ forMs: DAY })
    const data = JSON.stringify(item.envelope)
    world.bus.replay({ service, type, data })
    await expectQuiescence(world, ends)
  })

  it('that is dead-lettered after twenty attempts is requested by the saga without a replay', async () => {
    // Its webhooks, which publish too, come later.
    const world = await createWorld({ carrier: { collectedAfterMs: DAY, deliveredAfterMs: MINUTE } })
    const shipping = world.platform('shipping')
    shipping.fail('publish', 20)
    const { orderId } = await world.place()
    await world.run({ forMs: DAY / 2 })
    expect(shipping.logs.filter(({ event }) => event === 'message.retry-later')).toHaveLength(20)
    expect(world.bus.deadLetters()).toMatchObject([{ service: 'shipping', type: 'order.released' }])
    await expectQuiescence(world, 'completed', { deadLetters: 1 })
    const before = states(world)
    world.bus.replay(world.bus.deadLetters()[0]!)
    await expectQuiescence(world, 'completed', { deadLetters: 1 })
    expect(states(world)).toEqual(before)
    expect(ordersOf(world)).toMatchObject([{ orderId }])
  })
})
