/** Written values that are constants: only these are coerced from STRING to a date, or from FLOAT64 to NUMERIC. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#literal_coercion

import { isSymbol, isWord } from '../tokens/words.ts'
import type { Token } from '../tokens/tokens.ts'

/** The kind of all values of a column: literals, literals and parameters, or other expressions as well. */
export type Constant = 'literal' | 'parameter' | 'expression'

/** @param values the tokens of each value. A NULL has every type. */
export function constantOf(values: readonly (readonly Token[])[]): Constant {
  const kinds = new Set(values.map(kindOf))
  if (kinds.has('expression')) return 'expression'
  return kinds.has('parameter') ? 'parameter' : 'literal'
}

function kindOf(value: readonly Token[]): Constant {
  const [first, second, ...more] = value
  if (isSymbol(first, '(') && isSymbol(value.at(-1), ')')) return kindOf(value.slice(1, -1))
  if (isSymbol(first, '-', '+') && second?.kind === 'number' && more.length === 0) return 'literal'
  if (second !== undefined) return 'expression'
  if (first?.kind === 'parameter') return 'parameter'
  return first?.kind === 'string' || first?.kind === 'number' || isWord(first, 'NULL') ? 'literal' : 'expression'
}
