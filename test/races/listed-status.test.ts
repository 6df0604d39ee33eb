/** The status of an order in lists while it waits for its payment: at each moment that of the order itself. */

import { expect, it } from 'vitest'
import { app as historyApp } from '../../functions/history/app.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { decide } from '../../functions/orders/decide.ts'
import { evolve, initial } from '../../functions/orders/order.ts'
import { fold } from '../../shared/service/fold.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { COLLECTED_AFTER, HOUR, lapsed, paying } from './authorizations.testing.ts'
import { DAY, MINUTE } from './quiescence.testing.ts'

const read = async (app: typeof ordersApp, world: World, service: string, path: string): Promise<unknown> =>
  (await serveQueries(app, world.platform(service)).request(path)).json()

async function expectListedAs(world: World, status: string): Promise<void> {
  const { orderId } = ordersOf(world)[0]!
  expect(await read(ordersApp, world, 'orders', `/orders/${orderId}`)).toMatchObject({ status })
  expect(await read(historyApp, world, 'history', `/orders?status=${status}`)).toMatchObject({
    orders: [{ orderId, status }],
  })
}

it('a declined card and another one', async () => {
  const world = await createWorld()
  await world.place({ card: 'card-declined' })
  await world.run({ forMs: MINUTE })
  await expectListedAs(world, 'payment-needed')
  const answers = world.schedule.hold(to('payments', 'AuthorizePayment'))
  await world.finish(world.begin(paying(world)))
  await world.run({ forMs: 1_000 })
  await expectListedAs(world, 'pending')
  answers.release()
  await world.run({ forMs: 10_000 })
  await expectListedAs(world, 'completed')
})

it("the bank's page, approved, while the order waits for its release", async () => {
  const world = await createWorld({ releaseDelaySeconds: 3_600 })
  const { orderId } = await world.place({ card: 'card-action-required' })
  await world.run({ forMs: MINUTE })
  await expectListedAs(world, 'payment-needed')
  const body = JSON.stringify({ outcome: 'authorized' })
  await world.provider.partner.app.request(`/actions/action-${orderId}:auth`, { method: 'POST', body })
  await world.run({ forMs: MINUTE })
  await expectListedAs(world, 'confirmed')
})

it('a lapse, a refused card and another one', async () => {
  const world = await lapsed()
  await world.run({ forMs: 2 * HOUR })
  await expectListedAs(world, 'payment-needed')
  await world.finish(world.begin(paying(world, 'card-declined')))
  await world.run({ forMs: HOUR })
  await expectListedAs(world, 'payment-needed')
  await world.finish(world.begin(paying(world, 'card-ok', 2)))
  await world.run({ forMs: HOUR })
  await expectListedAs(world, 'confirmed')
  await world.run({ forMs: COLLECTED_AFTER + DAY })
  await expectListedAs(world, 'completed')
})

it('an order of a revision that published no status is announced once', async () => {
  const world = await createWorld()
  const { orderId } = await world.place({ card: 'card-capture-refused' })
  await world.run({ forMs: MINUTE })
  const { events } = await world.platform('orders').streams.read(orderId)
  const announced = (recorded: typeof events): unknown =>
    decide({ type: 'announce', nowMs: world.schedule.now() }, fold({ initial, evolve }, recorded), {
      releaseDelayMs: 0,
    })
  const former = events.filter(({ type }) => type !== 'order.status-changed')
  expect(former.length).toBeLessThan(events.length)
  const changed = { type: 'order.status-changed', data: { orderId, status: 'payment-failed' } }
  expect(announced(former)).toEqual({ events: [changed], commands: [] })
  expect(announced(events)).toEqual({ events: [], commands: [] })
})
