/** How large and how deep a query may be, and the refusal beyond that, in BigQuery's words. */

import type { StatusError } from '../../core/status.ts'
import { bigqueryError } from './errors.ts'

export const limits = {
  /** UPDATE, DELETE and MERGE that wait for one table: https://cloud.google.com/bigquery/quotas#data-manipulation-language-statements */
  queuedChanges: 20,
  /** The length of a query's text: https://cloud.google.com/bigquery/quotas#query_jobs */
  queryCharacters: 1024 * 1024,
  /** The length of a query with its views expanded, 12 MB: same source. */
  resolvedCharacters: 12 * 1024 * 1024,
  /** The depth of nested parentheses, brackets, calls, CASE and signs. BigQuery documents no limit and fails at some depth; this one is ours. */
  nesting: 128,
  /** Of WITH RECURSIVE: https://cloud.google.com/bigquery/docs/recursive-ctes#troubleshoot_iteration_limit_errors */
  iterations: 500,
  /** Operators of one rank in a row, such as `a + b + c`: each nests in DuckDB. */
  operatorsInARow: 200,
  /** Subqueries within expressions, inside of each other: DuckDB plans each level twice. */
  subqueryNesting: 16,
  /** AND and OR in one statement: DuckDB's planner takes the square of their number. */
  conditions: 5_000,
  /** Names of a SELECT list in its WHERE that are looked up, each by a plan of the whole statement. */
  listedNames: 8,
  /** Parts that macros repeat, such as the operands of a division, over the parts that were written. */
  repeatedParts: 50_000,
  /** Tables and views that are read, also through views. Source: https://cloud.google.com/bigquery/quotas#query_jobs */
  tables: 1_000,
  /** Views of views. Source: https://cloud.google.com/bigquery/quotas#view_limits */
  viewNesting: 16,
  /** The depth of a value in a JSON column: https://cloud.google.com/bigquery/docs/json-data#limitations */
  jsonNesting: 500,
  /** Of a dataset or table: https://cloud.google.com/bigquery/docs/datasets#dataset-naming */
  idCharacters: 1_024,
  /** Of a column: https://cloud.google.com/bigquery/docs/schemas#column_names */
  fieldNameCharacters: 300,
  /** Digits of a number in a request that counts rows, bytes or milliseconds: all of them are exact in JavaScript. */
  countDigits: 15,
  /** The part of a wrong value that a refusal repeats. */
  shownCharacters: 100,
  /** The length of a regular expression whose groups are counted. */
  patternCharacters: 10_000,
} as const

export const countRule = new RegExp(`^\\d{1,${limits.countDigits}}$`)

/** A wrong value as a refusal repeats it. */
export const shown = (value: unknown = ''): string => String(value).slice(0, limits.shownCharacters)

export const tooComplex = (): StatusError =>
  bigqueryError(
    'resourcesExceeded',
    'Resources exceeded during query execution: Not enough resources for query planning - too many subqueries or query is too complex.',
  )

export const tooDeep = (): StatusError =>
  bigqueryError(
    'resourcesExceeded',
    'Resources exceeded during query execution: The query could not be executed in the allotted memory. Out of stack space due to deeply nested query expression during query resolution.',
  )

export const timedOut = (timeoutMs: number): StatusError =>
  bigqueryError(
    'timeout',
    `Operation timed out after ${timeoutMs / 1000} seconds. Consider reducing the amount of work performed by your operation so that it can complete within this limit.`,
  )

/** @throws INVALID_ARGUMENT for a text of more than 1 MB. */
export function checkLength(sql: string): void {
  const over = sql.length - limits.queryCharacters
  if (over <= 0) return
  const thousands = (sql.length / 1024).toFixed(2)
  throw bigqueryError(
    'invalid',
    `The query is too large (${thousands}K characters, ${over} characters over the limit). The maximum standard SQL query length is 1024.00K characters, including comments and white space characters.`,
  )
}
