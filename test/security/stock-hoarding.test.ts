/** One customer can not hold a product's stock with unpaid orders: not at once, not in succession, not through two instances. */

import { setImmediate } from 'node:timers/promises'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { seededRandom } from 'local-google-cloud/host'
import { business } from '../../functions/index.ts'
import { app } from '../../functions/orders/app.ts'
import { testCharges } from '../../functions/orders/charges.testing.ts'
import { type Bounds, placingBounds } from '../../functions/orders/settings.ts'
import { parseSetting } from '../../shared/base/setting.ts'
import { orders } from '../../functions/orders/service.ts'
import { orderBody } from '../../functions/orders/shop.testing.ts'
import { answerProblem } from '../../shared/http/http.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { queryRoutes } from '../../shared/runtime/query-routes.ts'
import { memory, type Memory } from '../../shared/messaging/memory.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { environments, localEnvironment, localPorts } from '../../stacks/environments.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { createWorld, sku, type World } from '../support/simulation/world.ts'

const { prod } = environments

const MINUTE = 60_000
const inProd = parseSetting(placingBounds, business.settings(prod)['PLACING'])
const onLaptop = parseSetting(
  placingBounds,
  business.settings(localEnvironment(localPorts(4_100, business)))['PLACING'],
)

/** The pieces that unpaid orders hold. */
const held = (world: World): number =>
  [...world.platform('inventory').storedDocuments()]
    .filter(([path]) => path.startsWith('shards/'))
    .reduce((sum, [, shard]) => sum + Number(shard['reserved']), 0)

/** Declines each waiting authorization on the bank's page. */
async function decline({ provider }: World): Promise<void> {
  for (const { key, status } of provider.ledger.all()) {
    if (status !== 'action-required') continue
    const body = JSON.stringify({ outcome: 'declined' })
    const answer = await provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body })
    expect(answer.status).toBe(200)
  }
}

const customers = ['hoarder', 'buyer']
let keys = 0
const placeUnpaid = (world: World, quantity: number, card = 'card-action-required') =>
  world.place({ customer: 'hoarder', key: `hoard-${keys++}`, quantity, card })
/** Tries one declined card after the other with each order that waits for one. */
async function tryCards(world: World): Promise<void> {
  const paymentMethodRef = world.paymentMethodOf('card-declined')!
  for (const { orderId } of ordersOf(world).filter(({ status }) => status === 'pending'))
    await world.submit('PayOrder', { orderId, paymentMethodRef, by: 'customer' }, `again-${keys++}`)
}

describe.each([
  ['prod', inProd],
  ['a laptop', onLaptop],
])('a customer whose card waits for its bank, with the bounds of %s', (_name, bounds) => {
  it('holds only the bound with 25 orders over 1,000 pieces, and a buyer is served', async () => {
    const world = await createWorld({ stock: 1_000, bounds, customers })
    const answers = []
    for (let index = 0; index < 25; index++) answers.push(await placeUnpaid(world, 40))
    await world.run({ forMs: MINUTE })
    const { unpaidOrders, unpaidPieces } = bounds
    const accepted = Math.min(unpaidOrders, Math.floor(unpaidPieces / 40))
    expect(answers.map(({ status }) => status)).toEqual([
      ...Array.from({ length: accepted }, () => 201),
      ...Array.from({ length: 25 - accepted }, () => 409),
    ])
    expect(answers.at(-1)!.code).toBe('too-many-unpaid-orders')
    expect(held(world)).toBe(accepted * 40)
    const { orderId } = await world.place({ customer: 'buyer', key: 'buy', quantity: 2 })
    await world.run({ forMs: MINUTE })
    expect(ordersOf(world).find((order) => order.orderId === orderId)).toMatchObject({ status: 'completed' })
  })

  it('is refused one order of all pieces', async () => {
    const world = await createWorld({ stock: 1_000, bounds, customers })
    expect(await placeUnpaid(world, 1_000)).toMatchObject({ status: 422, code: 'too-many-pieces' })
  })
})

it('a hold ends five minutes after the customer was asked to act', async () => {
  const world = await createWorld({ stock: 1_000, bounds: inProd, customers })
  await placeUnpaid(world, 40)
  await world.run({ forMs: MINUTE })
  expect(held(world)).toBe(40)
  await world.run({ forMs: 5 * MINUTE })
  expect(held(world)).toBe(0)
  expect(ordersOf(world)).toMatchObject([{ status: 'expired' }])
})

describe.each([5, 20, 100])('a customer who renews the hold with orders of %i pieces', (quantity) => {
  it.each(['lets them lapse', 'declines them at the last moment', 'tries declined cards until the last moment'])(
    'and %s holds the bound for a part of each hour',
    async (how) => {
      const card = how.startsWith('tries') ? 'card-declined' : 'card-action-required'
      const world = await createWorld({ stock: 1_000, bounds: inProd, customers })
      let pieceMinutes = 0
      for (let minute = 0; minute < 180; minute++) {
        while ((await placeUnpaid(world, quantity, card)).status === 201);
        await world.run({ forMs: MINUTE })
        pieceMinutes += held(world)
        if (how.startsWith('declines') && minute % 5 === 4) await decline(world)
        if (how.startsWith('tries') && minute % 5 === 4) await tryCards(world)
      }
      expect(pieceMinutes).toBeGreaterThan(0)
      // At most the bound of pieces for six minutes of each hour plus a period of five minutes.
      expect(pieceMinutes / 180).toBeLessThanOrEqual(inProd.unpaidPieces * (11 / 60))
    },
  )
})

it('orders that are paid at once free their places', async () => {
  const card = 'card-ok'
  const world = await createWorld({ bounds: { ...inProd, unpaidOrders: 2 } })
  for (let index = 0; index < 6; index++) {
    expect(await world.place({ key: `k-${index}`, quantity: 1, card })).toMatchObject({ status: 201 })
    await world.run({ forMs: MINUTE })
  }
})

/** Two instances of orders over one store, interleaved by the seed. */
async function twoInstances(seed: number, bounds: Bounds) {
  const random = seededRandom(seed)
  const kept: Memory = memory(async () => {
    for (let waits = Math.floor(random.next() * 6); waits >= 0; waits--) await setImmediate()
  })
  const instances = await Promise.all(
    [0, 1].map(async () => {
      const platform = testPlatform(orders, {
        kept,
        settings: { RELEASE_DELAY_SECONDS: '0', PLACING: JSON.stringify(bounds), CHARGES: testCharges() },
        call: async () => Response.json({ unknown: [] }),
      })
      const http = new Hono()
      queryRoutes(http, app, platform, () => undefined)
      http.onError((error, c) => answerProblem(c, error))
      const price = { sku, unitMinor: 1190, currency: 'EUR' }
      await deliver(app, platform, message('price.changed', price, { subject: sku }))
      return http
    }),
  )
  const place = async (index: number, key: string, importer = false): Promise<{ status: number; body: Problem }> => {
    const response = await instances[index % 2]!.request('/orders', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sub: 'customer-1', importer, idempotencyKey: key, order: orderBody }),
    })
    return { status: response.status, body: (await response.json()) as Problem }
  }
  return { place, kept }
}
interface Problem {
  readonly code?: string
  readonly orderId?: string
}

describe('two instances', () => {
  it('accept exactly the bound of orders in each of 30 races', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { place, kept } = await twoInstances(seed, { ...inProd, unpaidOrders: 3 })
      const answers = await Promise.all(
        Array.from({ length: 8 }, async (_, index) => {
          let answer = await place(index, `key-${index}`)
          // The client retries a 503 with its key.
          while (answer.status === 503) answer = await place(index, `key-${index}`)
          return answer
        }),
      )
      expect(
        answers.map(({ status }) => status).toSorted((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual([201, 201, 201, 409, 409, 409, 409, 409])
      const placed = [...kept.streams().values()].filter((entries) =>
        entries.some(({ events }) => events.some(({ type }) => type === 'order.placed')),
      )
      expect(placed).toHaveLength(3)
    }
  })

  it('count one key once at either instance', async () => {
    const { place, kept } = await twoInstances(1, { ...inProd, ordersPerHour: 2, unpaidOrders: 2 })
    const same = await Promise.all([0, 1, 0, 1].map((index) => place(index, 'one')))
    expect(new Set(same.map(({ body }) => body.orderId)).size).toBe(1)
    expect([(await place(0, 'two')).status, (await place(1, 'three')).status]).toEqual([201, 429])
    expect((await place(1, 'one')).status).toBe(200)
    const [document] = [...kept.storedDocuments()]
      .filter(([path]) => path.startsWith('placements/'))
      .map(([, one]) => one)
    expect(document!['unpaid']).toHaveLength(2)
  })

  it('have no bounds for importers', async () => {
    const { place } = await twoInstances(1, { ...inProd, ordersPerHour: 1, unpaidOrders: 1 })
    for (let index = 0; index < 5; index++) expect((await place(index, `invoice-${index}`, true)).status).toBe(201)
  })
})
