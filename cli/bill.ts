/** `npm run bill`: the operations since the start, at Google's list prices. */

import { tools } from '../functions/tools.ts'
import { flag, main, requireRunning } from './command.ts'
import { billOf, type Counters, listPrices } from './bill/price.ts'
import { billText } from './bill/text.ts'
import { get } from './trace/spans.ts'
import { say, sayJson } from './terminal.ts'

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
    if (!json) return say(billText(bill, unit))
    const { units, ...priced } = bill
    const { date: prices, region } = listPrices
    return sayJson({ prices, region, ...(unit ? { [unit.many]: units } : {}), ...priced })
  },
})
