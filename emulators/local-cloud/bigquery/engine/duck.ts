/** One DuckDB database in the engine's process: a connection for each query in a small pool, one for appends, a limit on time and memory. */

import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement } from '@duckdb/node-api'
import { join } from 'node:path'
import { damaged } from '../../core/state-files.ts'
import { invalidArgument, type StatusError } from '../../core/status.ts'
import type { Column, EngineWork, Query, QueryResult, Step } from './engine-work.ts'
import { described, describedBy, prepareNamed } from './description.ts'
import { prepare } from './parameters.ts'
import { connectionsTo, connectTo } from './connections.ts'
import { rowOf } from './result-rows.ts'
import { makeShapes } from './shapes.ts'
import { makeSharedMemory } from './shared-memory.ts'
import type { Row } from '../values/rows.ts'
import { macros } from '../sql/functions.ts'
import { timedOut } from '../values/limits.ts'
import { bigqueryError } from '../values/errors.ts'

const MEMORY_LIMIT = '2GB'
/** The limit of a query's temporary files when its memory is used up. */
const SPILL_LIMIT = '4GB'
/** Planning takes more than the square of the depth. */
const MAX_EXPRESSION_DEPTH = 300
/** How long an append, or a description of a query, may wait for memory. */
const MEMORY_TIMEOUT_MS = 30_000
const MAX_ATTEMPTS = 5
/** The maximum size of a query's rows as JSON. Google's is 10 GB compressed: https://cloud.google.com/bigquery/quotas#query_jobs */
const MAX_RESULT_BYTES = 32 * 1024 * 1024

export async function openDuck(directory: string, memoryLimit = MEMORY_LIMIT): Promise<Omit<EngineWork, 'translate'>> {
  const file = join(directory, 'bigquery.duckdb')
  const settings = {
    memory_limit: memoryLimit,
    max_temp_directory_size: SPILL_LIMIT,
    max_expression_depth: String(MAX_EXPRESSION_DEPTH),
    threads: '2',
    // BigQuery: nulls come first ascending, last descending.
    default_null_order: 'nulls_first_on_asc_last_on_desc',
    // A query reads tables, never this machine's files.
    enable_external_access: 'false',
  }
  const instance = await DuckDBInstance.create(file, settings).catch((error: Error) => {
    throw /\block\b/.test(error.message) ? error : damaged(file, ` (${error.message})`)
  })
  const inMemory = makeSharedMemory()
  const append = appender(await connectTo(instance))
  const borrowed = connectionsTo(instance)
  await borrowed(defineMacros)
  const shapes = makeShapes(borrowed, { ...settings, threads: '1' }, defineMacros)
  return {
    query: (query) =>
      inMemory(() => borrowed((connection) => interruptible(connection, query)), query.timeoutMs).finally(() => {
        // A query with steps before it may make or replace a table.
        if (query.before) shapes.changed()
      }),
    describe: (...given) =>
      inMemory(() => shapes.borrowed((connection) => describedBy(connection, ...given)), MEMORY_TIMEOUT_MS),
    execute: (sql) => borrowed(async (connection) => void (await connection.run(sql))).finally(() => shapes.changed()),
    append: (...given) => inMemory(() => append(...given), MEMORY_TIMEOUT_MS),
  }
}

/** One by one: the place of a part of a macro is counted from the beginning of the SQL that defines it. */
async function defineMacros(connection: DuckDBConnection): Promise<void> {
  for (const macro of macros) await connection.run(macro)
}

async function interruptible(connection: DuckDBConnection, query: Query): Promise<QueryResult> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    connection.interrupt()
  }, query.timeoutMs)
  try {
    const run = () => (query.isSelect ? selected(connection, query) : changed(connection, query))
    return await (query.before || query.after ? repeated(() => inTransaction(connection, query, run)) : run())
  } catch (error) {
    throw late ? timedOut(query.timeoutMs) : error
  } finally {
    clearTimeout(timer)
  }
}

/** An append or a change of a schema at the same time may make a transaction fail. It has changed nothing, so it is repeated. */
async function repeated<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !/^TransactionContext Error|Conflict on /.test((error as Error).message))
        throw error
    }
  }
}

async function inTransaction(
  connection: DuckDBConnection,
  { before = [], after = [], parameters }: Query,
  run: () => Promise<QueryResult>,
): Promise<QueryResult> {
  const take = async ({ sql, refuses }: Step): Promise<void> => {
    const statement = await prepare(connection, sql, parameters)
    const reader = await statement.runAndReadAll()
    const [reason] = refuses ? (reader.getRows()[0] ?? []) : []
    if (typeof reason === 'string') throw invalidArgument(reason)
  }
  await connection.run('BEGIN TRANSACTION')
  try {
    for (const step of before) await take(step)
    const result = await run()
    for (const step of after) await take(step)
    await connection.run('COMMIT')
    return result
  } catch (error) {
    // A failed COMMIT has rolled back by itself; then there is no transaction any more.
    await connection.run('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function changed(connection: DuckDBConnection, { sql, parameters }: Query): Promise<QueryResult> {
  const statement = await prepare(connection, sql, parameters)
  const result = await statement.run()
  return { schema: [], rows: [], changed: result.rowsChanged, bytes: 0 }
}

/** Reads chunk by chunk, so that an oversized result is not read to its end. */
async function selected(connection: DuckDBConnection, { sql, parameters }: Query): Promise<QueryResult> {
  const statement = await prepareNamed(connection, sql, parameters)
  const result = await statement.stream()
  const { schema } = described(result.columnNames(), result.columnTypes())
  const rows: Row[] = []
  let bytes = 0
  for await (const chunk of result.yieldRows()) {
    for (const values of chunk) {
      const row = rowOf(values, schema)
      bytes += JSON.stringify(row).length
      if (bytes > MAX_RESULT_BYTES) {
        connection.interrupt()
        throw tooLarge()
      }
      rows.push(row)
    }
  }
  return { schema, rows, changed: 0, bytes }
}

/** Appends have a connection of their own, one at a time, and a statement for each table that is planned once. */
function appender(writer: DuckDBConnection): EngineWork['append'] {
  const inserts = new Map<string, { readonly sql: string; readonly statement: DuckDBPreparedStatement }>()
  let writing: Promise<unknown> = Promise.resolve()
  const insertInto = async (table: string, sql: string): Promise<DuckDBPreparedStatement> => {
    const known = inserts.get(table)
    if (known?.sql === sql) return known.statement
    known?.statement.destroySync()
    const statement = await writer.prepare(sql)
    inserts.set(table, { sql, statement })
    return statement
  }
  const written: EngineWork['append'] = async (table, columns, rows) => {
    const names = columns.map(({ name }) => `"${name}"`).join(', ')
    const statement = await insertInto(
      table,
      `INSERT INTO ${table} (${names}) SELECT ${columns.map(readColumn).join(', ')} FROM (SELECT unnest(from_json_strict($1, '${structureOf(columns)}')) AS row)`,
    )
    statement.bindVarchar(1, JSON.stringify(rows))
    await statement.run()
  }
  return (table, columns, rows) => {
    const result = writing.then(() => written(table, columns, rows))
    writing = result.catch(() => undefined)
    return result
  }
}

const readColumn = ({ name, type, jsonType }: Column): string =>
  type === jsonType ? `row."${name}"` : `CAST(row."${name}" AS ${type})`

/** The structure by which DuckDB reads rows in JSON. */
const structureOf = (columns: readonly Column[]): string =>
  JSON.stringify([Object.fromEntries(columns.map(({ name, jsonType }) => [name, jsonType]))]).replaceAll("'", "''")

const tooLarge = (): StatusError =>
  bigqueryError(
    'responseTooLarge',
    `Response too large to return. The local cloud returns at most ${MAX_RESULT_BYTES} bytes: add a LIMIT, or select fewer columns.`,
  )
