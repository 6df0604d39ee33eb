/** The engine: one DuckDB database, a connection for each query in a small pool, a limit on time and memory. */

import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { join } from 'node:path'
import { closeState } from '../core/state-files.ts'
import { StatusError } from '../core/status.ts'
import { macros } from './sql-functions.ts'

export interface Parameters {
  readonly values: Record<string, DuckDBValue> | DuckDBValue[]
  readonly types: Record<string, DuckDBType> | DuckDBType[]
}

export interface Result {
  readonly names: readonly string[]
  readonly types: readonly DuckDBType[]
  readonly rows: readonly (readonly DuckDBValue[])[]
  readonly changed: number
}

export interface Column {
  readonly name: string
  /** In DuckDB's words. */
  readonly type: string
}

export interface Duck {
  run(sql: string, options?: { parameters?: Parameters; timeoutMs?: number }): Promise<Result>
  /** Rows as JSON texts into the columns of a table, in one statement. */
  append(table: string, columns: readonly Column[], rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>
  /** Throws as `append` would; writes nothing. */
  check(columns: readonly Column[], row: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}

const QUERY_TIMEOUT_MS = 60_000
const MEMORY_LIMIT = '2GB'
const POOLED_CONNECTIONS = 4

export async function openDuck(directory: string | undefined): Promise<Duck> {
  if (directory !== undefined) closeState(directory)
  const instance = await DuckDBInstance.create(
    directory === undefined ? ':memory:' : join(directory, 'bigquery.duckdb'),
    {
      memory_limit: MEMORY_LIMIT,
      threads: '2',
      // BigQuery: nulls come first ascending, last descending.
      default_null_order: 'nulls_first_on_asc_last_on_desc',
      // A query reads tables, never this machine's files.
      enable_external_access: 'false',
    },
  )
  const idle: DuckDBConnection[] = []
  const connect = async (): Promise<DuckDBConnection> => {
    const connection = await instance.connect()
    await connection.run(`SET TimeZone = 'UTC'`)
    return connection
  }
  const first = await connect()
  for (const macro of macros) await first.run(macro)
  idle.push(first)

  const borrowed = async <T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> => {
    const connection = idle.pop() ?? (await connect())
    try {
      return await work(connection)
    } finally {
      if (idle.length < POOLED_CONNECTIONS) idle.push(connection)
      else connection.closeSync()
    }
  }

  // Appends have a connection of their own, and a statement for each table that is planned once.
  const writer = await connect()
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
  const written: Duck['append'] = async (table, columns, rows) => {
    const names = columns.map(({ name }) => `"${name}"`).join(', ')
    const statement = await insertInto(
      table,
      `INSERT INTO ${table} (${names}) SELECT ${columns.map(({ name }) => `row."${name}"`).join(', ')} FROM (SELECT unnest(from_json_strict($1, '${structureOf(columns)}')) AS row)`,
    )
    statement.bindVarchar(1, JSON.stringify(rows))
    await statement.run()
  }

  return {
    run: (sql, { parameters, timeoutMs = QUERY_TIMEOUT_MS } = {}) =>
      borrowed(async (connection) => {
        let late = false
        const timer = setTimeout(() => {
          late = true
          connection.interrupt()
        }, timeoutMs)
        try {
          const reader = parameters
            ? await connection.runAndReadAll(sql, parameters.values, parameters.types)
            : await connection.runAndReadAll(sql)
          return {
            names: reader.columnNames(),
            types: reader.columnTypes(),
            rows: reader.getRows(),
            changed: reader.rowsChanged,
          }
        } catch (error) {
          if (late)
            throw new StatusError('DEADLINE_EXCEEDED', `Operation timed out after ${timeoutMs / 1000} seconds.`, [])
          throw error
        } finally {
          clearTimeout(timer)
        }
      }),
    append(table, columns, rows) {
      const result = writing.then(() => written(table, columns, rows))
      writing = result.catch(() => undefined)
      return result
    },
    check: (columns, row) =>
      borrowed(async (connection) => {
        await connection.run(`SELECT from_json_strict($1, '${structureOf(columns)}')`, [JSON.stringify([row])])
      }),
    async close() {
      await writing
      for (const { statement } of inserts.values()) statement.destroySync()
      writer.closeSync()
      for (const connection of idle) connection.closeSync()
      instance.closeSync()
    },
  }
}

/** What DuckDB reads rows in JSON by. */
const structureOf = (columns: readonly Column[]): string =>
  JSON.stringify([Object.fromEntries(columns.map(({ name, type }) => [name, type]))]).replaceAll("'", "''")
