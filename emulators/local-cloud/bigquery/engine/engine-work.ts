/** The calls of the local cloud to the engine's process: each by its name, with arguments and result that can be copied between processes. */

import type { StatusDetail } from '../../core/status.ts'
import type { FieldSchema } from '../values/records.ts'
import type { QueryParameter } from '../values/requests.ts'
import type { Row } from '../values/rows.ts'
import type { Translation } from '../sql/translate.ts'

export interface Column {
  readonly name: string
  /** In DuckDB's words. */
  readonly type: string
}

export interface Query {
  /** In DuckDB's words. */
  readonly sql: string
  readonly parameters: readonly QueryParameter[]
  /** Whether rows are wanted; else only how many changed. */
  readonly isSelect: boolean
  readonly timeoutMs: number
}

export interface QueryResult {
  readonly schema: readonly FieldSchema[]
  /** Timestamps as whole microseconds. */
  readonly rows: readonly Row[]
  readonly changed: number
  /** About what the rows take in memory. */
  readonly bytes: number
}

export interface EngineWork {
  /** @throws INVALID_ARGUMENT in BigQuery's words. */
  translate(googleSql: string, projectId: string): Promise<Translation>
  query(query: Query): Promise<QueryResult>
  /** Statements that make and change tables and views, in DuckDB's words. */
  execute(sql: string): Promise<void>
  /** Rows as JSON texts into the columns of a table, in one statement. */
  append(table: string, columns: readonly Column[], rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>
  /** Throws as `append` would; writes nothing. */
  check(columns: readonly Column[], row: Readonly<Record<string, unknown>>): Promise<void>
}

/** Sent to the process. */
export interface Call {
  readonly id: number
  readonly method: keyof EngineWork
  readonly arguments: readonly unknown[]
}

/** Sent back, once when it is open (`id` 0), and for each call. */
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly message: string
      /** Of a refusal; without it the message is DuckDB's. */
      readonly status?: { readonly code: string; readonly details: readonly StatusDetail[] }
    }
