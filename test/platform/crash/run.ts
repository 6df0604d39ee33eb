/** `npm run crash`: kills every service before and after each of its calls, within a burst of 200 orders, and audits the data. */

import { main, text, UsageError, wholeNumber } from '../../../cli/command.ts'
import { table } from '../../../cli/table.ts'
import { startTestPlatform } from '../../support/platform.ts'
import { balance } from './balance.testing.ts'
import { openAuditor } from './audited-data.testing.ts'
import { type Hit, startBurst, unrepeated } from './burst.testing.ts'
import { inFlight, killPoints, nameOf } from './kill-points.testing.ts'

/** A killed transaction keeps its locks for a minute, and may have delayed a delivery more than once. */
const SETTLED_TIMEOUT_MS = 180_000

/** After so long without a hit, it prints the pending kill points. */
const QUIET_MS = 15_000
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

void main('crash', {
  brief:
    'Kills every service before and after each commit, publish, send, acknowledgement and answer while customers order, and reconciles the data of all services.',
  about: `
Starts a platform of its own in memory. Every service is killed (SIGKILL), then stopped (SIGTERM) and paused (SIGSTOP, two
seconds) with a request in flight. At the end orders, the payment provider's ledger, stock, BigQuery, history and the send
log must agree, and deliveries that were not acknowledged must have been repeated. Ends with 1 if not.`,
  options: {
    orders: wholeNumber('orders in all', 200, { from: 1, to: 9_999 }),
    only: text('TEXT', 'points whose name contains TEXT ("payments", "SIGKILL after commit")', ''),
  },
  run: ({ orders, only }) => run(orders, only),
})

async function run(orders: number, only: string): Promise<number> {
  const startedMs = performance.now()
  const elapsed = (): string => `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s`
  const say = (line: string): void => console.log(`${elapsed()}  ${line}`)
  const points = [...killPoints, ...inFlight].filter((point) => nameOf(point).includes(only))
  if (points.length === 0)
    throw new UsageError(`--only ${only}: no point has this name; one is "${nameOf(killPoints[0]!)}".`)
  say(`starting a platform; ${points.length} points`)
  const platform = await startTestPlatform({ seeded: false })
  const auditor = openAuditor(platform)
  try {
    let count = 0
    let lastMs = performance.now()
    const burst = await startBurst(platform, {
      onHit({ point, waitedMs, recoveredMs }) {
        count += 1
        lastMs = performance.now()
        const progress = `${String(count).padStart(2)} of ${points.length}`
        say(`${progress}  ${nameOf(point)}: hit after ${seconds(waitedMs)}, back after ${seconds(recoveredMs)}`)
      },
    })
    const { customers } = burst
    say('the shop is open')
    const beat = setInterval(() => {
      if (performance.now() - lastMs < QUIET_MS) return
      lastMs = performance.now()
      say(
        [
          `${customers.placed.length} orders so far; waiting for ${burst.pending().join(', ') || 'customers and staff'}`,
          ...customers.waits().map((wait) => `        a client waits for ${wait}`),
        ].join('\n'),
      )
    }, 1_000)
    await burst.run(points, orders).finally(() => clearInterval(beat))
    say(`every point was hit, ${customers.placed.length} orders are placed; waiting until all data agree`)
    const disagreements = await auditor.reconcile(customers, SETTLED_TIMEOUT_MS)
    say('reconciled')

    const hits = burst.hits()
    console.log(`\n${hitsTable(hits)}\n`)
    console.log(table(balance(customers, await auditor.read()).map((line) => ({ ...line }))))
    const wrong = [...disagreements, ...unrepeated(hits)]
    for (const fault of wrong) console.log(`WRONG  ${fault}`)
    const repeated = hits.reduce((sum, hit) => sum + hit.repeated, 0)
    say(
      `${hits.length} hits within ${customers.placed.length} orders: ${repeated} deliveries repeated, ${customers.retries.length} requests sent again, ${await auditor.repeatedEvents()} events published more than once. ${wrong.length === 0 ? 'All data agree.' : `${wrong.length} things are wrong.`}`,
    )
    return wrong.length === 0 ? 0 : 1
  } finally {
    await auditor.close()
    await platform.close()
  }
}

function hitsTable(hits: readonly Hit[]): string {
  return table(
    hits.map(({ point, firing, waitedMs, recoveredMs, repeated, retried, lost }) => ({
      at: seconds(firing.timeMs - hits[0]!.firing.timeMs),
      point: nameOf(point),
      waited: seconds(waitedMs),
      back: seconds(recoveredMs),
      repeated,
      retried,
      lost,
    })),
  )
}
