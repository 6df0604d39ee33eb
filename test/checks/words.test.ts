/** Documents and sources use the words of docs/glossary.md: words that were replaced do not come back. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

const text = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Each replaced word, with the words to use. */
const replaced: readonly (readonly [RegExp, string])[] = [
  [/\bput(s|ting)? aside\b/, 'dead-letter'],
  [/\b(told|hears|heard)\b/, 'receives, subscribes to, is notified of'],
  [/\b(some|no|any|every)body\b/, 'the noun: a customer, no service, every caller'],
  [/\bwhoever\b/, 'the noun: a caller that'],
  [/\b(is|are|was|were) none\b/, 'does not exist'],
  [/\bsay(s|ing)? again\b/, 'republish, retry'],
  [/\bgiven up\b/, 'dead-lettered, no longer retried'],
  [/\bundo(es|ne|ing)?\b/, 'compensate'],
]

/** Documents and folders that are finished: the list only grows. */
const finished: readonly string[] = [
  'docs/*.md',
  'docs/decisions/*.md',
  '{AGENTS,CHANGELOG,CONTRIBUTING,README,SECURITY}.md',
  '{emulators,shared,test}/**/README.md',
  'cli/**/*.{ts,mjs}',
  'emulators/**/*.ts',
  'functions/**/*.{ts,sql}',
  'shared/**/*.ts',
  'stacks/*.ts',
  'test/**/!(words.test).ts',
  'stacks/sql/*.sql',
  'stacks/collector.yaml',
]

/** Earlier versions of recorded events, whose names are stored. */
const stored = /past-events\./

function occurrences(path: string): readonly string[] {
  // The name of a test is a quotation.
  const lines = text(path)
    .replaceAll(/(`[^`]*\.test\.ts`) "[^"]*"/g, '$1')
    .split('\n')
  return lines.flatMap((line, index) =>
    replaced
      .map(([word, instead]) => [new RegExp(word, 'i').exec(line)?.[0], instead] as const)
      .flatMap(([found, instead]) => (found ? `${path}:${index + 1}: "${found}": use ${instead}` : [])),
  )
}

describe('words', () => {
  it.each(finished)('that were replaced do not occur in %s', (pattern) => {
    const paths = globSync(pattern, { cwd: root }).filter((path) => !stored.test(path))
    expect(paths).not.toEqual([])
    expect(paths.flatMap(occurrences)).toEqual([])
  })

  it('are detected in a line, and not inside other words', () => {
    const found = (line: string): boolean => replaced.some(([word]) => word.test(line))
    expect(['what can be put aside', 'It is told as 500', 'there is none', 'nobody'].every(found)).toBe(true)
    expect(['deserted', 'a message is dead-lettered', 'nonempty'].some(found)).toBe(false)
  })
})

describe('docs/glossary.md', () => {
  const rows = text('docs/glossary.md')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, term]) => term !== 'term' && !term!.startsWith('---'))

  it('explains each term once, with a path into the code', () => {
    const terms = rows.map(([, term]) => term!)
    expect(terms.length).toBeGreaterThan(60)
    expect(new Set(terms).size).toBe(terms.length)
    expect(
      rows.filter(([, , meaning, where]) => !meaning!.endsWith('.') || !where!.includes('.ts')).map(([, term]) => term),
    ).toEqual([])
  })
})
