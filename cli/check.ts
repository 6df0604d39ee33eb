/** `npm run check`: format, lint with import directions, types, unused code, helpers, pins, fitness, patterns and records. It runs all before it fails. */

import { findUnfit } from './check/fitness.ts'
import { measured } from './check/measured.ts'
import { checkPatterns } from './check/patterns.ts'
import { findUnpinned } from './check/pins.ts'
import { compareRecords } from './check/records.ts'
import { execute, type Outcome, root } from './check/tool.ts'
import { flag, main } from './command.ts'
import { say } from './terminal.ts'

void main('check', {
  brief: 'Runs oxfmt, oxlint (type-aware, import directions), tsc and knip over the whole repository.',
  about: `
Also refuses files that only tests use but that are not named *.testing.ts, and unpinned inputs: images without digest,
actions without commit, packages without version or integrity; and records that lack something (npm run record). Then the
architecture: no cycle and no long chain of requests, no event without a listener, services of a size that a team can own (cli/check/fitness-limits.ts has the limits and their
reasons); and docs/patterns.md, whose code and tests exist.`,
  options: { fix: flag('apply the fixes of the formatter and the linter, and write docs/patterns.md') },
  async run({ fix }) {
    const tools: [name: string, bin: string, ...args: string[]][] = [
      ['format', 'oxfmt/bin/oxfmt', ...(fix ? [] : ['--check'])],
      ['lint', 'oxlint/bin/oxlint', ...(fix ? ['--fix'] : [])],
      // Each further checker computes the types again that it shares with the others: four take twice the processor time.
      ['types', 'typescript/bin/tsc', '-p', '.', '--checkers', '1'],
      ['unused', 'knip/bin/knip.js'],
    ]
    let failed = 0
    for (const [name, bin, ...args] of tools) if (!(await passes(name, () => execute(bin, args)))) failed += 1
    if (!(await passes('helpers', helpers))) failed += 1
    if (!(await passes('pins', async () => outcomeOf(findUnpinned(root))))) failed += 1
    if (!(await passes('fitness', fitness))) failed += 1
    if (!(await passes('patterns', async () => outcomeOf(checkPatterns(root, { write: fix === true }))))) failed += 1
    if (!(await passes('records', () => compareRecords(false)))) failed += 1
    return failed === 0 ? 0 : 1
  },
})

async function passes(name: string, check: () => Promise<Outcome>): Promise<boolean> {
  const startedMs = performance.now()
  const { code, output } = await check()
  const verdict = code === 0 ? 'ok' : 'FAILED'
  say(`${name.padEnd(8)} ${verdict.padEnd(6)} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  if (code !== 0) say(output.trim())
  return code === 0
}

/** Files that only tests use must be named for it, because the image and knip exclude them by name. */
async function helpers(): Promise<Outcome> {
  const { code, output } = await execute('knip/bin/knip.js', ['--production', '--include', 'files'])
  const remedy = 'Name files that only tests use *.testing.ts, or move them to test/: see CONTRIBUTING.md.'
  return { code, output: `${output.trim()}\n${remedy}` }
}

/** A description that can not be loaded is a finding: the types, which came before, say more. */
async function fitness(): Promise<Outcome> {
  try {
    const { business } = await import('../functions/index.ts')
    return outcomeOf(findUnfit(measured(root, business)))
  } catch (error) {
    return { code: 1, output: String(error) }
  }
}

const outcomeOf = (findings: readonly string[]): Outcome => ({
  code: findings.length === 0 ? 0 : 1,
  output: findings.join('\n'),
})
