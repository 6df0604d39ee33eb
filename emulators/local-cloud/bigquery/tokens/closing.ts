/** Where parentheses and brackets close. */

import { limits, tooDeep } from '../values/limits.ts'
import type { Token } from './tokens.ts'
import { isSymbol } from './words.ts'

export const opens = (token: Token): boolean => isSymbol(token, '(') || isSymbol(token, '[')

/** One pass. A parenthesis or bracket that nothing closes has no entry: the translator refuses it. */
export function closingOf(tokens: readonly Token[]): Map<number, number> {
  const closing = new Map<number, number>()
  const open: number[] = []
  for (const [at, token] of tokens.entries()) {
    if (opens(token)) {
      open.push(at)
      if (open.length > limits.nesting) throw tooDeep()
    } else if (isSymbol(token, ')') || isSymbol(token, ']')) {
      const opened = open.pop()
      if (opened !== undefined) closing.set(opened, at)
    }
  }
  return closing
}
