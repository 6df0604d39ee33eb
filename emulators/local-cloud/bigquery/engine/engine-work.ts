/** The calls of the local cloud to the engine's process: each by its name, with arguments and result that can be copied between processes. */

import type { StatusDetail } from '../../core/status.ts'
import type { FieldSchema } from '../values/records.ts'
import type { QueryParameter } from '../values/requests.ts'
import type { Row } from '../values/rows.ts'
import type { Translation } from '../sql/translate.ts'

export interface Column {
  readonly name: string
  /** A DuckDB type. */
  readonly type: string
  /** The type by which its value is read from JSON; then it is cast. */
  readonly jsonType: string
}

export interface Query {
  /** DuckDB's SQL. */
  readonly sql: string
  readonly parameters: readonly QueryParameter[]
  /** True for a query that returns rows; false for a statement that changes rows, which returns their number. */
  readonly isSelect: boolean
  readonly timeoutMs: number
  /** Statements before and after it in one transaction: all have effect, or none. */
  readonly before?: readonly Step[]
  readonly after?: readonly Step[]
}

export interface Step {
  readonly sql: string
  /** True for a query that finds a reason to refuse the transaction: the text in the first column of its first row. */
  readonly refuses?: boolean
}

/** The columns of a query, which is not run. */
export interface Description {
  readonly schema: readonly FieldSchema[]
  /** The type of each column in DuckDB, as SQL. */
  readonly types: readonly string[]
  /** The first column without a name, counted from 1. */
  readonly firstUnnamed: number | undefined
}

export interface QueryResult {
  readonly schema: readonly FieldSchema[]
  /** Timestamps are integers: microseconds since the epoch. */
  readonly rows: readonly Row[]
  readonly changed: number
  /** The size of the rows as JSON text. */
  readonly bytes: number
}

export interface EngineWork {
  /** Translates GoogleSQL to DuckDB's SQL. @throws INVALID_ARGUMENT with BigQuery's message. */
  translate(googleSql: string, projectId: string, defaultDataset?: string): Promise<Translation>
  query(query: Query): Promise<QueryResult>
  /** @param isNamed false for rows without names, of which two columns may have the same. */
  describe(sql: string, parameters: readonly QueryParameter[], options?: { isNamed: boolean }): Promise<Description>
  /** Runs DuckDB SQL that creates or changes tables and views. */
  execute(sql: string): Promise<void>
  /** Inserts rows into a table, in one statement. */
  append(table: string, columns: readonly Column[], rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>
}

/** By this signal the engine's process ends itself when it takes too much memory. No program handles it by default. */
export const MEMORY_SIGNAL = 'SIGUSR2'

/** A message from the local cloud to the engine's process. */
export interface Call {
  readonly id: number
  readonly method: keyof EngineWork
  readonly arguments: readonly unknown[]
}

/** A message from the engine's process: one when the database is open (`id` 0), and one for each call. */
export type Reply =
  /** Of 0, which is the start: whether the log of the database ended within a change. */
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly message: string
      /** Present for a StatusError. Otherwise `message` is DuckDB's. */
      readonly status?: { readonly code: string; readonly details: readonly StatusDetail[] }
    }
