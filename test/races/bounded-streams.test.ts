/** Requests that are repeated while nothing changes: the streams do not grow with them. */

import { expect, it } from 'vitest'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { createWorld, type Passed, type World } from '../support/simulation/world.ts'
import { HOUR } from './authorizations.testing.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const REQUESTS = 20

const collectedUnreported = async (): Promise<{ world: World; orderId: string; webhooks: { release(): void } }> => {
  const world = await createWorld({
    cards: ['card-ok'],
    carrier: { collectedAfterMs: HOUR, deliveredAfterMs: 30 * HOUR },
  })
  const { orderId } = await world.place()
  const webhooks = world.schedule.hold(({ kind }) => kind === 'webhook')
  await world.run({ forMs: 90 * MINUTE })
  return { world, orderId, webhooks }
}
const sizes = (world: World, orderId: string): number[] =>
  ['orders', 'shipping'].map((service) => eventsOf(world, service, orderId).length)

/** The answers, each with its status and code. */
async function repeated(world: World, type: string, data: object, gapMs = SECOND): Promise<Set<string>> {
  const answers = new Set<string>()
  for (let count = 0; count < REQUESTS; count++) {
    const { status, code = '' } = await world.submit(type, data, `${type}-${count}`)
    answers.add(`${status} ${code}`)
    await world.run({ forMs: gapMs })
  }
  return answers
}

it('cancellations of a parcel whose collection is not reported yet: the first refusal is recorded, and the collection', async () => {
  const { world, orderId, webhooks } = await collectedUnreported()
  const data = { orderId, by: 'customer', reason: 'changed-mind' }
  const before = sizes(world, orderId)
  expect(await repeated(world, 'CancelOrder', data)).toEqual(new Set(['202 ', '409 already-dispatched']))
  const types = eventsOf(world, 'orders', orderId).map(({ type }) => type)
  expect(types.filter((type) => type === 'order.cancel-refused')).toHaveLength(1)
  expect(eventsOf(world, 'shipping', orderId).map(({ type }) => type)).toContain('shipment.dispatched')
  const after = sizes(world, orderId)
  expect(await repeated(world, 'CancelOrder', { ...data, reason: 'other' })).toEqual(
    new Set(['409 already-dispatched']),
  )
  expect(sizes(world, orderId)).toEqual(after)
  expect(after[0]! - before[0]!).toBeLessThan(12)
  webhooks.release()
  await expectQuiescence(world, 'completed')
})

it('cancellations that were taken before the first was refused: one refusal is recorded', async () => {
  const { world, orderId, webhooks } = await collectedUnreported()
  const taken = world.schedule.hold(({ type }) => type === 'CancelOrder')
  const data = { orderId, by: 'customer', reason: 'changed-mind' }
  expect(await repeated(world, 'CancelOrder', data, 0)).toEqual(new Set(['202 ']))
  const [first, ...others] = taken.held()
  await world.finish(world.begin(first!))
  await world.run({ forMs: MINUTE })
  expect(others).toHaveLength(REQUESTS - 1)
  taken.release()
  await world.run({ forMs: MINUTE })
  const types = eventsOf(world, 'orders', orderId).map(({ type }) => type)
  expect(types.filter((type) => type === 'order.cancel-refused')).toHaveLength(1)
  webhooks.release()
  await expectQuiescence(world, 'completed')
})

it('retries by operators: ten since the last fact', async () => {
  const { world, orderId, webhooks } = await collectedUnreported()
  const data = { orderId, reason: 'impatient' }
  expect(await repeated(world, 'RetryCheckout', data)).toEqual(new Set(['202 ', '409 too-many-retries']))
  const types = eventsOf(world, 'orders', orderId).map(({ type }) => type)
  const retriesIn = (some: readonly string[]) => some.filter((type) => type === 'checkout.retried')
  // The first one finds the collection.
  expect(retriesIn(types)).toHaveLength(11)
  expect(retriesIn(types.slice(types.lastIndexOf('fulfilment.recorded')))).toHaveLength(10)
  webhooks.release()
  await expectQuiescence(world, 'completed')
})

it('a parcel that waits weeks for its carrier: each reminder is sent once, and costs as many messages as the one before', async () => {
  const passed: Passed[] = []
  const world = await createWorld({
    cards: ['card-ok'],
    piecesPerParcel: 1,
    carrier: { collectedAfterMs: HOUR, collectedApartMs: 8 * DAY, deliveredAfterMs: HOUR },
    observe: (one) => void passed.push(one),
  })
  await world.place({ quantity: 2 })
  await world.run({ forMs: 8 * DAY })
  const times = passed
    .filter(({ what, to }) => what === 'RepublishEvents' && to.includes('orders'))
    .map(({ atMs }) => atMs)
  expect(times.length).toBeGreaterThan(6)
  expect(new Set(times).size).toBe(times.length)
  const messages = times.map((time) => passed.filter(({ atMs }) => atMs >= time && atMs < time + MINUTE).length)
  expect(Math.max(...messages)).toBeLessThan(2 * messages[0]!)
  await expectQuiescence(world, 'completed')
})
