/** Sends real orders through the public API, then compares BigQuery's totals with the file. */

import { join } from 'node:path'
import { connect } from '../../../cli/api.ts'
import { main, requireRunning, wholeNumber } from '../../../cli/command.ts'
import { expectedTotals } from './import/expected.ts'
import { placeOrders, registerCustomers, stockUp, type Refused } from './import/place.ts'
import { progressBar } from './import/progress.ts'
import { readFile, type File, type Rejected } from './import/read.ts'
import { differences, waitForEnd, type Difference, type Ended } from './import/reconcile.ts'
import { say, shown } from '../../../cli/terminal.ts'

const sample = join(import.meta.dirname, '..', '..', '..', 'test', 'data', 'online-retail-2010-12-01-to-03.csv')

const MAX_SHOWN = 10

void main('import', {
  brief:
    'Sends the invoices of a CSV file through the gateway as orders, with the products and stock that they need, waits until all have ended, and compares BigQuery with the file.',
  about: 'The exit code is 1 if a figure differs. A second import of the same file changes nothing.',
  words: {
    name: 'FILE',
    brief:
      'a CSV file with the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice (GBP), CustomerID, Country; absent, the sample in test/data/, 7,419 lines of a UK gift wholesaler',
    max: 1,
  },
  options: {
    timeout: wholeNumber('seconds to wait, once all orders are placed, for their end and for BigQuery', 120, {
      from: 1,
    }),
  },
  async run({ timeout }, [path = sample]) {
    const running = requireRunning()
    const file = await readFile(path)
    const api = connect(running, { sub: 'importer', roles: ['importer'] })
    const progress = progressBar()
    const startedMs = Date.now()
    await stockUp(api, file.orders, progress)
    const references = await registerCustomers(api, file.orders, progress)
    const { placed, refused } = await placeOrders(api, { orders: file.orders, references }, progress)

    process.env['BIGQUERY_EMULATOR_HOST'] = `http://${running.apiHost}`
    const { BigQuery } = await import('@google-cloud/bigquery')
    const bigquery = new BigQuery({ projectId: running.projectId })
    const ended = await waitForEnd({ api, bigquery, timeoutMs: timeout * 1000 }, placed, progress)
    const differing = await differences(bigquery, placed, await expectedTotals(path))
    report(file, refused, ended, differing, (Date.now() - startedMs) / 1000)
    return differing.length === 0 && ended.open.length === 0 && refused.length === 0 ? 0 : 1
  },
})

function report(
  file: File,
  refused: readonly Refused[],
  ended: Ended,
  differing: readonly Difference[],
  seconds: number,
): void {
  const count = (value: number): string => value.toLocaleString('en')
  say(
    `\n${count(file.linesRead)} lines = ${count(file.imported)} imported + ${count(file.rejected.length)} rejected + ${count(file.unmatched.length)} unmatched`,
  )
  reasons('rejected', file.rejected)
  reasons('unmatched', file.unmatched)
  for (const { order, reason } of refused.slice(0, MAX_SHOWN))
    say(`  invoice ${shown(order.invoice)} was refused: ${shown(reason)}`)
  say(
    `${count(file.orders.length)} orders: ${count(ended.completed)} completed, ${count(ended.rejected)} rejected, ${count(refused.length)} refused, ${count(ended.open.length)} open, in ${seconds.toFixed(1)} s`,
  )
  for (const orderId of ended.open.slice(0, MAX_SHOWN))
    say(`  ${shown(orderId)} has not ended, or BigQuery lacks one of its events`)
  if (differing.length === 0) return say('The file and BigQuery agree: orders, revenue by currency, units per SKU.')
  say(`The file and BigQuery differ in ${count(differing.length)} figures:`)
  for (const { what, file: expected, bigquery } of differing.slice(0, MAX_SHOWN))
    say(`  ${shown(what)}: ${expected} in the file, ${bigquery} in BigQuery`)
  return undefined
}

function reasons(outcome: string, lines: readonly Rejected[]): void {
  const byReason = Map.groupBy(lines, ({ reason }) => reason.replaceAll(/"[^"]*"/g, '…'))
  for (const [reason, some] of byReason) {
    const numbers = some.slice(0, 5).map(({ line }) => line)
    say(
      `  ${some.length} ${outcome}: ${reason} (line ${numbers.join(', ')}${some.length > numbers.length ? ', …' : ''})`,
    )
  }
}
