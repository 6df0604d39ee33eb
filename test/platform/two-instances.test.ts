/** Two instances of every service, and of every worker pool: kills and stops under load, after which all data agree, in both ways of delivery. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { services } from '../../functions/index.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { type Auditor, openAuditor } from './crash/audited-data.testing.ts'
import { type Burst, startBurst, unrepeated } from './crash/burst.testing.ts'
import { inFlight, killPoints } from './crash/kill-points.testing.ts'

const ORDERS = 16
const PRODUCTS = 2
const SETTLED_MS = 180_000
const LONG = { timeout: 300_000 }

const points = [...killPoints, ...inFlight]

const pullable = services.filter(({ on }) => on.length > 0).map(({ name }) => name)
const ways: readonly (readonly [way: string, pulled: readonly string[]])[] = [
  ['pushed', []],
  ['pulled by workers where they can be', pullable],
]

// Of each platform 40 processes start: npm test has two instances in one process, test/conformance/two-instances.test.ts.
describe.runIf(wholeLists).each(ways)('two instances of each service, whose events are %s', (_, pulled) => {
  let platform: TestPlatform
  let auditor: Auditor
  let burst: Burst
  const pidsOf = (name: string): number[] =>
    platform.run.processes().flatMap(({ service, pid }) => (service === name ? [pid] : []))

  beforeAll(async () => {
    platform = await startTestPlatform({ seeded: false, instances: 2, pulled })
    auditor = openAuditor(platform)
    burst = await startBurst(platform, { products: PRODUCTS })
  }, 240_000)
  afterAll(async () => {
    await auditor?.close()
    await platform?.close()
  }, 60_000)
  beforeEach(() => {
    // The local cloud reports each worker that ends.
    vi.spyOn(console, 'error').mockImplementation(() => {})
    return () => vi.restoreAllMocks()
  })

  it('run before the first request, and share the requests', LONG, async () => {
    const names = [...services.map(({ name }) => name), ...pulled.map((name) => `${name}-pull`)]
    await expect.poll(() => names.filter((name) => pidsOf(name).length !== 2), { timeout: 120_000 }).toEqual([])
    await burst.run([], 4)
    const served = Map.groupBy(
      platform.cloud.requestLog().filter(({ kind, pid }) => kind === 'ingress' && pid !== undefined),
      ({ resource }) => resource,
    )
    for (const [name, requests] of served)
      if (requests.length > 3) expect([name, new Set(requests.map(({ pid }) => pid)).size]).toEqual([name, 2])
    expect(served.size).toBeGreaterThan(6)
  })

  it('agree in all data after kills and stops of one of them', LONG, async () => {
    await burst.run(points, ORDERS)
    const expected = { placed: burst.customers.placed, products: burst.customers.products }
    expect(await auditor.reconcile(expected, SETTLED_MS)).toEqual([])
    expect(burst.hits()).toHaveLength(points.length)
    expect(unrepeated(burst.hits())).toEqual([])
  })
})
