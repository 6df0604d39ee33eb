/** What the documents tell people to type exists as they write it, and their links lead somewhere. */

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../support/platform.ts'

const documents = globSync('**/*.md', { cwd: root, exclude: ['node_modules', '.data', '.tools'] }).toSorted()
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const text = (document: string): string => readFileSync(join(root, document), 'utf8')

interface Typed {
  readonly document: string
  readonly script: string
  /** `replay` of `npm run ops -- replay …`: what has a help of its own. */
  readonly command: string
  readonly flags: readonly string[]
}

const typed: readonly Typed[] = documents.flatMap((document) =>
  [...text(document).matchAll(/npm (?:run (?:-s )?|(?=start|test))([\w-]+(?::[\w-]+)?)(?: -- ([^\n`#]*))?/g)].map(
    ([, script, rest = '']) => ({
      document,
      script: script!,
      command: /^[a-z][a-z-]*(?= |$)/.exec(rest)?.[0] ?? '',
      flags: (rest.match(/(?<= |^)--[\w-]+/g) ?? []).filter((flag) => flag !== '--help'),
    }),
  ),
)
/** CDKTF's own CLI takes these, not a program of ours. */
const foreign = new Set(['cdktf'])

describe('documents', () => {
  it.each(typed)('$document: npm run $script $flags', ({ script, command, flags }) => {
    expect(Object.keys(scripts)).toContain(script)
    if (foreign.has(script) || flags.length === 0) return
    const help = helpOf(script, command)
    for (const flag of flags) expect(help).toContain(flag)
  })

  it('tell of every script that people have', () => {
    const told = new Set(typed.map(({ script }) => script))
    expect(Object.keys(scripts).filter((script) => !told.has(script))).toEqual([])
  })

  it.each(documents)('%s links to what is there', (document) => {
    const broken = [...text(document).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(join(root, dirname(document), target)))
    expect(broken).toEqual([])
  })
})

const helps = new Map<string, string>()

function helpOf(script: string, command: string): string {
  const [, ...args] = scripts[script]!.split(' ')
  const asked = [...args, ...(command === '' ? [] : [command]), '--help']
  const key = asked.join(' ')
  if (!helps.has(key)) {
    const { stdout, stderr } = spawnSync(process.execPath, asked, { cwd: root, encoding: 'utf8' })
    helps.set(key, stdout + stderr)
  }
  return helps.get(key)!
}
