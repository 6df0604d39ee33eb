/** The parameters of a request, parsed as its query or operation declares them. */

import type { Context } from 'hono'
import { Refused, RefusedInput } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { pathParametersOf, type QueryContract } from '../contracts/query.ts'

type Declared = Pick<QueryContract, 'path' | 'parameters'>

/** The parsed parameters of a request. @throws Refused: an invalid parameter names nothing, so the answer is not found. */
export const parametersIn = (c: Context, contract: Declared): Record<string, string | undefined> =>
  parsedParameters(contract, (name, isInPath) => (isInPath ? c.req.param(name) : c.req.query(name)))

/** The same from wherever a request has them. */
export function parsedParameters(
  contract: Declared,
  read: (name: string, isInPath: boolean) => unknown,
): Record<string, string | undefined> {
  const inPath = new Set(pathParametersOf(contract))
  return Object.fromEntries(
    Object.entries(contract.parameters ?? {}).map(([name, schema]) => {
      const parsed = schema.safeParse(read(name, inPath.has(name)))
      if (parsed.success) return [name, parsed.data]
      if (inPath.has(name)) throw new Refused('not-found', `There is nothing of this name: ${name}.`)
      throw new RefusedInput('invalid-parameter', `${listOf(parsed.error, name)}.`, [
        { field: name, description: parsed.error.issues[0]!.message },
      ])
    }),
  )
}
