/** Asks BigQuery by the official client: any SQL, or one of the saved queries by name. */

import { readdirSync, readFileSync } from 'node:fs'
import { flag, main, requireRunning, UsageError, type Running } from './command.ts'
import { table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const folder = new URL('queries/', import.meta.url)
const saved = readdirSync(folder)
  .filter((file) => file.endsWith('.sql'))
  .map((file) => file.slice(0, -'.sql'.length))

const examples = `  npm run query -- "SELECT status, COUNT(*) AS orders FROM analytics.orders GROUP BY status"
  npm run query -- revenue-by-day`

void main('query', {
  brief: 'Asks BigQuery: raw events are in the dataset events, views of them in analytics.',
  about: examples,
  words: { name: 'SQL', brief: `SQL, or the name of a saved query: ${saved.join(', ')}`, most: Infinity },
  options: { json: flag('print the rows as JSON') },
  async run(values, positionals) {
    const asked = positionals.join(' ').trim()
    if (asked === '')
      throw new UsageError(`Which query? There are saved ones: ${saved.join(', ')}; or write SQL:\n${examples}`)
    const sql = saved.includes(asked) ? readFileSync(new URL(`${asked}.sql`, folder), 'utf8') : asked
    if (!/\s/.test(sql)) throw new UsageError(`There is no saved query "${asked}". There are: ${saved.join(', ')}.`)
    const rows = await query(requireRunning(), sql)
    if (values.json) sayJson(rows)
    else say(table(rows))
  },
})

async function query(running: Running, sql: string): Promise<Record<string, unknown>[]> {
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${running.apiHost}`
  const { BigQuery } = await import('@google-cloud/bigquery')
  try {
    const [rows] = await new BigQuery({ projectId: running.projectId }).query({ query: sql })
    return rows as Record<string, unknown>[]
  } catch (error) {
    // The client wraps what BigQuery said; that alone is of use here.
    throw new UsageError(`BigQuery refused the query: ${shown((error as Error).message)}`)
  }
}
