/** Refuses a name of a SELECT list in the list itself and in its WHERE. DuckDB takes it, unless a table has such a column: only the engine knows these. */

import { invalidArgument, StatusError } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import type { Translation } from './sql/translate.ts'
import type { QueryParameter } from './values/requests.ts'

/** Before the statement is described: the engine does not take each such name. @throws INVALID_ARGUMENT in BigQuery's words. */
export async function checkListedNames(
  { listedNames = [] }: Translation,
  engine: Pick<Engine, 'describe'>,
  parameters: readonly QueryParameter[],
): Promise<void> {
  for (const { name, message, sql } of listedNames) {
    const error = await engine.describe(sql, parameters).then(
      () => undefined,
      (caught: Error) => caught,
    )
    // A name that is ambiguous beside the added column is one of a table. Any other refusal of the engine proves nothing.
    // Beside aggregates, the added column lacks a GROUP BY: it was found, and is not ambiguous.
    const isFound = error?.message.includes(`column "${name}" must appear in the GROUP BY`) === true
    if (error && !isFound && !(error instanceof StatusError)) continue
    throw invalidArgument(message)
  }
}
