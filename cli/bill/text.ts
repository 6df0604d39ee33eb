/** The text of a bill. */

import { table } from '../table.ts'
import type { Unit } from '../tools.ts'
import type { MonthlyLine } from './monthly.ts'
import { type Bill, billings, editions, listPrices } from './price.ts'

const MILLION = 1_000_000

/** The tables that `npm run bill` prints. With a unit, amounts are also given for each and for a million of them. */
export function billText({ units, lines, totals }: Bill, unit?: Unit): string {
  const perUnit = (amount: number): number | null => (units > 0 ? amount / units : null)
  const perMillion = (usd: number): string | null => perUnit(usd * MILLION)?.toFixed(2) ?? null
  const shownTotal = (usd: number): string => (unit ? (perMillion(usd) ?? '·') : usd.toFixed(6))
  const items = lines.map(({ product, item, variant, quantity, unit: measure, usd }) => ({
    product,
    item,
    billed: variant ?? 'always',
    quantity: rounded(quantity),
    unit: measure,
    ...(unit ? { [`per ${unit.one}`]: units > 0 ? rounded(quantity / units) : null } : {}),
    USD: usd.toFixed(6),
    ...(unit ? { [`USD per million ${unit.many}`]: perMillion(usd) } : {}),
  }))
  const sums = editions.map((edition) => ({
    'Firestore edition': edition,
    ...Object.fromEntries(billings.map((billing) => [`Cloud Run ${billing}`, shownTotal(totals[edition]![billing]!)])),
  }))
  return [
    table(items),
    unit
      ? `USD for each million ${unit.many}, all operations; ${units} ${unit.many} since the start`
      : 'USD, all operations since the start',
    table(sums),
    ...(unit && units === 0 ? [`There was no ${unit.one} since the start: ${unit.command} begins one.`] : []),
    source,
  ].join('\n\n')
}

/** The table that `npm run bill -- --stacks` prints. */
export function monthlyText(environment: string, lines: readonly MonthlyLine[]): string {
  const sum = lines.reduce((total, { usd }) => total + usd, 0)
  return [
    table(
      lines.map(({ usd, quantity, ...line }) => ({
        ...line,
        quantity: rounded(quantity),
        'USD a month': usd.toFixed(2),
      })),
    ),
    `${environment} costs $${sum.toFixed(2)} in a month of 30 days without a request, besides storage and reading of metrics.`,
    source,
  ].join('\n\n')
}

const source = `List prices of ${listPrices.date}, ${listPrices.region}: ${listPrices.note}`
const rounded = (amount: number): number => Number(amount.toFixed(amount < 100 ? 2 : 0))
