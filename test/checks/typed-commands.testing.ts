/** The documents of the repository, and the npm commands in them. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/root.ts'

export const documents = globSync('**/*.md', { cwd: root, exclude: ['node_modules', '.data', '.tools'] }).toSorted()
export const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

export interface Typed {
  readonly document: string
  readonly script: string
  /** The words after `--`. */
  readonly words: readonly string[]
}

export const typedCommands: readonly Typed[] = documents.flatMap((document) =>
  [
    ...readFileSync(join(root, document), 'utf8').matchAll(
      /npm (?:run (?:-s )?|(?=start|test))([\w-]+(?::[\w-]+)?)(?: -- ([^\n`#]*))?/g,
    ),
  ].map(([, script, rest = '']) => ({
    document,
    script: script!,
    // Split like a shell does.
    words: [...rest.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, double, single, bare]) => double ?? single ?? bare!,
    ),
  })),
)
