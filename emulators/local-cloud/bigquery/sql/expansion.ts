/** How much a translated statement grows when DuckDB puts the bodies of our macros in the place of their calls. */

import { macros } from './functions.ts'

/** An apostrophe within a string makes two of one: that does not matter here. */
const token = /'[^']*'|"[^"]*"|\w+|[^\s\w]/g

/** How often each argument of a macro occurs in the expanded call. */
const repeats = new Map<string, readonly number[]>()
for (const macro of macros) {
  const [, name, parameters, body] = /^CREATE OR REPLACE MACRO (\w+)\(([^)]*)\) AS (.*)$/s.exec(macro)!
  const names = parameters!.split(', ')
  // A macro stands after the macros that it calls.
  const often = names.map((one) => sizeOf(body!, (token) => (token === one ? 1 : 0)))
  repeats.set(name!, often)
}

/** Parts of the statement that would be there only because macros repeat their arguments. Linear in its length. */
export const repeatedParts = (sql: string): number => sizeOf(sql, () => 1) - sizeOf(sql, () => 1, new Map())

interface Call {
  /** Of a macro. */
  readonly often: readonly number[] | undefined
  /** The index of the present argument, from 0, and the text before it. */
  argument: number
  before: number
}

/** The sum of the weights of all tokens, those within a macro's argument as often as it is repeated. */
function sizeOf(sql: string, weight: (token: string) => number, known: typeof repeats = repeats): number {
  const open: Call[] = []
  let size = 0
  let called: string | undefined
  const endArgument = ({ often, argument, before }: Call): void => {
    size = before + size * (often?.[argument] ?? 1)
  }
  for (const [text] of sql.matchAll(token)) {
    if (text === '(' || text === '[') {
      open.push({
        often: text === '(' && called !== undefined ? known.get(called) : undefined,
        argument: 0,
        before: size,
      })
      size = 0
    } else if (text === ')' || text === ']') {
      const call = open.pop()
      if (call) endArgument(call)
    } else if (text === ',') {
      const call = open.at(-1)
      if (call) {
        endArgument(call)
        call.argument += 1
        call.before = size
        size = 0
      }
    } else size += weight(text)
    called = /^\w+$/.test(text) ? text : undefined
  }
  return size
}
