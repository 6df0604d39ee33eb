import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startFailure } from './start-failure.ts'

/** The text that a real Node prints when it runs this program. */
function failureOf(source: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'start-failure-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'main.mjs'), "import './rules.mjs'\n")
  writeFileSync(join(folder, 'rules.mjs'), source)
  const { stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs')], { encoding: 'utf8' })
  return startFailure('seats', stderr.split('\n'), folder).split('\n')
}

it.each<[string, string, RegExp]>([
  [
    'a syntax error',
    'export const a = 1\nexport const b = = 2\n',
    /^seats did not start: SyntaxError: .* \(rules\.mjs:2\)$/,
  ],
  ['a throw', "\nthrow new TypeError('no price')\n", /^seats did not start: TypeError: no price \(rules\.mjs:2\)$/],
  [
    'a missing file',
    "import './gone.mjs'\n",
    /^seats did not start: Error \[ERR_MODULE_NOT_FOUND\]: Cannot find module 'gone\.mjs' /,
  ],
  [
    'a missing export',
    "import { a } from 'node:fs'\n",
    /^seats did not start: SyntaxError: .*export named 'a' \(rules\.mjs:1\)$/,
  ],
  [
    'its own last words',
    "console.error('PORT is missing')\nprocess.exit(1)\n",
    /^seats did not start: PORT is missing$/,
  ],
])('names %s in the first line, and then the output', (_, source, first) => {
  const [line, ...others] = failureOf(source)
  expect(line).toMatch(first)
  expect(others.length).toBeGreaterThan(0)
})

it('reports that there is no output', () => {
  expect(startFailure('seats', [], '/')).toBe('seats did not start: it printed nothing')
})
