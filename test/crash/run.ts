/** `npm run crash`: kills every service before and after all that it does, within a burst of 200 orders, and audits the books. */

import { main, UsageError } from '../../cli/command.ts'
import { table } from '../../cli/table.ts'
import { startTestPlatform } from '../support/platform.ts'
import { openBooks } from './books.ts'
import { startBurst, unrepeated } from './burst.ts'
import { inFlight, killPoints, nameOf } from './kill-points.ts'

const usage = `
npm run crash -- [--orders N] [--only TEXT]

Starts a platform of its own in memory. While customers order, every service is killed (SIGKILL) before and after each
commit, publish, send, acknowledgement and answer, then stopped (SIGTERM) and paused (SIGSTOP, two seconds) with a
request in flight. At the end orders, the payment provider's ledger, stock, BigQuery, history and the send log must
agree, and what was not acknowledged must have been repeated. Ends with 1 if not.

  --orders N     orders in all (default 200)
  --only TEXT    points whose name holds TEXT ("payments", "SIGKILL after commit")
`
/** A killed transaction keeps its locks for a minute, and a delivery may have met them more than once. */
const SETTLED_WITHIN_MS = 180_000

void main({
  usage,
  options: { orders: { type: 'string', default: '200' }, only: { type: 'string', default: '' } },
  run(values) {
    const orders = Number(values.orders)
    if (!Number.isInteger(orders) || orders < 1)
      throw new UsageError(`--orders takes a whole number from 1, not "${values.orders}".`)
    return run(orders, values.only)
  },
})

async function run(orders: number, only: string): Promise<number> {
  const startedMs = performance.now()
  const say = (line: string): void =>
    console.log(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}`)
  const points = [...killPoints, ...inFlight].filter((point) => nameOf(point).includes(only))
  const platform = await startTestPlatform({ seeded: false })
  const books = openBooks(platform)
  try {
    const burst = await startBurst(platform, { onHit: say })
    say(`the shop is open; ${points.length} points`)
    await burst.run(points, orders)
    say('every point was hit')
    const { customers } = burst
    const disagreements = await books.settled(customers, SETTLED_WITHIN_MS)
    say('at rest')
    const hits = burst.hits()
    console.log(
      table(
        hits.map(({ point, firing, recoveredMs, repeated, retried, lost }) => ({
          at: `${((firing.timeMs - hits[0]!.firing.timeMs) / 1000).toFixed(1)} s`,
          point: nameOf(point),
          back: `${(recoveredMs / 1000).toFixed(1)} s`,
          repeated,
          retried,
          lost,
        })),
      ),
    )
    const missing = unrepeated(hits)
    const repeated = hits.reduce((sum, hit) => sum + hit.repeated, 0)
    say(
      `${hits.length} hits within ${customers.placed.length} orders: ${repeated} deliveries repeated, ${customers.retries.length} requests sent again, ${await books.repeatedEvents()} events published more than once`,
    )
    for (const fault of [...disagreements, ...missing]) console.log(`WRONG  ${fault}`)
    return disagreements.length + missing.length === 0 ? 0 : 1
  } finally {
    await books.close()
    await platform.close()
  }
}
