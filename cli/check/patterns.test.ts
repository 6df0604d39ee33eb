/** The page of patterns: a file, a text or a test that does not exist is named, and so is a page that was made from an earlier list. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { checkPatterns } from './patterns.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patterns-'))
  mkdirSync(join(root, 'docs'))
  writeFileSync(join(root, 'retry.ts'), 'export function retry() {}\n')
  writeFileSync(join(root, 'retry.test.ts'), "it('tries three times', () => {})\n")
})
afterEach(() => rmSync(root, { recursive: true }))

const entry = {
  name: 'Retry',
  is: 'Tries again.',
  where: ['retry.ts retry'],
  tests: ['retry.test.ts tries three times'],
  not: 'without a key.',
}

function write(change: object): void {
  const entries = [{ ...entry, ...change }]
  const absent = [{ name: 'Sidecar', why: 'It costs more.' }]
  const yaml = stringify({ intro: 'All.', sections: [{ title: 'Resilience', entries }], absent })
  writeFileSync(join(root, 'docs/patterns.yaml'), yaml)
}

it('the page of this repository names only what exists', () => {
  expect(checkPatterns(join(import.meta.dirname, '../..'), { write: false })).toEqual([])
})

it('is written with links to the code and the names of the tests', () => {
  write({})
  expect(checkPatterns(root, { write: true })).toEqual([])
  const page = readFileSync(join(root, 'docs/patterns.md'), 'utf8')
  expect(page).toContain('### Retry\n\nTries again.\n\n- Code: [`retry.ts`](../retry.ts), `retry`\n')
  expect(page).toContain('- Tests: `retry.test.ts` "tries three times"\n- Not: without a key.\n')
  expect(page).toContain('- **Sidecar**: It costs more.')
})

it.each([
  [{ where: ['gone.ts retry'] }, 'there is no gone.ts'],
  [{ where: ['retry.ts backOff'] }, 'retry.ts has no text "backOff"'],
  [{ tests: ['gone.test.ts tries three times'] }, 'there is no gone.test.ts'],
  [{ tests: ['retry.test.ts tries three'] }, 'retry.test.ts has no test named "tries three"'],
  [{ tests: ['retry.test.ts'] }, 'retry.test.ts needs the name of a test'],
])('%j is named', (change, finding) => {
  write(change)
  expect(checkPatterns(root, { write: true })).toEqual([`docs/patterns.yaml, Retry: ${finding}`])
})

it('an entry without a field, and a page of an earlier list, are named', () => {
  write({ not: '' })
  expect(checkPatterns(root, { write: true }).join()).toContain('docs/patterns.yaml: ✖ Too small')
  write({})
  const [finding] = checkPatterns(root, { write: false })
  expect(finding).toBe('docs/patterns.md is not as docs/patterns.yaml has it: npm run check -- --fix')
})

it('a list that is no YAML is named with the line', () => {
  writeFileSync(join(root, 'docs/patterns.yaml'), 'intro: %s\n')
  expect(checkPatterns(root, { write: true }).join()).toMatch(/^docs\/patterns\.yaml: Plain value .* at line 1/)
})

it('a business that has deleted the list has no page to check', () => {
  expect(checkPatterns(root, { write: false })).toEqual([])
})
