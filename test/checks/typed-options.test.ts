/** The programs take the options that the documents give them. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'
import { root } from '../support/root.ts'
import { scripts, type Typed, typedCommands } from './typed-commands.testing.ts'

/** Scripts whose arguments go to other programs: CDKTF's CLI, vitest. */
const foreign = new Set(['cdktf', 'test'])

const hasOptions = ({ script, words }: Typed): boolean =>
  !foreign.has(script) && words.some((word) => word.startsWith('--'))
/** Each once, in whatever documents it is. */
const typed = [
  ...new Map(typedCommands.filter(hasOptions).map((one) => [[one.script, ...one.words].join(' '), one])).values(),
]

const { argv } = process
afterEach(() => {
  process.argv = argv
  process.exitCode = undefined
  vi.restoreAllMocks()
})

it('the documents have commands with options', () => {
  expect(typed.length).toBeGreaterThan(25)
})

it.each(typed)('npm run $script $words, which $document has', async ({ script, words }) => {
  expect(unknownOptions(words, await helpOf(script, words))).toEqual([])
})

it('an option that a program does not have is found', async () => {
  expect(unknownOptions(['--tables', '--tabels', '--table=x'], await helpOf('query', ['--tables']))).toEqual([
    '--tabels',
    '--table',
  ])
})

/** The options that the help does not list. */
function unknownOptions(words: readonly string[], help: string): string[] {
  const listed = new Set(help.match(/--[\w-]+/g))
  return words.flatMap((word) => /^--[\w-]+/.exec(word)?.[0] ?? []).filter((option) => !listed.has(option))
}

let count = 0

/** The output that the script's program prints for its whole line with --help, run in this process. */
async function helpOf(script: string, words: readonly string[]): Promise<string> {
  const [node, starter, file, ...args] = scripts[script]!.split(' ')
  expect([node, starter]).toEqual(['node', 'cli/launch.mjs'])
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
  const program = join(root, file!)
  process.argv = [process.execPath, program, ...args, ...words, '--help']
  process.exitCode = undefined
  // A program runs when it is imported: under another address each time.
  await import(`${pathToFileURL(program).href}?run=${(count += 1)}`)
  await vi.waitUntil(() => process.exitCode !== undefined, { timeout: 30_000 })
  expect([process.exitCode, reported.mock.calls]).toEqual([0, []])
  return printed.mock.calls.join('\n')
}
