/** Orders per second end to end, and of the bare durable log in the same minutes: the ratio is the cost of the architecture. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestPlatform } from '../support/platform.ts'
import { openBareLog } from './bare-log.ts'
import { cpuByProcess, median, ownCpuMs, rounded, type Served, underLoad } from './measure.ts'
import { subscribeToOutcomes, place } from './outcomes.ts'
import type { Section } from './section.ts'

/** Services, code and connections are warm after so many orders. */
const WARM_UP_ORDERS = 64
/** Each customer has one document of bounds, which concurrent orders may not write. */
const CUSTOMERS = 64

interface Run extends Served {
  readonly cpuMs: number
}

export const throughput: Section = {
  name: 'throughput',
  about: 'orders/s, p50 and p99 from POST to order.completed, CPU-ms per order; beside a bare SQLite log',
  async run({ orders, clients, runs, pulled }) {
    // On disk, like npm start.
    const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const platform = await startTestPlatform({ dataDirectory, views: 'all', pulled })
    const outcomes = await subscribeToOutcomes(platform.running)
    const log = await openBareLog()
    try {
      const customers = Array.from({ length: CUSTOMERS }, (_, index) => platform.customer(`customer-${index}`))
      let placed = 0
      const order = (): Promise<void> => place(outcomes, customers[placed++ % CUSTOMERS]!)
      await underLoad({ clients: 16, orders: WARM_UP_ORDERS, order })
      await underLoad({ clients: 16, orders: WARM_UP_ORDERS, order: log.order })
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
