import { describe, expect, it } from 'vitest'
import { services } from '../index.ts'
import { checkSubmitted, deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app } from './app.ts'
import { ordersContracts } from './contracts.ts'
import { openShop, replies, type Shop } from './shop.testing.ts'

const { example } = ordersContracts.commands.ImportOrder
const take = ({ platform }: Shop, change: object = {}, key = 1): Promise<void> =>
  deliver(app, platform, message('ImportOrder', { ...example, ...change }, { key, actor: 'staff:importer' }))
const check = ({ platform }: Shop, change: object): Promise<void> =>
  checkSubmitted(app, platform, { type: 'ImportOrder', data: { ...example, ...change } })

describe('an imported order', () => {
  it('is one event of one commit, with the importer as its actor: nothing is sent, and no service acts on it', async () => {
    const shop = await openShop()
    await take(shop)
    expect(shop.platform.published).toMatchObject([
      { type: 'order.imported', subject: 'o-1', correlationId: 'o-1', sequence: 1, actor: 'staff:importer' },
    ])
    expect(shop.platform.published[0]!.data).toEqual(ordersContracts.events['order.imported'].example)
    expect(shop.platform.sent).toEqual([])
    expect(shop.platform.calls).toEqual([])
    expect(shop.platform.billed.writes).toBe(1)
    const listeners = services.filter(({ on }) => on.includes('order.imported'))
    expect(listeners.map(({ name }) => name)).toEqual(['history'])
  })

  it('reads as completed history, with the total of its lines and shipping', async () => {
    const shop = await openShop()
    await take(shop, { shippingMinor: 70 })
    expect((await shop.read('o-1')).body).toMatchObject({
      status: 'completed',
      imported: true,
      customerRef: 'customer-17850',
      totalMinor: 1600,
      shippingMinor: 70,
      lines: [{ lineId: '1', sku: '85123A', quantity: 6, unitMinor: 255 }],
      placedAt: '2010-12-01T08:26:00.000Z',
    })
  })

  it('is recorded and read with an offset that no zone has, if it waited since before the edge refused one', async () => {
    const shop = await openShop()
    await take(shop, { placedAt: '2010-12-01T08:26:00+23:59' })
    expect(shop.platform.published).toMatchObject([{ type: 'order.imported' }])
    expect((await shop.read('o-1')).body).toMatchObject({ status: 'completed', placedAt: '2010-12-01T08:26:00+23:59' })
  })

  it('is read together with orders that were placed; an unknown one is left out', async () => {
    const shop = await openShop()
    await take(shop)
    const placed = (await (await shop.place()).json()) as { readonly orderId: string }
    const body = JSON.stringify({ orderIds: ['o-1', 'o-unknown', placed.orderId] })
    const headers = { 'content-type': 'application/json' }
    const http = serveQueries(app, shop.platform)
    const answer = await http.request('/batches/orders', { method: 'POST', headers, body })
    expect(await answer.json()).toMatchObject({
      orders: [
        // By which a command about it is guarded.
        { orderId: 'o-1', status: 'completed', version: 1 },
        { orderId: placed.orderId, status: 'pending', version: 1 },
      ],
    })
  })

  it('is recorded once, however often it is imported', async () => {
    const shop = await openShop()
    for (const key of [1, 1, 2]) await take(shop, {}, key)
    expect(shop.platform.commitsByStream().get('o-1')).toHaveLength(1)
  })

  it('does not replace an order that was placed under the same key, and none is placed over it', async () => {
    const shop = await openShop()
    const { orderId } = (await (await shop.place()).json()) as { orderId: string }
    await take(shop, { orderId })
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'pending', totalMinor: 2380 })
    const other = await openShop()
    await take(other, { orderId })
    expect(await (await other.place()).json()).toMatchObject({ status: 409, code: 'idempotency-key-reused' })
    expect((await other.read(orderId)).body).toMatchObject({ imported: true, totalMinor: 1530 })
  })

  it.each([
    ['RetryCheckout', { reason: 'again' }],
    ['CloseOrder', { reason: 'paid' }],
    ['CancelOrder', { by: 'staff', reason: 'other' }],
    ['RecaptureOrder', { paymentMethodRef: 'pm-1', reason: 'another card' }],
  ])('is not acted on: %s is refused', async (type, data) => {
    const shop = await openShop()
    await take(shop)
    const submitted = checkSubmitted(app, shop.platform, { type, data: { orderId: 'o-1', ...data } })
    await expect(submitted).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
    const before = shop.platform.commitsByStream().get('o-1')!.length
    await deliver(app, shop.platform, message(type, { orderId: 'o-1', ...data })).catch(() => undefined)
    expect(shop.platform.commitsByStream().get('o-1')).toHaveLength(before)
  })

  it('is not moved by a reply of another service', async () => {
    const shop = await openShop()
    await take(shop)
    for (const reply of [replies.reserved, replies.dispatched, replies.captured]) await shop.deliver(...reply('o-1'))
    expect(shop.platform.commitsByStream().get('o-1')).toHaveLength(1)
  })

  it.each([
    ['beyond the largest amount of money', { lines: [{ sku: 'A', quantity: 100_000, unitMinor: 1_000_000_000 }] }],
    ['of the future', { placedAt: '2999-01-01T00:00:00.000Z' }],
  ])('%s is refused', async (_name, change) => {
    await expect(check(await openShop(), change)).rejects.toMatchObject({ name: 'Refused', code: 'invalid-body' })
  })
})
