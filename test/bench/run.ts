/** `npm run bench`: orders per second end to end, where the time goes, and what one order costs in operations. */

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Api } from '../../cli/api.ts'
import { table } from '../../cli/table.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { hearOutcomes, type Outcomes } from './outcomes.ts'

const usage = `
npm run bench -- [--orders N] [--clients 1,16]

Starts a platform of its own in memory and prints three tables: orders per second with that many clients, CPU-ms per
order by process, and the operations of one order as the emulators count them. Figures depend on the machine; compare
within one run.

  --orders N      orders per measurement (default 200)
  --clients LIST  how many clients order at once (default 1,16)
`

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '200' },
    clients: { type: 'string', default: '1,16' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) console.log(usage.trim())
else await bench(Number(values.orders), values.clients.split(',').map(Number))

async function bench(orders: number, clients: readonly number[]): Promise<void> {
  const platform = await startTestPlatform()
  const outcomes = await hearOutcomes(platform.running)
  try {
    const first = await timed(() => order(outcomes, platform.customer()))
    console.log(`first order, every service asleep: ${first.toFixed(0)} ms from POST to order.completed\n`)
    await measure(platform, outcomes, 50, 16)

    const before = platform.cloud.counters()
    await order(outcomes, platform.customer())
    const settled = await quiet(platform)
    console.log(`${table(operations(before, settled))}\n`)

    const rows = []
    for (const count of clients) rows.push(await measure(platform, outcomes, orders, count))
    console.log(`${table(rows.map(({ row }) => row))}\n`)
    console.log(table(rows.at(-1)!.cpu))
  } finally {
    await outcomes.close()
    await platform.close()
  }
}

async function measure(platform: TestPlatform, outcomes: Outcomes, orders: number, clients: number) {
  const api = platform.customer()
  const latencies: number[] = []
  const cpuBefore = cpuMs(platform)
  let left = orders
  const startedMs = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) latencies.push(await timed(() => order(outcomes, api)))
    }),
  )
  const seconds = (performance.now() - startedMs) / 1000
  const cpuAfter = cpuMs(platform)
  const cpu = [...cpuAfter].map(([process, ms]) => ({
    process,
    'CPU-ms per order': Number(((ms - (cpuBefore.get(process) ?? 0)) / orders).toFixed(2)),
  }))
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]!)
  const row = {
    clients,
    orders,
    'orders/s': Number((orders / seconds).toFixed(1)),
    'p50 ms': at(0.5),
    'p99 ms': at(0.99),
    'CPU-ms per order': Number(cpu.reduce((sum, one) => sum + one['CPU-ms per order'], 0).toFixed(1)),
  }
  return { row, cpu }
}

async function order(outcomes: Outcomes, api: Api): Promise<void> {
  const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
    key: crypto.randomUUID(),
    body: { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }], addressRef: 'a', paymentMethodRef: 'card-ok' },
  })
  await outcomes.ended(body.orderId)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

/** The counters once nothing moves any more: history, notifications and BigQuery come after order.completed. */
async function quiet(platform: TestPlatform): Promise<Record<string, number>> {
  let last = ''
  for (;;) {
    const now = platform.cloud.counters()
    if (JSON.stringify(now) === last) return now
    last = JSON.stringify(now)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function operations(before: Record<string, number>, after: Record<string, number>): Record<string, unknown>[] {
  return Object.keys(after)
    .toSorted()
    .map((counter) => ({ operation: counter, 'per order': after[counter]! - (before[counter] ?? 0) }))
    .filter((row) => row['per order'] !== 0)
}

/** User and system time of this process (local cloud and clients) and of each service, from /proc; empty elsewhere. */
function cpuMs(platform: TestPlatform): Map<string, number> {
  const own = process.cpuUsage()
  const ticksToMs = 10
  const result = new Map([['local cloud and clients', (own.user + own.system) / 1000]])
  for (const { service, pid } of platform.run.processes()) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      result.set(service, (Number(fields[11]) + Number(fields[12])) * ticksToMs)
    } catch {
      // Not Linux.
    }
  }
  return result
}
