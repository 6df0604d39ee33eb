/** The page of an order and the list while a service is slow, dead, wrong or flapping: the other parts, within their time, and why one is missing. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createCaller } from '../../shared/runtime/caller.ts'
import { type GraphqlAnswer, openGraph, partAt, shopAnswers, type TestGraph } from './graphql.testing.ts'
import { openIssuer, type TestIssuer } from './issuer.testing.ts'

const services = ['orders', 'catalog', 'history'] as const
type Service = (typeof services)[number]
type Fault = 'slow' | 'dead' | 'wrong' | 'flapping'

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())
afterEach(() => void vi.useRealTimers())

interface FaultyShop {
  readonly graph: TestGraph
  /** The service has this fault from now on; undefined: none. */
  set(service: Service, fault: Fault | undefined): void
  /** The answer, and the milliseconds until it came. */
  timed(query: string): Promise<GraphqlAnswer & { readonly tookMs: number }>
}

/** The gateway with the caller that it has when it runs: its timeouts, retries and circuits, over a network in memory. */
async function openFaultyShop(): Promise<FaultyShop> {
  const faults = new Map<string, Fault>()
  let calls = 0
  const network = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input)
    const fault = faults.get(url.hostname)
    calls += 1
    if (fault === 'dead' || (fault === 'flapping' && calls % 2 === 1)) throw new TypeError('fetch failed')
    if (fault === 'wrong') return Response.json({ what: 'is this?' })
    if (fault === 'slow')
      return new Promise((_, reject) =>
        init.signal!.addEventListener('abort', () => reject(init.signal!.reason as Error)),
      )
    const body = init.body === undefined ? {} : { body: JSON.parse(init.body as string) as unknown }
    return shopAnswers(url.hostname, `${url.pathname}${url.search}`, body)
  }
  const { call } = createCaller({
    peers: Object.fromEntries(services.map((name) => [name, `http://${name}`])),
    authorizationFor: async () => 'Bearer test',
    accessAuthorization: async () => 'Bearer test',
    telemetry: { query: (_, work) => work(), partner: (_, work) => work(), circuit: () => {} },
    send: network,
  })
  const graph = openGraph(issuer, { call })
  // The keys of the issuer come by a real network.
  await graph.post({ query: '{ __typename }' })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  return {
    graph,
    set: (service, fault) => void (fault ? faults.set(service, fault) : faults.delete(service)),
    async timed(query) {
      const before = calls
      const startedMs = performance.now()
      let tookMs: number | undefined
      const answer = graph.post({ query }).finally(() => (tookMs = performance.now() - startedMs))
      while (tookMs === undefined) {
        // The check of the token takes real time, in which the clock stands still.
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => void setImmediate(resolve))
        if (calls > before) await vi.advanceTimersByTimeAsync(50)
      }
      return { ...(await answer), tookMs }
    },
  }
}

const page =
  '{ readOrder(orderId: "o-1") { orderId lines { sku product { name } } missing { part code } timeline { unavailable entries { type } } } }'
const list =
  '{ listOrders(limit: 2) { orders { orderId order { status lines { product { name } } timeline { entries { type } } } } } }'
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
    // The edge has two seconds, which are declared with it.
    for (const { tookMs } of [without, stale, late]) expect(tookMs).toBeLessThan(4_000)
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
    const ofList = await shop.timed(list)
    expect([ofList.data, codesOf(ofList)]).toEqual([{ listOrders: null }, [code]])
    for (const { tookMs } of [ofOrder, ofList]) expect(tookMs).toBeLessThan(MAX_ANSWER_MS)
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

it('copies are of objects that are the same for every caller: no edge to an order has any', async () => {
  const shop = await openFaultyShop()
  expect((await shop.timed(list)).errors).toBeUndefined()
  shop.set('orders', 'dead')
  const answer = await shop.timed(list)
  expect([partAt(answer.data, 'listOrders', 'orders', 0, 'order'), answer.extensions]).toEqual([null, undefined])
})
