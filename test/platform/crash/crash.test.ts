/** A selection of `npm run crash` for every build: kills at the most critical points, stops, pauses, and a kill of the gateway after its POST. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Refusal } from '../../../cli/api.ts'
import { references } from '../../../functions/shop/cli/references.ts'
import type { FaultAction, FaultRule, RequestLogEntry } from 'local-google-cloud'
import { services } from '../../../functions/index.ts'
import { enqueuedBy } from '../../../shared/service/service.ts'
import { commits } from '../../support/commits.ts'
import { startTestPlatform, type TestPlatform } from '../../support/platform.ts'
import { root } from '../../support/root.ts'
import { type Auditor, openAuditor } from './audited-data.testing.ts'
import { type Burst, receiverOf, startBurst, unrepeated } from './burst.testing.ts'
import { inFlight, killPoints, nameOf, rare, ruleFor } from './kill-points.testing.ts'
import type { Placed } from './retrying-clients.testing.ts'

/** The provider holds money, or the carrier a parcel, that no commit has recorded. */
const chosen = ['payments SIGKILL before commit of payment.authorized', 'shipping SIGKILL before publish']
const ORDERS = 12
const PRODUCTS = 2
/** Generous limits: a message that was hit several times has a long backoff, and a killed transaction keeps its locks for a minute. */
const SETTLED_TIMEOUT_MS = 180_000
const TEST_MS = 300_000

/** One service for customers, one with transactions, and one in the functions framework. */
const signalled = ['orders', 'inventory', 'notifications']
/** Services called by the customer, by a task, and by a push in the functions framework. */
const killedAtStart = ['gateway', 'payments', 'notifications']
const names = services.map(({ name }) => name)

let platform: TestPlatform
let auditor: Auditor
let burst: Burst
/** Orders placed by the tests, in addition to the burst. */
const placed: Placed[] = []

beforeAll(async () => {
  platform = await startTestPlatform({ seeded: false })
  auditor = openAuditor(platform)
  burst = await startBurst(platform, { products: PRODUCTS })
}, 240_000)
afterAll(async () => {
  await auditor?.close()
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
/** Waits until all orders have ended and all deliveries are done; then the data of all services must agree. */
const expectConsistency = async (): Promise<void> => {
  const { customers } = burst
  const expected = { placed: [...customers.placed, ...placed], products: customers.products }
  expect(await auditor.reconcile(expected, SETTLED_TIMEOUT_MS)).toEqual([])
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
  method: commits,
  when: 'before',
  action,
})
const pids = (): Map<string, number> => new Map(platform.run.processes().map(({ service, pid }) => [service, pid]))

it('there are kill points before and after every commit, publish, send and acknowledgement of every service, except those to which no burst leads', () => {
  expect(rare).toEqual({ webhooks: ['publish'] })
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
    ]
      .filter((does) => !rare[name]?.some((one) => one === does))
      .flatMap((does) => [`${name} SIGKILL before ${does}`, `${name} SIGKILL after ${does}`])
    expect(killPoints.map(nameOf)).toEqual(expect.arrayContaining(expected))
  }
})

it(
  'kills within a burst: interrupted deliveries are repeated, and the data of all services agree',
  { timeout: TEST_MS },
  async () => {
    const points = killPoints.filter((point) => chosen.includes(nameOf(point)))
    expect(points.map(nameOf).toSorted()).toEqual(chosen.toSorted())
    await burst.run(points, ORDERS)
    expect(burst.customers.placed.length).toBeGreaterThanOrEqual(ORDERS)
    await expectConsistency()
    expect(burst.hits()).toHaveLength(chosen.length)
    expect(unrepeated(burst.hits())).toEqual([])
  },
)

it('a kill of inventory before its acknowledgement: the stock is taken once', { timeout: TEST_MS }, async () => {
  // Not within the burst, where other transactions would leave locks for a minute.
  const point = killPoints.find((one) => nameOf(one) === 'inventory SIGKILL before acknowledge')!
  const sinceMs = Date.now()
  const { id } = platform.cloud.faults.add(ruleFor(point))
  await place(crypto.randomUUID())
  await expectConsistency()
  await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs).map(receiverOf)).toEqual(['inventory'])
})

it(
  'a kill of the gateway after its POST: the retry with the same key gets the same order',
  { timeout: TEST_MS },
  async () => {
    const key = crypto.randomUUID()
    const { id } = platform.cloud.faults.add({
      principal: 'orders',
      method: commits,
      when: 'after',
      about: 'order.placed',
      action: { signal: 'SIGKILL', to: 'gateway' },
    })
    const before = await auditor.count('orders', 'streams')
    await expect(place(key)).rejects.toBeInstanceOf(Refusal)
    await platform.cloud.faults.whenFired(id)
    const orderId = await place(key)
    expect(await place(key)).toBe(orderId)
    expect(await auditor.count('orders', 'streams')).toBe(before + 1)
  },
)

it('SIGTERM: each service finishes its request in flight, and no delivery fails', { timeout: TEST_MS }, async () => {
  await expectConsistency()
  const before = pids()
  const sinceMs = Date.now()
  const ids = signalled.map((service) => platform.cloud.faults.add(inFlightRule(service, { signal: 'SIGTERM' })).id)
  await place(crypto.randomUUID())
  await expectConsistency()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs)).toEqual([])
  // Each process has ended, and another one continued its work.
  for (const service of signalled) expect(pids().get(service)).not.toBe(before.get(service))
})

it('a pause: each service continues its request in flight, and no delivery fails', { timeout: TEST_MS }, async () => {
  const before = pids()
  const sinceMs = Date.now()
  const pause = { signal: 'SIGSTOP', resumeAfterMs: 500 } as const
  const ids = signalled.map((service) => platform.cloud.faults.add(inFlightRule(service, pause)).id)
  await place(crypto.randomUUID())
  await expectConsistency()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  expect(failedDeliveries(sinceMs)).toEqual([])
  for (const service of signalled) expect(pids().get(service)).toBe(before.get(service))
})

it('a kill while idle or starting: the next request starts the service again', { timeout: TEST_MS }, async () => {
  const sinceMs = Date.now()
  const kill = { method: 'run.start', when: 'before', action: { signal: 'SIGKILL' } } as const
  const ids = killedAtStart.map((principal) => platform.cloud.faults.add({ ...kill, principal }).id)
  for (const name of names) await platform.run.kill(name, 'SIGKILL')
  expect(platform.run.processes()).toEqual([])
  const key = crypto.randomUUID()
  await expect(place(key)).rejects.toMatchObject({ problem: { status: 503 } })
  await place(key)
  await expectConsistency()
  for (const id of ids) await platform.cloud.faults.whenFired(id)
  // A service that was only idle accepted every request at the first attempt.
  expect(new Set(failedDeliveries(sinceMs).map(receiverOf))).toEqual(new Set(['payments', 'notifications']))
})
