/** `npm run bill`: the operations since the start, or an environment without requests, at Google's list prices. */

import { business } from '../functions/index.ts'
import { tools } from '../functions/tools.ts'
import { synthesize } from '../stacks/app.ts'
import { environments } from '../stacks/environments.ts'
import { monthlyLines } from './bill/monthly.ts'
import { flag, main, requireRunning, text, UsageError } from './command.ts'
import { billOf, type Counters, listPrices } from './bill/price.ts'
import { billText, monthlyText } from './bill/text.ts'
import { getLocal } from './local.ts'
import { nearestOrAll } from '../shared/base/nearest.ts'
import { say, sayJson } from './terminal.ts'

const { unit } = tools

await main('bill', {
  brief: `Prices the operations that the local cloud counted since its start, at Google's list prices of ${listPrices.date} (${listPrices.region}).`,
  about: `
By product and item${unit ? `, per ${unit.one} and per million ${unit.many}` : ''}; then the totals for Firestore's two editions and Cloud Run's
two billing modes. All operations count, including the first data and your own queries and, with instance-based billing,
the idle time of services. Send many requests before you read a price from it. With --stacks it needs no local cloud: it
prices a month of an environment without requests, by its synthesized stacks.`,
  options: {
    json: flag('the lines and totals as JSON'),
    stacks: text('ENVIRONMENT', `the price of a month without requests: ${Object.keys(environments).join(', ')}`),
  },
  async run({ json, stacks }) {
    if (stacks !== undefined) return printMonthly(stacks, json)
    const bill = billOf(await getLocal<Counters>(requireRunning(), '/_local/counters'), unit?.event)
    if (!json) return say(billText(bill, unit))
    const { units, ...priced } = bill
    const { date: prices, region } = listPrices
    return sayJson({ prices, region, ...(unit ? { [unit.many]: units } : {}), ...priced })
  },
})

function printMonthly(name: string, json: boolean | undefined): void {
  const environment = Object.values(environments).find((one) => one.name === name)
  if (!environment)
    throw new UsageError(
      `There is no environment "${name}". ${nearestOrAll(name, Object.keys(environments), 'There are:')}`,
    )
  const lines = monthlyLines(synthesize(environment, business))
  if (json) sayJson({ prices: listPrices.date, region: listPrices.region, environment: name, lines })
  else say(monthlyText(name, lines))
}
