/** `npm run bill`: the operations since the start, at Google's list prices. */

import { flag, main, requireRunning } from './command.ts'
import { type Bill, billings, billOf, type Counters, editions, listPrices } from './bill/price.ts'
import { table } from './table.ts'
import { get } from './trace/spans.ts'
import { say, sayJson } from './terminal.ts'

const MILLION = 1_000_000

await main('bill', {
  brief: `Prices the operations that the local cloud counted since its start, at Google's list prices of ${listPrices.date} (${listPrices.region}).`,
  about: `
By product and item, per order and per million orders; then the totals for Firestore's two editions and Cloud Run's
two billing modes. All operations count, including the seeding and your own queries and, with instance-based billing,
the idle time of services. Place many orders before you read a price from it.`,
  options: { json: flag('the lines and totals as JSON') },
  async run({ json }) {
    const bill = billOf(await get<Counters>(requireRunning(), '/_local/counters'))
    if (json) sayJson({ prices: listPrices.date, region: listPrices.region, ...bill })
    else print(bill)
  },
})

function print({ orders, lines, totals }: Bill): void {
  const each = (usd: number): number | null => (orders > 0 ? usd / orders : null)
  say(
    table(
      lines.map(({ product, item, variant, quantity, unit, usd }) => ({
        product,
        item,
        billed: variant ?? 'always',
        quantity: rounded(quantity),
        unit,
        'per order': orders > 0 ? rounded(quantity / orders) : null,
        USD: usd.toFixed(6),
        'USD per million orders': orders > 0 ? ((usd / orders) * MILLION).toFixed(2) : null,
      })),
    ),
  )
  const perMillion = (usd: number): string => {
    const one = each(usd)
    return one === null ? '·' : (one * MILLION).toFixed(2)
  }
  say(`\nUSD for each million orders, all operations; ${orders} orders placed since the start\n`)
  say(
    table(
      editions.map((edition) => ({
        'Firestore edition': edition,
        ...Object.fromEntries(
          billings.map((billing) => [`Cloud Run ${billing}`, perMillion(totals[edition]![billing]!)]),
        ),
      })),
    ),
  )
  if (orders === 0) say('\nNo order was placed since the start: place one with npm run order -- --sku TEA-001.')
  say(`\nList prices of ${listPrices.date}, ${listPrices.region}: ${listPrices.note}`)
}

function rounded(amount: number): number {
  return Number(amount.toFixed(amount < 100 ? 2 : 0))
}
