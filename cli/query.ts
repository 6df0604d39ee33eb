/** Queries BigQuery with the official client: SQL, or a saved query by name. */

import { readdirSync, readFileSync } from 'node:fs'
import { tools } from '../functions/tools.ts'
import { flag, main, requireRunning, UsageError, type Running } from './command.ts'
import { table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const { queries: folder } = tools
/** Name → its file. */
const saved = new Map(
  (folder ? readdirSync(folder) : [])
    .filter((file) => file.endsWith('.sql'))
    .map((file) => [file.slice(0, -'.sql'.length), new URL(file, folder)]),
)
const savedNames = [...saved.keys()].join(', ') || 'no query is saved yet'

const examples = [
  tools.examples?.query ?? 'SELECT type, COUNT(*) AS events FROM analytics.event_log GROUP BY type',
  ...[...saved.keys()].slice(-1),
]
  .map((query) => `  npm run query -- ${query.includes(' ') ? `"${query}"` : query}`)
  .join('\n')

void main('query', {
  brief: 'Queries BigQuery: raw events are in the dataset events, views of them in analytics.',
  about: examples,
  words: { name: 'SQL', brief: `SQL, or the name of a saved query: ${savedNames}`, max: Infinity },
  options: { json: flag('print the rows as JSON') },
  async run(values, positionals) {
    const given = positionals.join(' ').trim()
    if (given === '') throw new UsageError(`The query is missing: SQL, or a saved query (${savedNames}).\n${examples}`)
    const file = saved.get(given)
    const sql = file ? readFileSync(file, 'utf8') : given
    if (!/\s/.test(sql))
      throw new UsageError(`There is no saved query "${given}". The saved queries are: ${savedNames}.`)
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
