import { describe, expect, it } from 'vitest'
import { type Placements, type PlacementStatus, withPlacement } from './placements.ts'
import type { Bounds } from './settings.ts'

const MINUTE = 60_000
const nowMs = Date.parse('2026-01-01T12:00:00.000Z')
const bounds: Bounds = { ordersPerHour: 100, unpaidOrders: 3, unpaidPieces: 10, lapsedOrders: 2 }

/** Places these orders one after the other; returns the last document and the ids of the orders whose state was read. */
async function after(
  orders: readonly { readonly atMs?: number; readonly sku?: string; readonly quantity?: number }[],
  { statuses = {}, ...changes }: Partial<Bounds> & { statuses?: Record<string, PlacementStatus> } = {},
): Promise<{ document: Placements | undefined; read: string[] }> {
  let document: Placements | undefined
  const read: string[] = []
  for (const [index, { atMs = nowMs, sku = 'TEA-001', quantity = 1 }] of orders.entries())
    document = await withPlacement(
      document,
      { orderId: `o-${index}`, lines: [{ sku, quantity }] },
      {
        bounds: { ...bounds, ...changes },
        nowMs: atMs,
        placementStatusOf: async (orderId) => {
          read.push(orderId)
          return statuses[orderId] ?? { kind: 'unpaid', endsAtMs: nowMs + 200_000 }
        },
      },
    )
  return { document, read }
}
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

describe('unpaid orders', () => {
  it('are read only if the bound would refuse the order', async () => {
    expect((await after(times(3, {}))).read).toEqual([])
    const statuses = { 'o-0': { kind: 'over' } } as const
    const { read, document } = await after(times(4, {}), { statuses })
    expect(read).toEqual(['o-0', 'o-1', 'o-2'])
    expect(document!.unpaid.map(({ orderId }) => orderId)).toEqual(['o-1', 'o-2', 'o-3'])
  })

  it('are refused beyond the bound, with their number and the time at which the first ends', async () => {
    await expect(after(times(4, {}))).rejects.toMatchObject({
      code: 'too-many-unpaid-orders',
      message: '3 orders are not paid yet, and 3 may be at once: pay one, or retry in 200 s.',
      retryAfterSeconds: 200,
      bound: { bound: 'unpaid-orders', limit: 3, used: 3 },
    })
  })

  it('together hold no more pieces of one SKU than the bound', async () => {
    await after([{ quantity: 6 }, { quantity: 4 }])
    await after([{ quantity: 6 }, { sku: 'TEA-002', quantity: 10 }])
    await expect(after([{ quantity: 6 }, { quantity: 5 }])).rejects.toMatchObject({
      code: 'too-many-unpaid-orders',
      bound: { bound: 'unpaid-pieces', limit: 10, used: 6 },
      message:
        '6 pieces of TEA-001 are in orders that are not paid yet or lapsed within an hour, 10 may be, and this order asks for 5 more: pay one, or retry in 200 s.',
    })
    await after([{ quantity: 6 }, { quantity: 5 }], { statuses: { 'o-0': { kind: 'over' } } })
  })

  it('of more pieces than the bound are refused without reading other orders', async () => {
    await expect(after([{ quantity: 11 }])).rejects.toMatchObject({ code: 'too-many-pieces' })
  })

  it('add up the pieces of a SKU over their lines', async () => {
    const lines = [
      { sku: 'TEA-001', quantity: 6 },
      { sku: 'TEA-001', quantity: 5 },
    ]
    const placementStatusOf = async (): Promise<PlacementStatus> => ({ kind: 'over' })
    await expect(
      withPlacement(undefined, { orderId: 'o', lines }, { bounds, nowMs, placementStatusOf }),
    ).rejects.toMatchObject({
      code: 'too-many-pieces',
    })
  })
})

describe('lapsed orders', () => {
  const lapse = { 'o-0': { kind: 'lapsed' }, 'o-1': { kind: 'lapsed' }, 'o-2': { kind: 'over' } } as const

  it('free their places, until too many have lapsed within an hour', async () => {
    const one = { 'o-0': { kind: 'lapsed' } } as const
    expect((await after(times(4, {}), { statuses: one })).document!.lapses).toMatchObject([{ placedAtMs: nowMs }])
    await expect(
      after([{ atMs: nowMs - 30 * MINUTE }, { atMs: nowMs - 20 * MINUTE }, {}, {}], { statuses: lapse }),
    ).rejects.toMatchObject({
      code: 'too-many-unpaid-orders',
      bound: { bound: 'lapsed-orders', limit: 2, used: 2 },
      retryAfterSeconds: 1_800,
    })
  })

  it('count with their pieces for an hour, so that successive orders can not hold the stock all the time', async () => {
    const one = { 'o-0': { kind: 'lapsed' } } as const
    const again = (atMs: number) =>
      after(
        [
          { atMs: nowMs, quantity: 10 },
          { atMs, quantity: 10 },
        ],
        { statuses: one },
      )
    await expect(again(nowMs + 6 * MINUTE)).rejects.toMatchObject({
      code: 'too-many-unpaid-orders',
      bound: { bound: 'unpaid-pieces', limit: 10, used: 10 },
      retryAfterSeconds: 54 * 60,
    })
    await again(nowMs + 60 * MINUTE)
  })

  it('no longer count after an hour', async () => {
    const hourAgo = nowMs - 60 * MINUTE
    const { document } = await after([{ atMs: hourAgo }, { atMs: hourAgo }, {}, {}], { statuses: lapse })
    expect(document!.lapses).toEqual([])
  })
})

describe('orders within an hour', () => {
  const all = Object.fromEntries(times(20, 0).map((_, index) => [`o-${index}`, { kind: 'over' }])) as Record<
    string,
    PlacementStatus
  >

  it('are refused beyond the bound in any state of the earlier ones', async () => {
    await after(times(5, {}), { ordersPerHour: 5, statuses: all })
    await expect(after(times(6, {}), { ordersPerHour: 5, statuses: all })).rejects.toMatchObject({
      code: 'too-many-orders',
      bound: { bound: 'orders-per-hour', limit: 5, used: 5 },
      retryAfterSeconds: 65 * 60,
    })
  })

  it('may be placed when the oldest are an hour old, and the refusal states that time', async () => {
    const orders = [{ atMs: nowMs - 50 * MINUTE }, { atMs: nowMs - 50 * MINUTE }, { atMs: nowMs - 10 * MINUTE }]
    const placed = after([...orders, {}], { ordersPerHour: 3, statuses: all })
    await expect(placed).rejects.toMatchObject({ retryAfterSeconds: 15 * 60 })
    await after([...orders, { atMs: nowMs + 15 * MINUTE }], { ordersPerHour: 3, statuses: all })
  })
})

it('the document stays within its bounds after many orders', async () => {
  const { document } = await after(
    times(500, {}).map((_, index) => ({ atMs: nowMs + index * MINUTE })),
    { statuses: new Proxy({}, { get: (): PlacementStatus => ({ kind: 'over' }) }) },
  )
  expect(document!.unpaid.length).toBeLessThanOrEqual(bounds.unpaidOrders)
  expect(Object.keys(document!.placed).length).toBeLessThanOrEqual(14)
})
