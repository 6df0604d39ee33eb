/** The parameters of a request, parsed as its query or operation declares them. */

import type { Context } from 'hono'
import { Refused } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { pathParametersOf, type QueryContract } from '../contracts/query.ts'

/** The parsed parameters of a request. @throws Refused: an invalid parameter names nothing, so the answer is not found. */
export function parametersIn(
  c: Context,
  contract: Pick<QueryContract, 'path' | 'parameters'>,
): Record<string, string | undefined> {
  const inPath = new Set(pathParametersOf(contract))
  return Object.fromEntries(
    Object.entries(contract.parameters ?? {}).map(([name, schema]) => {
      const parsed = schema.safeParse(inPath.has(name) ? c.req.param(name) : c.req.query(name))
      if (parsed.success) return [name, parsed.data]
      if (inPath.has(name)) throw new Refused('not-found', `There is nothing of this name: ${name}.`)
      throw new Refused('invalid-parameter', `${listOf(parsed.error, name)}.`)
    }),
  )
}
