import { expect, it } from 'vitest'
import type { EventContract } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { history } from './service.ts'

const ofOrders = new Set<string>(history.on)
const all = [...history.uses, runtimeContracts].flatMap((contracts) =>
  Object.entries<EventContract>(contracts.events).map(([type, { example }]) => ({ type, example })),
)
const events = all.filter(({ type }) => ofOrders.has(type))

it('history subscribes to all events of these services but two, which concern a SKU and no order', () => {
  const others = all.map(({ type }) => type).filter((type) => !ofOrders.has(type))
  expect(others).toEqual(['stock.received', 'stock.adjusted'])
})

it.each(events)('$type becomes an entry of the timeline', async ({ type, example }) => {
  const platform = testPlatform(history)
  const event = message(type, example, { subject: 'o-1', version: versionOf(history, type) })
  await deliver(app, platform, event)
  const timelines = [...platform.storedDocuments()].filter(([path]) => path.startsWith('timelines/'))
  expect(timelines.map(([, document]) => document)).toMatchObject([{ events: { [event.id]: { type } } }])
})

it('an imported order whose time has an offset that no zone has is listed: it was recorded before the edge refused one', async () => {
  const platform = testPlatform(history)
  const { example } = events.find(({ type }) => type === 'order.imported')!
  const old = { ...(example as object), placedAt: '2010-12-01T08:26:00.5+23:59' }
  await deliver(app, platform, message('order.imported', old, { correlationId: 'o-1', subject: 'o-1' }))
  const answer = await serveQueries(app, platform).request('/orders')
  expect(await answer.json()).toMatchObject({ orders: [{ orderId: 'o-1', placedAt: '2010-11-30T08:27:00.500Z' }] })
})

it('several timelines are answered in one read, without those of which no event has arrived', async () => {
  const platform = testPlatform(history)
  const { example } = events.find(({ type }) => type === 'order.completed')!
  for (const orderId of ['o-1', 'o-2'])
    await deliver(
      app,
      platform,
      message('order.completed', example, { correlationId: orderId, version: versionOf(history, 'order.completed') }),
    )
  const body = JSON.stringify({ orderIds: ['o-2', 'o-3', 'o-1'] })
  const headers = { 'content-type': 'application/json' }
  const answer = await serveQueries(app, platform).request('/batches/timelines', { method: 'POST', headers, body })
  expect(await answer.json()).toMatchObject({
    timelines: [
      { orderId: 'o-2', entries: [{ type: 'order.completed' }] },
      { orderId: 'o-1', entries: [{ type: 'order.completed' }] },
    ],
  })
})
