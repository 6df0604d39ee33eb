/** DuckDB's errors in BigQuery's words. */

import { invalidArgument, StatusError } from '../../core/status.ts'
import { tooComplex } from './limits.ts'

/** A refusal as it is; DuckDB's error in BigQuery's words, as far as they are known. */
export function sqlError(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/Max expression depth limit/.test(message)) return tooComplex()
  return invalidArgument(errorText(message))
}

function errorText(message: string): string {
  const column = /Referenced column "([^"]+)" not found|Table "[^"]*" does not have a column named "([^"]+)"/.exec(
    message,
  )
  if (column) return `Unrecognized name: ${column[1] ?? column[2]}`
  return message.replace(/^(Binder|Parser|Catalog|Conversion|Invalid Input|Out of Range) Error: /, '').split('\n')[0]!
}
