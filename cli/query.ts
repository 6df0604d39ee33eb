/** Queries BigQuery with the official client: SQL, or a saved query by name. */

import { readdirSync, readFileSync } from 'node:fs'
import { flag, main, requireRunning, UsageError, type Running } from './command.ts'
import { table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const folder = new URL('../functions/shop/cli/queries/', import.meta.url)
const saved = readdirSync(folder)
  .filter((file) => file.endsWith('.sql'))
  .map((file) => file.slice(0, -'.sql'.length))

const examples = `  npm run query -- "SELECT status, COUNT(*) AS orders FROM analytics.orders GROUP BY status"
  npm run query -- revenue-by-day`

void main('query', {
  brief: 'Queries BigQuery: raw events are in the dataset events, views of them in analytics.',
  about: examples,
  words: { name: 'SQL', brief: `SQL, or the name of a saved query: ${saved.join(', ')}`, most: Infinity },
  options: { json: flag('print the rows as JSON') },
  async run(values, positionals) {
    const given = positionals.join(' ').trim()
    if (given === '')
      throw new UsageError(`The query is missing: SQL, or a saved query (${saved.join(', ')}).\n${examples}`)
    const sql = saved.includes(given) ? readFileSync(new URL(`${given}.sql`, folder), 'utf8') : given
    if (!/\s/.test(sql))
      throw new UsageError(`There is no saved query "${given}". The saved queries are: ${saved.join(', ')}.`)
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
    // Only BigQuery's message helps here, not the client's wrapping.
    throw new UsageError(`BigQuery refused the query: ${shown((error as Error).message)}`)
  }
}
