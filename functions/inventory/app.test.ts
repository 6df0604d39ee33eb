import { isDeepStrictEqual } from 'node:util'
import type { Message } from '../../shared/contracts/message.ts'
import { describe, expect, it } from 'vitest'
import { checkSubmitted, deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { type TestPlatform, testPlatform } from '../../shared/runtime/platform.testing.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { app } from './app.ts'
import { inventory } from './service.ts'
import { preferredShard, SHARDS } from './shards.ts'

interface Line {
  readonly lineId: string
  readonly sku: string
  readonly quantity: number
}

type Stock = Readonly<Record<'available' | 'onHand' | 'reserved' | 'sold', number>>

const line = (sku: string, quantity: number, lineId = '1'): Line => ({ lineId, sku, quantity })

const shardsOf = (platform: TestPlatform) =>
  [...platform.storedDocuments()].filter(([path]) => path.startsWith('shards/'))

async function open(stock: Readonly<Record<string, number>> = {}) {
  const platform = testPlatform(inventory)
  const http = serveQueries(app, platform)
  const deliveries = Object.entries(stock).map(([sku, quantity]) => ({ sku, quantity }))
  if (deliveries.length > 0)
    await deliver(app, platform, message('ReceiveStock', { deliveryId: 'd-0', lines: deliveries }))
  Object.assign(platform.billed, { reads: 0, writes: 0 })
  platform.published.splice(0)
  const deliverMessage = (
    type: string,
    data: { orderId: string; [field: string]: unknown },
    key: string | number = '',
  ) => deliver(app, platform, message(type, data, { key }))
  return {
    platform,
    receive: (deliveryId: string, sku: string, quantity: number, key = deliveryId) =>
      deliver(app, platform, message('ReceiveStock', { deliveryId, lines: [{ sku, quantity }] }, { key })),
    reserve: (orderId: string, lines: readonly Line[]) => deliverMessage('ReserveStock', { orderId, lines }),
    release: (orderId: string, key = 1) => deliverMessage('ReleaseStock', { orderId }, key),
    releaseLines: (orderId: string, lines: readonly Line[], key: string | number = 'lines') =>
      deliverMessage('ReleaseStock', { orderId, lines }, key),
    dispatched: (orderId: string, shipmentId: string, lines: readonly Line[], key = shipmentId) =>
      deliverMessage('shipment.dispatched', { orderId, shipmentId, lines, trackingRef: 't-1' }, key),
    /** By SKU; fails if a field of a shard is negative. */
    async stock(sku: string) {
      for (const [path, shard] of shardsOf(platform))
        for (const [field, value] of Object.entries(shard))
          expect(value, `${field} of ${path}`).toBeGreaterThanOrEqual(0)
      const { available, onHand, reserved, sold } = (await (await http.request(`/stock/${sku}`)).json()) as Stock
      expect(onHand, `on hand of ${sku}`).toBe(available + reserved)
      return { available, reserved, sold }
    },
    adjust: (adjustmentId: string, change: number, reason = 'damaged') =>
      deliver(
        app,
        platform,
        message('AdjustStock', { adjustmentId, sku: 'tea', change, reason }, { key: adjustmentId }),
      ),
    count: (adjustmentId: string, counted: number) =>
      deliver(app, platform, message('CountStock', { adjustmentId, sku: 'tea', counted }, { key: adjustmentId })),
    status: async (path: string) => (await http.request(path)).status,
    published: () => platform.published.map(({ type, data }) => ({ type, ...(data as { lines?: Line[] }) })),
    types: () => platform.published.map(({ type }) => type),
  }
}

describe('reserving', () => {
  it('reserves all lines, also several lines of one SKU', async () => {
    const { reserve, stock, published } = await open({ tea: 10, pot: 1 })
    const lines = [line('tea', 3, '1'), line('pot', 1, '2'), line('tea', 4, '3')]
    await reserve('o-1', lines)
    expect(published()).toMatchObject([{ type: 'stock.reserved', lines }])
    expect(await stock('tea')).toEqual({ available: 3, reserved: 7, sold: 0 })
    expect(await stock('pot')).toEqual({ available: 0, reserved: 1, sold: 0 })
  })

  it('reports the total of several lines of a SKU in a shortage, also beyond the limit of one line', async () => {
    const { reserve, platform } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 60_000, '1'), line('tea', 60_000, '2')])
    expect(platform.published[0]).toMatchObject({
      type: 'stock.rejected',
      data: { shortages: [{ sku: 'tea', requested: 120_000, available: 10 }] },
    })
  })

  it('reserves no line when one is short, and reports the shortages', async () => {
    const { reserve, stock, platform } = await open({ tea: 10, pot: 1 })
    await reserve('o-1', [line('tea', 3, '1'), line('pot', 2, '2'), line('cup', 1, '3')])
    expect(platform.published[0]).toMatchObject({
      type: 'stock.rejected',
      data: {
        shortages: [
          { sku: 'pot', requested: 2, available: 1 },
          { sku: 'cup', requested: 1, available: 0 },
        ],
      },
    })
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
  })

  it('happens once, and answers each repeat with the same event', async () => {
    const { reserve, stock, platform } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 3)])
    await reserve('o-1', [line('tea', 3)])
    expect(await stock('tea')).toEqual({ available: 7, reserved: 3, sold: 0 })
    expect(platform.published).toHaveLength(2)
    expect(platform.published[1]).toEqual(platform.published[0])
  })

  it('of many orders at once never sells a piece twice', async () => {
    const { reserve, stock, types } = await open({ tea: 10 })
    await Promise.allSettled(Array.from({ length: 8 }, (_, index) => reserve(`o-${index}`, [line('tea', 2)])))
    // A transaction that lost too often is redelivered.
    for (let index = 0; index < 8; index++) await reserve(`o-${index}`, [line('tea', 2)])
    expect(await stock('tea')).toEqual({ available: 0, reserved: 10, sold: 0 })
    expect(types().filter((type) => type === 'stock.rejected').length).toBeGreaterThanOrEqual(3)
  })

  it('spreads orders over the shards, and takes each order from as few as it needs', async () => {
    const { reserve, platform } = await open({ tea: 4_000 })
    for (let index = 0; index < 400; index++) await reserve(`o-${index}`, [line('tea', 1)])
    const perShard = shardsOf(platform).map(([, { reserved }]) => reserved as number)
    expect(perShard).toHaveLength(SHARDS)
    for (const reserved of perShard) expect(reserved).toBeGreaterThan(400 / SHARDS / 2)
    // Each shard is read once, and written with each stream.
    expect(platform.billed).toEqual({ reads: SHARDS, writes: 800 })
  })

  it('takes the rest from other shards when its own shard is short', async () => {
    const { reserve, stock } = await open({ tea: 8 })
    await reserve('o-1', [line('tea', 7)])
    await reserve('o-2', [line('tea', 1)])
    expect(await stock('tea')).toEqual({ available: 0, reserved: 8, sold: 0 })
    expect(preferredShard('o-1', 'tea')).toBeLessThan(SHARDS)
  })
})

describe('releasing', () => {
  it('returns the held pieces once, and answers each repeat', async () => {
    const { reserve, release, stock, published } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 7)])
    for (const key of [1, 1, 2, 3]) await release('o-1', key)
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
    expect(
      published()
        .slice(1)
        .map(({ lines }) => lines),
    ).toEqual([[line('tea', 7)], [line('tea', 7)], [], []])
  })

  it('that overtook its reservation makes the reservation refused', async () => {
    const { reserve, release, stock, types } = await open({ tea: 10 })
    await release('o-1')
    await reserve('o-1', [line('tea', 7)])
    await release('o-1', 2)
    expect(types()).toEqual(['stock.released', 'stock.rejected', 'stock.released'])
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
  })

  it('concurrent with the reservation leaves nothing held after its repeat', async () => {
    const { reserve, release, stock } = await open({ tea: 10 })
    await Promise.all([reserve('o-1', [line('tea', 7)]), release('o-1')])
    await release('o-1', 2)
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
  })
})

describe('committing', () => {
  it('sells the pieces of each shipment once, and the rest can be released', async () => {
    const { reserve, dispatched, release, stock, published } = await open({ tea: 10, pot: 2 })
    await reserve('o-1', [line('tea', 5, '1'), line('pot', 2, '2')])
    await dispatched('o-1', 's-1', [line('tea', 3, '1')])
    await dispatched('o-1', 's-1', [line('tea', 3, '1')])
    await dispatched('o-1', 's-1', [line('tea', 3, '1')], 'another message')
    expect(await stock('tea')).toEqual({ available: 5, reserved: 2, sold: 3 })
    await release('o-1')
    expect(await stock('tea')).toEqual({ available: 7, reserved: 0, sold: 3 })
    expect(await stock('pot')).toEqual({ available: 2, reserved: 0, sold: 0 })
    expect(published().at(-1)!.lines).toEqual([line('tea', 2, '1'), line('pot', 2, '2')])
  })

  it('writes only the shards that hold pieces of the order', async () => {
    const { reserve, dispatched, platform } = await open({ tea: 1_000 })
    await reserve('o-1', [line('tea', 2)])
    Object.assign(platform.billed, { reads: 0, writes: 0 })
    await dispatched('o-1', 's-1', [line('tea', 2)])
    expect(platform.billed).toEqual({ reads: 0, writes: 2 })
  })

  it('more than is reserved is an error, and nothing is sold', async () => {
    const { reserve, release, dispatched, stock, types } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 5)])
    await expect(dispatched('o-1', 's-1', [line('tea', 6)])).rejects.toThrow('holds 5')
    await release('o-1')
    await expect(dispatched('o-1', 's-1', [line('tea', 5)])).rejects.toThrow('holds 0')
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
    expect(types()).toEqual(['stock.reserved', 'stock.released'])
  })

  it('is retried until the reservation exists', async () => {
    const { dispatched, types } = await open({ tea: 10 })
    await expect(dispatched('o-1', 's-1', [line('tea', 1)])).rejects.toThrow('Nothing is reserved')
    expect(types()).toEqual([])
  })
})

describe('receiving', () => {
  it('books a delivery once', async () => {
    const { receive, stock, status } = await open()
    expect(await status('/deliveries/d-1')).toBe(404)
    expect(await status('/stock/tea')).toBe(404)
    for (const key of ['a', 'a', 'b']) await receive('d-1', 'tea', 10, key)
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
    expect(await status('/deliveries/d-1')).toBe(200)
  })

  it('does not book again a delivery that an earlier version recorded in a stream', async () => {
    const { platform, receive, status, stock } = await open({ tea: 1 })
    const { streams } = platform
    await streams.handle<Message>(message('ReceiveStock', {}, { key: 'former' }), 'delivery-d-1', () => ({
      events: [{ type: 'delivery.booked', data: { lines: [{ sku: 'tea', quantity: 10 }] } }],
      commands: [],
    }))
    expect(await status('/deliveries/d-1')).toBe(200)
    await receive('d-1', 'tea', 10)
    expect((await stock('tea')).available).toBe(1)
  })

  it('does not book again a delivery that an earlier version kept as a document', async () => {
    const { platform, receive, status, stock, types } = await open({ tea: 1 })
    await platform.documents.create(documentPath<typeof inventory>('deliveries', 'd-1'), {
      lines: [{ sku: 'tea', quantity: 10 }],
    })
    expect(await status('/deliveries/d-1')).toBe(200)
    await receive('d-1', 'tea', 10)
    expect((await stock('tea')).available).toBe(1)
    expect(types()).toEqual([])
  })

  it('leaves pieces in every shard', async () => {
    const { receive, platform } = await open()
    await receive('d-1', 'tea', 5)
    expect(shardsOf(platform).map(([, { onHand }]) => onHand)).toEqual([2, 1, 1, 1])
  })
})

describe('releasing some lines', () => {
  it.each([
    ['before', ['release', 'dispatch']],
    ['after', ['dispatch', 'release']],
  ] as const)('%s the others are shipped leaves those to be sold', async (_when, acts) => {
    const { reserve, releaseLines, dispatched, release, stock, published } = await open({ tea: 10, pot: 2 })
    await reserve('o-1', [line('tea', 3, '1'), line('pot', 1, '2'), line('tea', 2, '3')])
    const cancelled = [line('tea', 2, '3'), line('pot', 1, '2')]
    for (const act of acts)
      if (act === 'release') await releaseLines('o-1', cancelled)
      else await dispatched('o-1', 's-1', [line('tea', 3, '1')])
    // The same command again releases nothing more.
    await releaseLines('o-1', cancelled)
    expect(await stock('tea')).toEqual({ available: 7, reserved: 0, sold: 3 })
    expect(await stock('pot')).toEqual({ available: 2, reserved: 0, sold: 0 })
    expect(published().find(({ type }) => type === 'stock.released')).toMatchObject({ lines: cancelled })
    await release('o-1')
    expect(await stock('tea')).toEqual({ available: 7, reserved: 0, sold: 3 })
  })

  it('keeps the reservation of the others: a release of all that is left returns them', async () => {
    const { reserve, releaseLines, release, stock } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 3, '1'), line('tea', 2, '2')])
    await releaseLines('o-1', [line('tea', 2, '2')])
    expect(await stock('tea')).toEqual({ available: 7, reserved: 3, sold: 0 })
    await release('o-1')
    expect(await stock('tea')).toEqual({ available: 10, reserved: 0, sold: 0 })
  })

  it('of more than the order holds changes nothing and is retried', async () => {
    const { reserve, releaseLines, stock } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 3)])
    await expect(releaseLines('o-1', [line('tea', 4)])).rejects.toThrow('releases 4 of tea, of which it holds 3')
    expect(await stock('tea')).toEqual({ available: 7, reserved: 3, sold: 0 })
  })
})

describe('adjusting', () => {
  it('writes off, adds and counts pieces, once each, with the reason', async () => {
    const { adjust, count, stock, published, reserve } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 2)])
    for (let times = 0; times < 2; times++) await adjust('a-1', -3)
    expect(await stock('tea')).toEqual({ available: 5, reserved: 2, sold: 0 })
    await adjust('a-2', 6, 'found')
    expect(await stock('tea')).toEqual({ available: 11, reserved: 2, sold: 0 })
    // Reserved pieces are still on the shelf, so they are counted.
    for (let times = 0; times < 2; times++) await count('a-3', 9)
    expect(await stock('tea')).toEqual({ available: 7, reserved: 2, sold: 0 })
    await count('a-4', 9)
    const about = { type: 'stock.adjusted', sku: 'tea' }
    // A repeated command publishes again what it recorded.
    const adjusted = published().filter(({ type }) => type === 'stock.adjusted')
    expect(adjusted.filter((one, index) => !isDeepStrictEqual(one, adjusted[index - 1]))).toEqual([
      { ...about, adjustmentId: 'a-1', change: -3, reason: 'damaged' },
      { ...about, adjustmentId: 'a-2', change: 6, reason: 'found' },
      { ...about, adjustmentId: 'a-3', change: -4, reason: 'counted', counted: 9 },
      { ...about, adjustmentId: 'a-4', change: 0, reason: 'counted', counted: 9 },
    ])
  })

  it('counts away more pieces than one delivery can have', async () => {
    const { receive, count, stock } = await open({ tea: 10_000_000 })
    await receive('d-1', 'tea', 10_000_000)
    await count('a-1', 0)
    expect(await stock('tea')).toEqual({ available: 0, reserved: 0, sold: 0 })
  })

  it('takes pieces from every shard, and no reserved one', async () => {
    const { adjust, count, reserve, stock, types } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 4)])
    await expect(adjust('a-1', -7)).rejects.toThrow('6 are available, and 4 are reserved')
    await expect(count('a-2', 3)).rejects.toThrow('6 are available, and 4 are reserved')
    expect(await stock('tea')).toEqual({ available: 6, reserved: 4, sold: 0 })
    expect(types()).not.toContain('stock.adjusted')
    await adjust('a-3', -6)
    expect(await stock('tea')).toEqual({ available: 0, reserved: 4, sold: 0 })
  })

  it('is refused to the person who asks, with what is available and reserved, and for a SKU without stock', async () => {
    const { platform, reserve } = await open({ tea: 10 })
    await reserve('o-1', [line('tea', 4)])
    const about = { adjustmentId: 'a-1', sku: 'tea' }
    const check = (type: 'AdjustStock' | 'CountStock', data: object): Promise<void> =>
      checkSubmitted(app, platform, { type, data: { ...about, ...data } })
    await check('AdjustStock', { change: -6, reason: 'lost' })
    await check('CountStock', { counted: 4 })
    await expect(check('AdjustStock', { change: -7, reason: 'lost' })).rejects.toThrow(
      '7 of tea can not be written off: 6 are available, and 4 are reserved',
    )
    await expect(check('CountStock', { counted: 3 })).rejects.toMatchObject({ code: 'not-available' })
    await expect(check('CountStock', { sku: 'tee', counted: 3 })).rejects.toMatchObject({ code: 'unknown-sku' })
  })
})
