/** Documents and sources use the words of docs/glossary.md: words that were replaced do not come back. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

const texts = new Map<string, string>()
function text(path: string): string {
  const known = texts.get(path) ?? readFileSync(join(root, path), 'utf8')
  texts.set(path, known)
  return known
}

/** Each replaced word, with the words to use. */
const replaced: readonly (readonly [RegExp, string])[] = [
  [/\bput(s|ting)? aside\b/, 'dead-letter'],
  [/\b(told|hears|heard)\b/, 'receives, subscribes to, is notified of'],
  [/\b(some|no|any|every)body\b/, 'the noun: a customer, no service, every caller'],
  [/\bwhoever\b/, 'the noun: a caller that'],
  [/\b(is|are|was|were) none\b/, 'does not exist'],
  [/\bsay(s|ing)? again\b/, 'republish, retry'],
  [/\bgiven[ -]up\b/, 'dead-lettered, no longer retried'],
  [/\bundo(es|ne|ing)?\b/, 'compensate'],
  [/\b(asleep|awake)\b/, 'scaled to zero, started'],
  [/\b(is|are) (lifted|lowered)\b/, 'upcast, shaped'],
]

const replacedInAnyCase = replaced.map(([word, instead]) => [new RegExp(word, 'i'), instead] as const)

/** Documents and folders that are finished: the list only grows. */
const finished: readonly string[] = [
  'docs/*.md',
  'docs/decisions/*.md',
  '{AGENTS,CHANGELOG,CONTRIBUTING,README,SECURITY}.md',
  '{emulators,shared,test}/**/README.md',
  'cli/**/*.{ts,mjs}',
  'emulators/**/*.ts',
  'functions/**/*.{ts,sql}',
  'legacy/**/*.ts',
  'shared/**/*.ts',
  'stacks/*.ts',
  'test/**/!(words.test).ts',
  'stacks/sql/*.sql',
]

/** In comments alone: a comment begins with its subject, and "authoriz" is written one way. */
const replacedInComments: readonly (readonly [RegExp, string])[] = [
  [/^\s*(\/\*\*|\/\/) (Those|What|They|Who)\b/, 'the noun: the amount, the queues, the caller'],
  [/^\s*(\/\*\*|\/\/|\*) .*\b[Aa]uthoris/, 'authoriz…'],
]

/** Earlier versions of recorded events, whose names are stored. */
const stored = /past-events\./
/** Their fields, in programs whose texts are of today. */
const storedNames = /past-events\.|inventory\/contracts\./

/** Words that were replaced in the names of files, types, functions, variables and properties, with the words to use. */
const replacedInNames: readonly (readonly [RegExp, string])[] = [
  [/\b(un)?told\b|\btells?\b/, 'received, notified, log'],
  [/\b(hears?|heard)\b/, 'consumer, receive, record'],
  [/\b(no|any|some|every)bodys?\b|\bwhoever\b/, 'the noun'],
  [/\b(undo|undoes|undone|undoing|let go|letting go)\b/, 'compensate, void, release, detach'],
  [/\b(noted?|notes) (problem|refusal|refused|act|operator|price|abandoned|caller)\b|\bnoted\b/, 'log, record, store'],
  [/\b(put|puts) aside\b|\b(says?|say) again\b/, 'dead-letter, republish'],
  [
    /\b(patience|patient(ly)?|hurr(y|ied)|asleep|awake|at rest|under way)\b/,
    'timeout, retry, in flight, scaled to zero',
  ],
  [/\b(lift(s|ed|ing)?|lower(ed|ing))\b/, 'upcast, shape'],
  [/\bat once\b/, 'concurrent, MAX_CONCURRENT_…'],
  [/\b(books|shopper|survivors?|agenda|mesh|undertaker|lanes?|rooms)\b/, 'the standard term: docs/glossary.md'],
  [/\b(moments?|obey(s|ed)?|chase|spread|wish|dismiss)\b/, 'point, handle, request, split, options, release'],
  [/\b(largest|longest|most|least) (\w+ )*(bytes|characters|ms|length)\b/, 'MAX_…, MIN_…'],
  [/\basked\b/, 'query, request, inquiry, count'],
  [/\b(given|give|gave) up after\b|\b(look|looks|looked|looking)(?! ups?\b|s? like\b)\b/, '…_TIMEOUT_MS, poll, check'],
]

/** `noteRefusal`, `MAX_BYTES` and `open-queries` as lower-case words. */
const wordsIn = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_./]/g, ' ')
    .toLowerCase()

const replacements = new Map<string, string | undefined>()
function replacementFor(name: string): string | undefined {
  if (!replacements.has(name)) {
    const words = wordsIn(name)
    replacements.set(name, replacedInNames.find(([word]) => word.test(words))?.[1])
  }
  return replacements.get(name)
}

/** The names in a program, each once. A program that has no such word in its comments and texts either is not parsed. */
function namesIn(path: string): Set<string> {
  const names = new Set<string>()
  if (
    !text(path)
      .match(/[\w$]+/g)
      ?.some(replacementFor)
  )
    return names
  const add = ({ name }: { readonly name: string }): void => void names.add(name)
  new Visitor({ Identifier: add, PrivateIdentifier: add }).visit(parseSync(path, text(path)).program)
  return names
}

function occurrences(path: string): readonly string[] {
  // The name of a test is a quotation.
  const content = text(path).replaceAll(/(`[^`]*\.test\.ts`) "[^"]*"/g, '$1')
  const suspected = replacedInAnyCase.filter(([word]) => word.test(content))
  if (suspected.length === 0) return []
  return content
    .split('\n')
    .flatMap((line, index) =>
      suspected
        .map(([word, instead]) => [word.exec(line)?.[0], instead] as const)
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

describe('comments', () => {
  const found = (path: string, program: string): readonly string[] =>
    program
      .split('\n')
      .flatMap((line, index) =>
        replacedInComments.flatMap(([words, instead]) =>
          words.test(line) ? [`${path}:${index + 1}: "${line.trim()}": use ${instead}`] : [],
        ),
      )

  it('begin with their subject', () => {
    const paths = finished.flatMap((pattern) => globSync(pattern, { cwd: root })).filter((path) => path.endsWith('.ts'))
    expect(paths.length).toBeGreaterThan(500)
    expect(paths.flatMap((path) => found(path, text(path)))).toEqual([])
  })

  it('that begin with a pronoun are detected', () => {
    const lines = ['  /** Those of a queue. */', '// What waits.', '/** The queues. */', "const what = 'What' // it"]
    expect(found('a.ts', lines.join('\n'))).toHaveLength(2)
    expect(found('a.ts', ' * Voids an authorisation.\n * Voids an authorization.')).toHaveLength(1)
  })
})

describe('names', () => {
  const programs = globSync('{cli,emulators,functions,legacy,shared,stacks,test}/**/*.{ts,mjs}', { cwd: root }).filter(
    (path) => !path.includes('node_modules') && !storedNames.test(path),
  )

  it('of files have no replaced word', () => {
    expect(programs.length).toBeGreaterThan(500)
    expect(
      programs.filter((path) => replacementFor(path)).map((path) => `${path}: use ${replacementFor(path)}`),
    ).toEqual([])
  })

  it('of types, functions, variables and properties have no replaced word', () => {
    const found = programs.flatMap((path) =>
      [...namesIn(path)].flatMap((name) => {
        const instead = replacementFor(name)
        return instead ? [`${path}: ${name}: use ${instead}`] : []
      }),
    )
    expect(found).toEqual([])
  })

  it('are compared by their words', () => {
    const names = [
      'noteRefusal',
      'LARGEST_BODY_BYTES',
      'underWay',
      'LOOK_EVERY_MS',
      'test/platform/crash/books.ts',
      'isUndone',
      'AT_ONCE',
      'wasAsked',
    ]
    expect(names.filter((name) => !replacementFor(name))).toEqual([])
    const others = [
      'lookUp',
      'looksLikeToken',
      'notify',
      'bookCarrier',
      'untouched',
      'hasRoom',
      'notes',
      'annotations',
      'masked',
    ]
    expect(others.filter((name) => replacementFor(name))).toEqual([])
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
