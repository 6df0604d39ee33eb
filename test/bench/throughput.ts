/** Orders per second end to end, and of the bare durable log in the same minutes: the ratio is the cost of the architecture. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFile } from '../../functions/shop/cli/import/read.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { root } from '../support/root.ts'
import { openBareLog } from './bare-log.ts'
import { cpuByProcess, median, ownCpuMs, rounded, type Served, underLoad } from './measure.ts'
import { subscribeToOutcomes, place } from './outcomes.ts'
import type { Section } from './section.ts'

const WARM_UP_CLIENTS = 16
/** No run may sell them out. */
const IN_STOCK = 100_000
const SAMPLE = join(root, 'test', 'data', 'online-retail-2010-12-01-to-03.csv')
/** Orders of the sample with more lines count as ones of so many. */
const MAX_LINES = 30

interface Run extends Served {
  readonly cpuMs: number
}

export const throughput: Section = {
  name: 'throughput',
  about:
    'orders/s, p50 and p99 from POST to order.completed, CPU-ms per order; beside a bare SQLite log; --real: of as many lines as the orders of the sample',
  async run({ orders, clients, runs, pulled, warmUp, isReal }) {
    // On disk, like npm start.
    const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const platform = await startTestPlatform({ dataDirectory, views: 'all', pulled })
    const outcomes = await subscribeToOutcomes(platform.running)
    const log = await openBareLog()
    try {
      // Each customer has one document of bounds, which concurrent orders may not write.
      const customers = Array.from({ length: Math.max(WARM_UP_CLIENTS, ...clients) }, (_, index) =>
        platform.customer(`customer-${index}`),
      )
      const counts = isReal ? await linesOfSample() : [1]
      const skus = Array.from({ length: Math.max(...counts) }, (_, index) => `BENCH-${index + 1}`)
      await stock(platform, skus)
      let placed = 0
      const order = (): Promise<void> => {
        const at = placed++
        const lines = skus.slice(0, counts[at % counts.length]).map((sku) => ({ sku, quantity: 1 }))
        return place(outcomes, customers[at % customers.length]!, lines)
      }
      await underLoad({ clients: WARM_UP_CLIENTS, orders: warmUp, order })
      await underLoad({ clients: WARM_UP_CLIENTS, orders: warmUp, order: log.order })
      const rows = []
      let processes: Record<string, unknown>[] = []
      for (const count of clients) {
        const ours: Run[] = []
        const bare: Run[] = []
        for (let at = 0; at < runs; at++) {
          const before = cpuByProcess(platform)
          const served = await underLoad({ clients: count, orders, order })
          const spent = [...cpuByProcess(platform)].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const)
          ours.push({ ...served, cpuMs: spent.reduce((sum, [, ms]) => sum + ms, 0) / orders })
          processes = spent.map(([name, ms]) => ({ process: name, 'CPU-ms per order': rounded(ms / orders, 2) }))
          const ownBefore = ownCpuMs()
          const bareServed = await underLoad({ clients: count, orders, order: log.order })
          bare.push({ ...bareServed, cpuMs: (ownCpuMs() - ownBefore) / orders })
        }
        rows.push(row('Millrace', count, orders, ours), row('bare SQLite log', count, orders, bare))
        rows.push(ratio(count, ours, bare))
      }
      return [
        { title: `medians of ${runs} runs`, rows },
        { title: `where the time goes, last run with ${clients.at(-1)} clients`, rows: processes },
      ]
    } finally {
      log.close()
      await outcomes.close()
      await platform.close()
      rmSync(dataDirectory, { recursive: true, force: true })
    }
  },
}

/** The number of lines of each order of the sample, in its order. */
async function linesOfSample(): Promise<number[]> {
  const { orders } = await readFile(SAMPLE)
  return orders.map(({ lines }) => Math.min(lines.length, MAX_LINES))
}

async function stock(platform: TestPlatform, skus: readonly string[]): Promise<void> {
  await platform.sell(...skus.map((sku) => ({ sku, unitMinor: 1190 })))
  const body = { lines: skus.map((sku) => ({ sku, quantity: IN_STOCK })) }
  await platform.staff().send('POST', '/v1/stock', { key: crypto.randomUUID(), body, waitSeconds: 20 })
}

const of = (runs: readonly Run[], figure: keyof Run): number => median(runs.map((run) => run[figure]))

function row(system: string, clients: number, orders: number, runs: readonly Run[]): Record<string, unknown> {
  return {
    system,
    clients,
    orders,
    'orders/s': rounded(of(runs, 'perSecond')),
    'p50 ms': rounded(of(runs, 'p50Ms')),
    'p99 ms': rounded(of(runs, 'p99Ms')),
    'CPU-ms per order': rounded(of(runs, 'cpuMs'), 2),
  }
}

/** The ratio of the orders per second, and the inverse ratio of times and CPU. */
function ratio(clients: number, ours: readonly Run[], bare: readonly Run[]): Record<string, unknown> {
  const times = (figure: keyof Run, more: readonly Run[], less: readonly Run[]): string =>
    `${rounded(of(more, figure) / of(less, figure))} ×`
  return {
    system: 'costs',
    clients,
    orders: null,
    'orders/s': times('perSecond', bare, ours),
    'p50 ms': times('p50Ms', ours, bare),
    'p99 ms': times('p99Ms', ours, bare),
    'CPU-ms per order': times('cpuMs', ours, bare),
  }
}
