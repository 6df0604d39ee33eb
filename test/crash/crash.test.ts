/** Some of what `npm run crash` does, on every build: kills at the places that tell most, stops, pauses, and the gateway's death after its POST. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Refusal } from '../../cli/api.ts'
import { references } from '../../functions/shop/cli/references.ts'
import type { FaultAction, FaultRule, RequestLogEntry } from 'local-google-cloud'
import { services } from '../../functions/index.ts'
import { enqueuedBy } from '../../shared/service/service.ts'
import { root, startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type Auditor, openBooks } from './books.ts'
import { type Burst, receiverOf, startBurst, unrepeated } from './burst.ts'
import { inFlight, killPoints, nameOf, ruleFor } from './kill-points.ts'
import type { Placed } from './shopper.ts'

/** The provider has the money, or the carrier a parcel, and no commit records it yet. */
const chosen = ['payments SIGKILL before commit of payment.authorized', 'shipping SIGKILL before publish']
const ORDERS = 12
const PRODUCTS = 2
/** Limits for what hangs: a message that was hit several times waits ever longer, and a killed transaction keeps its locks for a minute. */
const SETTLED_TIMEOUT_MS = 180_000
const TEST_MS = 300_000

/** Who serves the customer, who works in a transaction, and who runs in the functions framework. */
const signalled = ['orders', 'inventory', 'notifications']
/** Asked by the customer, by a task, and by a push in the functions framework. */
const killedAtStart = ['gateway', 'payments', 'notifications']
const names = services.map(({ name }) => name)

let platform: TestPlatform
let books: Auditor
let burst: Burst
/** By the tests themselves, beside the burst. */
const placed: Placed[] = []

beforeAll(async () => {
  platform = await startTestPlatform({ seeded: false })
  books = openBooks(platform)
  burst = await startBurst(platform, { products: PRODUCTS })
}, 240_000)
afterAll(async () => {
  await books?.close()
  await platform?.close()
}, 60_000)

const place = async (key: string): Promise<string> => {
  const { sku, unitMinor } = burst.customers.products.find(({ stock }) => stock > 0)!
  const api = platform.customer()
  const own = await references(api)
  const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
    key,
    body: { currency: 'EUR', lines: [{ sku, quantity: 1 }], ...own },
  })
  const { orderId } = body
  if (!placed.some((one) => one.orderId === orderId))
    placed.push({ orderId, sku, quantity: 1, totalMinor: unitMinor, ends: 'completed' })
  return orderId
}
/** When it has ended, everybody has heard so, and nothing is on its way any more; at that, all books must agree. */
const atRest = async (): Promise<void> => {
  const { customers } = burst
  const expected = { placed: [...customers.placed, ...placed], products: customers.products }
  expect(await books.settled(expected, SETTLED_TIMEOUT_MS)).toEqual([])
}
const failedDeliveries = (sinceMs: number): RequestLogEntry[] =>
  platform.cloud
    .requestLog()
    .filter(
      ({ kind, status, timeMs }) =>
        (kind === 'push' || kind === 'task') && timeMs >= sinceMs && (status < 200 || status > 299),
    )
const inFlightRule = (principal: string, action: FaultAction): FaultRule => ({
  principal,
  method: 'google.firestore.v1.Firestore.Commit',
  when: 'before',
  action,
})
const pids = (): Map<string, number> => new Map(platform.run.processes().map(({ service, pid }) => [service, pid]))

it('there are points before and after every commit, publish, send and acknowledgement of every service', () => {
  expect(readFileSync(join(root, 'docs', 'reliability.md'), 'utf8')).toContain(
    `${killPoints.length} kills and ${inFlight.length} signals`,
  )
  for (const service of services) {
    const { name, emits, on, accepts, collections } = service
    const expected = [
      ...(Object.keys(collections).length > 0 ? ['commit'] : []),
      ...(emits.length > 0 ? ['publish'] : []),
      ...(enqueuedBy(service).length > 0 ? ['send'] : []),
      ...(on.length + accepts.length > 0 ? ['acknowledge'] : []),
    ].flatMap((does) => [`${name} SIGKILL before ${does}`, `${name} SIGKILL after ${does}`])
    expect(killPoints.map(nameOf)).toEqual(expect.arrayContaining(expected))
  }
})

it('killed within a burst: what was in its hands comes again, and all books agree', { timeout: TEST_MS }, async () => {
  const points = killPoints.filter((point) => chosen.includes(nameOf(point)))
  expect(points.map(nameOf).toSorted()).toEqual(chosen.toSorted())
  await burst.run(points, ORDERS)
  expect(burst.customers.placed.length).toBeGreaterThanOrEqual(ORDERS)
  await atRest()
  expect(burst.hits()).toHaveLength(chosen.length)
  expect(unrepeated(burst.hits())).toEqual([])
})

it('inventory dies before it acknowledges: the stock is taken once', { timeout: TEST_MS }, async () => {
  // Not within the burst: what else it had in a transaction would stay locked for a minute.
  const point = killPoints.find((one) => nameOf(one) === 'inventory SIGKILL before acknowledge')!
  const sinceMs = Date.now()
  const { id } = platform.cloud.faults.add(ruleFor(point))
  await place(crypto.randomUUID())
  await atRest()
  await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs).map(receiverOf)).toEqual(['inventory'])
})

it(
  'the gateway dies after its POST: the retry with the same key gets the same order',
  { timeout: TEST_MS },
  async () => {
    const key = crypto.randomUUID()
    const { id } = platform.cloud.faults.add({
      principal: 'orders',
      method: 'google.firestore.v1.Firestore.Commit',
      when: 'after',
      about: 'order.placed',
      action: { signal: 'SIGKILL', to: 'gateway' },
    })
    const before = await books.count('orders', 'streams')
    await expect(place(key)).rejects.toBeInstanceOf(Refusal)
    await platform.cloud.faults.whenFired(id)
    const orderId = await place(key)
    expect(await place(key)).toBe(orderId)
    expect(await books.count('orders', 'streams')).toBe(before + 1)
  },
)

it('each service finishes a request in flight on SIGTERM: no delivery fails', { timeout: TEST_MS }, async () => {
  await atRest()
  const before = pids()
  const sinceMs = Date.now()
  const ids = signalled.map((service) => platform.cloud.faults.add(inFlightRule(service, { signal: 'SIGTERM' })).id)
  await place(crypto.randomUUID())
  await atRest()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs)).toEqual([])
  // Each has ended: another one did the rest of its work.
  for (const service of signalled) expect(pids().get(service)).not.toBe(before.get(service))
})

it('paused with a request in flight, each goes on with it: no delivery fails', { timeout: TEST_MS }, async () => {
  const before = pids()
  const sinceMs = Date.now()
  const pause = { signal: 'SIGSTOP', resumeAfterMs: 500 } as const
  const ids = signalled.map((service) => platform.cloud.faults.add(inFlightRule(service, pause)).id)
  await place(crypto.randomUUID())
  await atRest()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs)).toEqual([])
  for (const service of signalled) expect(pids().get(service)).toBe(before.get(service))
})

it('killed while idle or while it starts: the next request starts it again', { timeout: TEST_MS }, async () => {
  const sinceMs = Date.now()
  const kill = { method: 'run.start', when: 'before', action: { signal: 'SIGKILL' } } as const
  const ids = killedAtStart.map((principal) => platform.cloud.faults.add({ ...kill, principal }).id)
  for (const name of names) await platform.run.kill(name, 'SIGKILL')
  expect(platform.run.processes()).toEqual([])
  const key = crypto.randomUUID()
  await expect(place(key)).rejects.toMatchObject({ problem: { status: 503 } })
  await place(key)
  await atRest()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  // Who was only idle took everything at once.
  expect(new Set(failedDeliveries(sinceMs).map(receiverOf))).toEqual(new Set(['payments', 'notifications']))
})
