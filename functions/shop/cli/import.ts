/** Records real orders of the past through the public API, then compares BigQuery's totals with the file. */

import { join } from 'node:path'
import { connect } from '../../../cli/api.ts'
import { main, requireRunning, wholeNumber } from '../../../cli/command.ts'
import { startNotes } from '../../../cli/ops/start-notes.ts'
import { expectedTotals, type Totals } from './import/expected.ts'
import { recordOrders, type Refused } from './import/place.ts'
import { progressBar } from './import/progress.ts'
import { readFile, type File, type Rejected } from './import/read.ts'
import { differences, storedTotals, waitForEnd, type Ended } from './import/reconcile.ts'
import { printError, say, shown } from '../../../cli/terminal.ts'
import { money } from './money.ts'

const sample = join(import.meta.dirname, '..', '..', '..', 'test', 'data', 'online-retail-2010-12-01-to-03.csv')

const MAX_SHOWN = 10

void main('import', {
  brief:
    'Records the invoices of a CSV file as orders of the past, through the gateway, and compares BigQuery with the file.',
  about: `
An imported order is history: nothing of it is held in stock, charged, shipped or notified, and it needs no product. The exit
code is 1 if a figure differs. A second import of the same file changes nothing.`,
  words: {
    name: 'FILE',
    brief:
      'a CSV file with the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice (GBP), CustomerID, Country; absent, the sample in test/data/, 7,419 lines of a UK gift wholesaler',
    max: 1,
  },
  options: {
    timeout: wholeNumber('seconds to wait for BigQuery, once all orders are recorded', 120, {
      from: 1,
    }),
  },
  async run({ timeout }, [path = sample]) {
    const running = requireRunning()
    const file = await readFile(path)
    const api = connect(running, { sub: 'importer', roles: ['importer'] })
    const progress = progressBar()
    const startedMs = Date.now()
    const waiting = startNotes(running, printError)
    const { placed, refused } = await recordOrders(api, file.orders, { progress, waiting })

    process.env['BIGQUERY_EMULATOR_HOST'] = `http://${running.apiHost}`
    const { BigQuery } = await import('@google-cloud/bigquery')
    const bigquery = new BigQuery({ projectId: running.projectId })
    const ended = await waitForEnd({ bigquery, timeoutMs: timeout * 1000, waiting }, placed, progress)
    const totals = { file: await expectedTotals(path), BigQuery: await storedTotals(bigquery, placed) }
    const agree = report(file, { refused, ended, totals }, (Date.now() - startedMs) / 1000)
    return agree && ended.open.length === 0 && refused.length === 0 ? 0 : 1
  },
})

interface Outcome {
  readonly refused: readonly Refused[]
  readonly ended: Ended
  readonly totals: Readonly<Record<'file' | 'BigQuery', Totals>>
}

/** Returns true if the file and BigQuery agree. */
function report(file: File, { refused, ended, totals }: Outcome, seconds: number): boolean {
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
  for (const orderId of ended.open.slice(0, MAX_SHOWN)) say(`  ${shown(orderId)} has no end in BigQuery`)
  for (const [side, { byCurrency }] of Object.entries(totals))
    for (const [currency, { orders, units, revenueMinor }] of byCurrency)
      say(
        `  ${side.padEnd(8)}  ${currency}: ${count(orders)} orders, ${count(units)} units, ${money(revenueMinor, currency)}`,
      )
  const differing = differences(totals.file, totals.BigQuery)
  if (differing.length === 0) {
    say('The file and BigQuery agree: orders, units and revenue by currency, units per SKU.')
    return true
  }
  say(`The file and BigQuery differ in ${count(differing.length)} figures:`)
  for (const { what, file: expected, bigquery } of differing.slice(0, MAX_SHOWN))
    say(`  ${shown(what)}: ${expected} in the file, ${bigquery} in BigQuery`)
  return false
}

const count = (value: number): string => value.toLocaleString('en')

function reasons(outcome: string, lines: readonly Rejected[]): void {
  const byReason = Map.groupBy(lines, ({ reason }) => reason.replaceAll(/"[^"]*"/g, '…'))
  for (const [reason, some] of byReason) {
    const numbers = some.slice(0, 5).map(({ line }) => line)
    say(
      `  ${some.length} ${outcome}: ${reason} (line ${numbers.join(', ')}${some.length > numbers.length ? ', …' : ''})`,
    )
  }
}
