/** The parameters of a request, parsed as its query or operation declares them. */

import type { Context } from 'hono'
import { Refused, RefusedInput } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { nearestOrAll } from '../base/nearest.ts'
import { shortened } from '../base/shortened.ts'
import { pathParametersOf, type QueryContract } from '../contracts/query.ts'

/** The letters of an unknown name that its refusal repeats. */
const NAME_CHARACTERS = 100

type Declared = Pick<QueryContract, 'path' | 'parameters'>

/** The parsed parameters of a request. @throws Refused: an invalid parameter names nothing, so the answer is not found. */
export const parametersIn = (c: Context, contract: Declared): Record<string, string | undefined> =>
  parsedParameters(contract, (name, isInPath) => (isInPath ? c.req.param(name) : c.req.query(name)))

/** A path drops such a segment, or the one before it, even if it is encoded: it would lead to another route of the service. */
const isDots = (value: unknown): boolean => value === '.' || value === '..'

/** The same from wherever a request has them. */
export function parsedParameters(
  contract: Declared,
  read: (name: string, isInPath: boolean) => unknown,
): Record<string, string | undefined> {
  const inPath = new Set(pathParametersOf(contract))
  return Object.fromEntries(
    Object.entries(contract.parameters ?? {}).map(([name, schema]) => {
      const parsed = schema.safeParse(read(name, inPath.has(name)))
      const isNamed = parsed.success && !(inPath.has(name) && isDots(parsed.data))
      if (isNamed) return [name, parsed.data]
      if (inPath.has(name)) throw new Refused('not-found', `There is nothing of this name: ${name}.`)
      throw new RefusedInput('invalid-parameter', `${listOf(parsed.error!, name)}.`, [
        { field: name, description: parsed.error!.issues[0]!.message },
      ])
    }),
  )
}

/**
 * A filter that is misspelt would list everything, and of one that is given twice only the first would be read.
 * @throws Refused for a parameter behind the path that the contract does not declare, or that comes again
 */
export function checkSearch({ req: { url } }: Context, contract: Declared): void {
  const at = url.indexOf('?')
  if (at < 0) return
  const inPath = pathParametersOf(contract)
  const known = Object.keys(contract.parameters ?? {}).filter((name) => !inPath.includes(name))
  const seen = new Set<string>()
  for (const name of new URLSearchParams(url.slice(at)).keys()) {
    if (!known.includes(name)) throw refusedParameter(name, `is unknown. ${remedyOf(name, known)}`)
    if (seen.has(name)) throw refusedParameter(name, 'is given more than once: send one.')
    seen.add(name)
  }
}

const remedyOf = (name: string, known: readonly string[]): string =>
  known.length === 0
    ? 'This operation takes none behind its path.'
    : nearestOrAll(shortened(name, NAME_CHARACTERS), known, 'There are:')

function refusedParameter(name: string, fault: string): RefusedInput {
  const field = shortened(name, NAME_CHARACTERS)
  return new RefusedInput('invalid-parameter', `The parameter "${field}" ${fault}`, [{ field, description: fault }])
}
