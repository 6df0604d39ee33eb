/** The page of an order, the list and placing while a service is slow, dead, wrong or flapping: the other parts, within their time, and why one is missing. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { metrics } from '../../shared/signals/metrics.ts'
import { FAILURES_TO_OPEN, HALF_OPEN_AFTER_MS } from '../../shared/http/resilience.ts'
import { type Fault, faultyNetwork } from '../../shared/runtime/faulty-network.testing.ts'
import { type GraphqlAnswer, openGraph, partAt, shopAnswers, type TestGraph } from './graphql.testing.ts'
import { openIssuer, type TestIssuer } from './issuer.testing.ts'
import { order } from './placed-order.testing.ts'

const services = ['orders', 'catalog', 'history'] as const
type Service = (typeof services)[number]

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())
afterEach(() => void vi.useRealTimers())

interface FaultyShop {
  readonly graph: TestGraph
  /** The service has this fault from now on; undefined: none. */
  set(service: Service, fault: Fault | undefined): void
  /** How often it was called since its fault began or ended. */
  count(service: Service): number
  /** The answer, and the milliseconds until it came. */
  timed(query: string): Promise<GraphqlAnswer & { readonly tookMs: number }>
  /** By REST. */
  read(path: string): Promise<{ readonly status: number; readonly code: string | undefined; readonly tookMs: number }>
  /** Places the same order each time, under one key. */
  place(): Promise<{
    readonly status: number
    readonly code: string | undefined
    readonly retryAfter: string | null
    readonly tookMs: number
  }>
}

/** The gateway with the caller that it has when it runs. */
async function openFaultyShop(): Promise<FaultyShop> {
  const network = faultyNetwork(services, shopAnswers)
  const graph = openGraph(issuer, { call: network.call })
  const headers = {
    authorization: `Bearer ${await graph.token()}`,
    'content-type': 'application/json',
    'idempotency-key': 'key-1',
  }
  // The keys of the issuer come by a real network.
  await graph.post({ query: '{ __typename }' })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  return {
    graph,
    set: network.set,
    count: network.count,
    async timed(query) {
      const { result, tookMs } = await network.timed(() => graph.post({ query }))
      return { ...result, tookMs }
    },
    async read(path) {
      const { result, tookMs } = await network.timed(async () => graph.request(path, { headers }))
      const { code } = (await result.json()) as { readonly code?: string }
      return { status: result.status, code, tookMs }
    },
    async place() {
      const { result, tookMs } = await network.timed(() =>
        graph.request('/v1/orders', { method: 'POST', headers, body: JSON.stringify(order) }),
      )
      const { code } = (await result.json()) as { readonly code?: string }
      return { status: result.status, code, retryAfter: result.headers.get('retry-after'), tookMs }
    },
  }
}

const page =
  '{ readOrder(orderId: "o-1") { orderId lines { sku product { name } } missing { part code } timeline { unavailable entries { type } } } }'
const list =
  '{ listOrders(limit: 2) { orders { orderId order { status lines { product { name } } timeline { entries { type } } } } } }'
const missingParts = ({ graph: { platform } }: FaultyShop) =>
  platform.measures.filter(({ name }) => name === metrics.missingParts.name).map(({ attributes }) => attributes)
const codesOf = ({ errors = [] }: GraphqlAnswer) => [...new Set(errors.map(({ extensions }) => extensions.code))]

/** An edge has two seconds or five, and a query five. */
const MAX_ANSWER_MS = 6_000

describe.each<[Fault, string]>([
  ['slow', 'unavailable'],
  ['dead', 'unavailable'],
  ['wrong', 'bug'],
])('a service that is %s', (fault, code) => {
  it('catalog: orders are shown without products, and with copies of those that were read before', async () => {
    const shop = await openFaultyShop()
    shop.set('catalog', fault)
    const without = await shop.timed(page)
    expect(partAt(without.data, 'readOrder')).toMatchObject({ orderId: 'o-1', lines: [{ product: null }] })
    expect([codesOf(without), without.extensions]).toEqual([[code], undefined])
    const ofList = await shop.timed(list)
    expect(partAt(ofList.data, 'listOrders', 'orders', 0, 'order')).toMatchObject({ lines: [{ product: null }, {}] })
    expect(codesOf(ofList)).toEqual([code])
    shop.set('catalog', undefined)
    // The circuit of a callee that failed lets one call try it after two seconds.
    await vi.advanceTimersByTimeAsync(3_000)
    expect((await shop.timed(page)).errors).toBeUndefined()
    shop.set('catalog', fault)
    shop.graph.platform.advance(60_000)
    const stale = await shop.timed(page)
    expect(partAt(stale.data, 'readOrder', 'lines', 0, 'product')).toEqual({ name: 'Tea TEA-001' })
    expect([codesOf(stale), stale.extensions]).toEqual([
      [],
      { stale: [{ edge: 'OrderLine.product', ageSeconds: 60, code }] },
    ])
    shop.graph.platform.advance(1_800_000)
    const late = await shop.timed(page)
    expect([codesOf(late), late.extensions]).toEqual([[code], undefined])
    const edge = { service: 'gateway', part: 'OrderLine.product', code }
    expect(missingParts(shop)).toEqual(['none', 'none', 'copies', 'none'].map((fallback) => ({ ...edge, fallback })))
    // The edge has two seconds, which are declared with it.
    for (const { tookMs } of [without, ofList, stale, late]) expect(tookMs).toBeLessThan(4_000)
  })

  it('history: the order is shown, its timeline says that it is missing, and the list says why it is missing', async () => {
    const shop = await openFaultyShop()
    shop.set('history', fault)
    const ofOrder = await shop.timed(page)
    expect(partAt(ofOrder.data, 'readOrder')).toMatchObject({
      orderId: 'o-1',
      timeline: { unavailable: true },
      missing: [{ part: 'timeline', code }],
    })
    expect(codesOf(ofOrder)).toEqual([])
    expect(missingParts(shop)).toEqual([{ service: 'gateway', part: 'timeline', code, fallback: 'none' }])
    const ofList = await shop.timed(list)
    expect([ofList.data, codesOf(ofList)]).toEqual([{ listOrders: null }, [code]])
    // By REST the answer is handed on as it came, since its owner checks it.
    const byRest = await shop.read('/v1/orders')
    expect([byRest.status, byRest.code]).toEqual(fault === 'wrong' ? [200, undefined] : [503, 'unavailable'])
    for (const { tookMs } of [ofOrder, ofList, byRest]) expect(tookMs).toBeLessThan(MAX_ANSWER_MS)
  })

  it('orders: the list has its rows, and the page of an order says why it is missing', async () => {
    const shop = await openFaultyShop()
    shop.set('orders', fault)
    const ofList = await shop.timed(list)
    expect(partAt(ofList.data, 'listOrders', 'orders')).toEqual([
      { orderId: 'o-1', order: null },
      { orderId: 'o-2', order: null },
    ])
    const ofOrder = await shop.timed(page)
    expect([ofOrder.data, codesOf(ofList), codesOf(ofOrder)]).toEqual([{ readOrder: null }, [code], [code]])
    for (const { tookMs } of [ofOrder, ofList]) expect(tookMs).toBeLessThan(MAX_ANSWER_MS)
  })
})

describe('placing an order', () => {
  it.each<[Fault, number, string, number]>([
    // The operation has 20 s (docs/resilience.md), and the request 25.
    ['slow', 503, 'unavailable', 20_000],
    ['dead', 503, 'unavailable', 0],
    ['flapping', 503, 'unavailable', 0],
  ])('while orders is %s is answered %i %s, asked once, and taken later', async (fault, status, code, timeoutMs) => {
    const shop = await openFaultyShop()
    shop.set('orders', fault)
    const failed = await shop.place()
    expect([failed.status, failed.code, failed.retryAfter]).toEqual([status, code, status === 503 ? '1' : null])
    expect(failed.tookMs).toBeGreaterThanOrEqual(timeoutMs)
    expect(failed.tookMs).toBeLessThan(timeoutMs + 1_000)
    // It writes: a second attempt is the client's, under the same key.
    expect(shop.count('orders')).toBe(1)
    if (fault !== 'flapping') shop.set('orders', undefined)
    expect(await shop.place()).toMatchObject({ status: 201 })
  })

  it('while orders is wrong is a bug in every spelling: no client reads that it was placed', async () => {
    const shop = await openFaultyShop()
    shop.set('orders', 'wrong')
    const mutation = `mutation { placeOrder(currency: "EUR", lines: [{ sku: "TEA-001", quantity: 2 }], addressRef: "address-1", paymentMethodRef: "card-ok", idempotencyKey: "key-1") { orderId } }`
    const failed = await shop.timed(mutation)
    expect([failed.data, codesOf(failed)]).toEqual([{ placeOrder: null }, ['bug']])
    expect(await shop.place()).toMatchObject({ status: 500, code: 'bug' })
    expect(shop.count('orders')).toBe(2)
  })

  it.each<[Fault]>([['slow'], ['dead'], ['wrong'], ['flapping']])(
    'needs neither history nor catalog, which are %s',
    async (fault) => {
      const shop = await openFaultyShop()
      shop.set('history', fault)
      shop.set('catalog', fault)
      const { status, tookMs } = await shop.place()
      expect([status, tookMs < 1_000]).toEqual([201, true])
    },
  )

  it('meets an open circuit after eight failures, and is answered without a call', async () => {
    const shop = await openFaultyShop()
    shop.set('orders', 'dead')
    for (let attempt = 0; attempt < FAILURES_TO_OPEN; attempt++) await shop.place()
    shop.set('orders', undefined)
    expect(await shop.place()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(shop.count('orders')).toBe(0)
    await vi.advanceTimersByTimeAsync(HALF_OPEN_AFTER_MS)
    expect(await shop.place()).toMatchObject({ status: 201 })
  })
})

it('a flapping service is asked again where nothing is written, and answered from copies elsewhere', async () => {
  const shop = await openFaultyShop()
  expect((await shop.timed(page)).errors).toBeUndefined()
  for (const service of services) shop.set(service, 'flapping')
  const answers = [await shop.timed(page), await shop.timed(page), await shop.timed(page)]
  for (const answer of answers) {
    expect(codesOf(answer)).toEqual([])
    expect(partAt(answer.data, 'readOrder', 'lines', 0, 'product')).toEqual({ name: 'Tea TEA-001' })
  }
})

it.each(services)(
  'while %s alone is flapping the list has every row, and names the part that is missing',
  async (service) => {
    const shop = await openFaultyShop()
    shop.set(service, 'flapping')
    const { data, tookMs, ...answer } = await shop.timed(list)
    expect(partAt(data, 'listOrders', 'orders')).toMatchObject([{ orderId: 'o-1' }, { orderId: 'o-2' }])
    // Objects of an edge are read by POST, which is not repeated.
    expect([codesOf(answer as GraphqlAnswer), tookMs < MAX_ANSWER_MS]).toEqual([['unavailable'], true])
    shop.set(service, 'flapping')
    expect(await shop.read('/v1/orders')).toMatchObject({ status: 200 })
  },
)

it('copies are of objects that are the same for every caller: no edge to an order has any', async () => {
  const shop = await openFaultyShop()
  expect((await shop.timed(list)).errors).toBeUndefined()
  shop.set('orders', 'dead')
  const answer = await shop.timed(list)
  expect([partAt(answer.data, 'listOrders', 'orders', 0, 'order'), answer.extensions]).toEqual([null, undefined])
})
