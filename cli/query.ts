/** Queries BigQuery with the official client: SQL, or a saved query by name. */

import { readdirSync, readFileSync } from 'node:fs'
import { tools } from '../functions/tools.ts'
import type { BigQuery } from '@google-cloud/bigquery'
import { flag, main, requireRunning, text, UsageError, type Running } from './command.ts'
import { nearest, nearestOrAll } from '../shared/base/nearest.ts'
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
  options: {
    json: flag('print the rows as JSON'),
    tables: flag('list the tables and views'),
    describe: text('TABLE', 'list the columns of a table or view, such as analytics.event_log'),
  },
  async run(values, positionals) {
    const print = async (rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> => {
      if (values.json) sayJson(rows)
      else say(table(rows, { decimals: await tools.decimals?.() }))
    }
    const given = positionals.join(' ').trim()
    if (given !== '' && (values.tables || values.describe !== undefined))
      throw new UsageError('--tables and --describe take no query.')
    if (values.tables) return print(await tablesOf(await connect(requireRunning())))
    if (values.describe !== undefined) return print(await columnsOf(await connect(requireRunning()), values.describe))
    if (given === '') throw new UsageError(`The query is missing: SQL, or a saved query (${savedNames}).\n${examples}`)
    const file = saved.get(given)
    const sql = file ? readFileSync(file, 'utf8') : given
    if (!/\s/.test(sql))
      throw new UsageError(
        `There is no saved query "${given}". ${nearestOrAll(given, [...saved.keys()], 'The saved queries are:')}`,
      )
    await print(await query(await connect(requireRunning()), sql))
  },
})

async function connect(running: Running): Promise<BigQuery> {
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${running.apiHost}`
  const { BigQuery } = await import('@google-cloud/bigquery')
  return new BigQuery({ projectId: running.projectId })
}

async function query(bigquery: BigQuery, sql: string): Promise<Record<string, unknown>[]> {
  try {
    const [rows] = await bigquery.query({ query: sql })
    return rows as Record<string, unknown>[]
  } catch (error) {
    // Only BigQuery's message helps here, not the client's wrapping.
    const { message } = error as Error
    const missing = /Not found: Table [^:]+:([\w.-]+)/.exec(message)?.[1]
    const hint = missing === undefined ? '' : `. ${await hintFor(bigquery, missing)}`
    throw new UsageError(`BigQuery refused the query: ${shown(message)}${hint}`)
  }
}

async function tablesOf(bigquery: BigQuery): Promise<{ table: string; type: string }[]> {
  const [datasets] = await bigquery.getDatasets()
  const found = await Promise.all(
    datasets.map(async (dataset) => {
      const [tables] = await dataset.getTables()
      return tables.map(({ id, metadata }) => ({
        table: `${dataset.id}.${id}`,
        type: String((metadata as { type?: string }).type ?? 'TABLE').toLowerCase(),
      }))
    }),
  )
  return found.flat().toSorted((a, b) => a.table.localeCompare(b.table))
}

interface Field {
  readonly name: string
  readonly type: string
  readonly mode?: string
}

async function columnsOf(bigquery: BigQuery, name: string): Promise<{ column: string; type: string; mode: string }[]> {
  const [dataset = '', table = ''] = name.split('.')
  try {
    const [metadata] = await bigquery.dataset(dataset).table(table).getMetadata()
    const { schema } = metadata as { readonly schema: { readonly fields: readonly Field[] } }
    return schema.fields.map(({ name: column, type, mode = 'NULLABLE' }) => ({ column, type, mode }))
  } catch {
    throw new UsageError(`There is no table "${shown(name)}". ${await hintFor(bigquery, name)}`)
  }
}

async function hintFor(bigquery: BigQuery, name: string): Promise<string> {
  const known = (await tablesOf(bigquery)).map((one) => one.table)
  const meant = nearest(name, known)
  return meant === undefined ? 'npm run query -- --tables lists the tables.' : `Did you mean ${meant}?`
}
