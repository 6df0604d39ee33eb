/** `npm run bill`: the operations since the start, at Google's list prices. */

import { tools } from '../functions/tools.ts'
import { flag, main, requireRunning } from './command.ts'
import { type Bill, billings, billOf, type Counters, editions, listPrices } from './bill/price.ts'
import { table } from './table.ts'
import { get } from './trace/spans.ts'
import { say, sayJson } from './terminal.ts'

const MILLION = 1_000_000
const { unit } = tools

await main('bill', {
  brief: `Prices the operations that the local cloud counted since its start, at Google's list prices of ${listPrices.date} (${listPrices.region}).`,
  about: `
By product and item${unit ? `, per ${unit.one} and per million ${unit.many}` : ''}; then the totals for Firestore's two editions and Cloud Run's
two billing modes. All operations count, including the first data and your own queries and, with instance-based billing,
the idle time of services. Send many requests before you read a price from it.`,
  options: { json: flag('the lines and totals as JSON') },
  async run({ json }) {
    const bill = billOf(await get<Counters>(requireRunning(), '/_local/counters'), unit?.event)
    if (!json) return print(bill)
    const { units, ...priced } = bill
    const { date: prices, region } = listPrices
    return sayJson({ prices, region, ...(unit ? { [unit.many]: units } : {}), ...priced })
  },
})

function print({ units, lines, totals }: Bill): void {
  const perUnit = (amount: number): number | null => (units > 0 ? amount / units : null)
  const perMillion = (usd: number): string | null => perUnit(usd * MILLION)?.toFixed(2) ?? null
  say(
    table(
      lines.map(({ product, item, variant, quantity, unit: measure, usd }) => ({
        product,
        item,
        billed: variant ?? 'always',
        quantity: rounded(quantity),
        unit: measure,
        ...(unit ? { [`per ${unit.one}`]: units > 0 ? rounded(quantity / units) : null } : {}),
        USD: usd.toFixed(6),
        ...(unit ? { [`USD per million ${unit.many}`]: perMillion(usd) } : {}),
      })),
    ),
  )
  say(
    unit
      ? `\nUSD for each million ${unit.many}, all operations; ${units} ${unit.many} since the start\n`
      : '\nUSD, all operations since the start\n',
  )
  const shownTotal = (usd: number): string => (unit ? (perMillion(usd) ?? '·') : usd.toFixed(6))
  say(
    table(
      editions.map((edition) => ({
        'Firestore edition': edition,
        ...Object.fromEntries(
          billings.map((billing) => [`Cloud Run ${billing}`, shownTotal(totals[edition]![billing]!)]),
        ),
      })),
    ),
  )
  if (unit && units === 0) say(`\nThere was no ${unit.one} since the start: ${unit.command} begins one.`)
  say(`\nList prices of ${listPrices.date}, ${listPrices.region}: ${listPrices.note}`)
}

function rounded(amount: number): number {
  return Number(amount.toFixed(amount < 100 ? 2 : 0))
}
