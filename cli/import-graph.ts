/** The modules that a program loads, read from its syntax trees. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, type Program } from 'oxc-parser'

export interface Module {
  readonly file: string
  readonly program: Program
  /** Its imports: files by their path, packages by their name. */
  readonly imports: readonly string[]
}

export interface Followed {
  /** Follows `import()` too. */
  readonly lazy?: boolean
  /** Leaves out a file that does not exist (default: throws). */
  readonly lenient?: boolean
  /** Keeps modules for the next call. */
  readonly parsed?: Map<string, Module>
}

/** The entry and all of our files that it imports, without `import type`. @throws Error when an import leads nowhere */
export function modulesFrom(
  entry: string,
  { lazy = false, lenient = false, parsed = new Map<string, Module>() }: Followed = {},
): Module[] {
  const modules = new Map<string, Module>()
  const waiting = [entry]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(file) || (lenient && !existsSync(file))) continue
    const found = parsed.get(file) ?? moduleOf(file, lazy)
    parsed.set(file, found)
    modules.set(file, found)
    waiting.push(...found.imports.filter((name) => name.startsWith('/')))
  }
  return [...modules.values()]
}

function moduleOf(file: string, lazy: boolean): Module {
  const text = readFileSync(file, 'utf8')
  const parsed = parseSync(file, text)
  const { module } = parsed
  const names = [
    ...module.staticImports
      .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
      .map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) => (moduleRequest && !isType ? [moduleRequest.value] : [])),
    ),
    ...(lazy ? module.dynamicImports : []).flatMap(
      ({ moduleRequest: { start, end } }) => /^['"]([^'"]+)['"]$/.exec(text.slice(start, end))?.[1] ?? [],
    ),
  ]
  return {
    file,
    // The parser makes the tree when it is first read, which takes three quarters of its time.
    get program() {
      return parsed.program
    },
    imports: names.map((name) => (name.startsWith('.') ? join(dirname(file), name) : name)),
  }
}
