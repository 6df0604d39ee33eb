/** The operations of one order by the emulators' counters, and those beyond the budget. */

import { readFileSync } from 'node:fs'
import type { PubsubCore } from 'local-google-cloud/pubsub'
import { billOf } from '../../../cli/bill/price.ts'
import { stuckSubscription } from '../../../shared/base/names.ts'
import type { TestPlatform } from '../../support/platform.ts'

export type Operations = Readonly<Record<string, number>>

interface BudgetLine {
  readonly most: number
  readonly for: string
}
export interface Budget {
  readonly order: string
  /** The most that a million of them may cost in dollars, by `npm run bill`'s prices: Firestore Standard, requests without their CPU and memory. */
  readonly usdPerMillion: number
  /** Sums without history and notifications, which only subscribe. */
  readonly aims: Readonly<Record<string, { readonly most: number; readonly counters: string }>>
  readonly lines: Readonly<Record<string, BudgetLine>>
}

export type BudgetName =
  | 'one-order'
  | 'two-parcels'
  | 'second-card'
  | 'renewal'
  | 'refund'
  | 'cancelled-order'
  | 'recapture'
  | 'corrected-address'
  | 'lapse'
  | 'dispute'
  | 'captured-once'
  | 'bank-page'
  | 'cancelled-parcel'
  | 'imported-order'
  | 'nothing-to-pay'
  | 'returned-parcel'
  | 'cancelled-too-late'
  | 'expired-order'

/** The budget of a file beside this one. */
export const budgetOf = (name: BudgetName): Budget =>
  JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as Budget

/** The budgeted counters: those of each database, queue and service, and Pub/Sub's totals. */
const budgeted =
  /^(firestore\.document(Reads|Writes|Deletes)|tasks\.operations|run\.requests)\.[^.]+$|^pubsub\.(messages\.published|publishBytes|deliveryBytes|bigqueryBytes)$/
const listenersOnly = /\.(history|notifications)$/

/**
 * Places orders one after the other and takes the minimum of each counter: other work (a timer, a repeated
 * delivery) only adds to the operations that every order needs.
 */
export async function operationsOfOneOrder(
  platform: TestPlatform,
  place: () => Promise<void>,
  orders = 5,
): Promise<Operations> {
  const each: Operations[] = []
  let before = await quiescentOperations(platform)
  for (let at = 0; at < orders; at++) {
    await place()
    const after = await quiescentOperations(platform)
    each.push(
      Object.fromEntries(Object.entries(after).map(([counter, count]) => [counter, count - (before[counter] ?? 0)])),
    )
    before = after
  }
  const counters = [...new Set(each.flatMap((one) => Object.keys(one)))].toSorted()
  return Object.fromEntries(
    counters
      .map((counter) => [counter, Math.min(...each.map((one) => one[counter] ?? 0))])
      .filter(([, least]) => least),
  )
}

/** Describes each counter that exceeds the budget or is missing from it. */
export function beyondBudget(operations: Operations, { lines, aims, usdPerMillion }: Budget): string[] {
  const grown = Object.entries(operations)
    .filter(([counter]) => budgeted.test(counter))
    .flatMap(([counter, count]) => {
      const line = lines[counter]
      if (!line) return [`${counter}: ${count} an order, which the budget does not have`]
      return count > line.most ? [`${counter}: ${count} an order, the budget has ${line.most} (${line.for})`] : []
    })
  const missed = Object.entries(aims).flatMap(([aim, { most, counters }]) => {
    const sum = sumOf(operations, counters)
    return sum > most ? [`${aim}: ${sum} an order without history and notifications, at most ${most}`] : []
  })
  const usd = usdPerMillionOf(operations)
  const dear = usd > usdPerMillion ? [`${usd} dollars for a million, the budget has ${usdPerMillion}`] : []
  return [...grown, ...missed, ...dear]
}

/** The list price of a million of them in dollars. CPU and memory are left out: they depend on the machine. */
function usdPerMillionOf(operations: Operations): number {
  const counted = Object.entries(operations).filter(([counter]) => !/^run\.(request|instance)\./.test(counter))
  return Number((billOf(Object.fromEntries(counted)).totals['Standard']!['by request']! * 1_000_000).toFixed(2))
}

export function sumOf(operations: Operations, prefix: string): number {
  return Object.entries(operations)
    .filter(([counter]) => counter.startsWith(`${prefix}.`) && budgeted.test(counter) && !listenersOnly.test(counter))
    .reduce((sum, [, count]) => sum + count, 0)
}

const POLL_INTERVAL_MS = 100
/** The platform is at rest after so many equal readings with no undelivered message. */
const QUIET_POLLS = 5

/** The counters at rest: history, notifications and BigQuery work after order.completed. */
export async function quiescentOperations({ cloud }: TestPlatform): Promise<Operations> {
  const pubsub = cloud.core<PubsubCore>('pubsub')
  let last = ''
  for (let quiet = 0; quiet < QUIET_POLLS;) {
    const now = JSON.stringify(cloud.counters())
    // Reports of stuck sagas wait for an operator, who is not there.
    const isDelivered = pubsub
      .backlogs()
      .every(({ name, waiting }) => waiting === 0 || name.endsWith(stuckSubscription))
    quiet = now === last && isDelivered ? quiet + 1 : 0
    last = now
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS))
  }
  return cloud.counters()
}
