/** docs/patterns.md, made from docs/patterns.yaml: each pattern, its code, the tests that hold it, and when not to use it. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'

const place = /^([\w./-]+)(?: (.+))?$/
const text = z.string().min(1)

const document = z.strictObject({
  intro: text,
  sections: z.array(
    z.strictObject({
      title: text,
      entries: z
        .array(
          z.strictObject({
            name: text,
            is: text,
            /** A file, and a text in it, such as the name of a function. */
            where: z.array(text.regex(place)).min(1),
            /** A file of tests, and the name of a test or of a group in it. */
            tests: z.array(text.regex(place)).min(1),
            not: text,
          }),
        )
        .min(1),
    }),
  ),
  /** Patterns that the code does not have, with the reason. */
  absent: z.array(z.strictObject({ name: text, why: text })),
})
type PatternsDocument = z.output<typeof document>

const SOURCE = 'docs/patterns.yaml'
const PAGE = 'docs/patterns.md'

const parts = (one: string): { file: string; name: string | undefined } => {
  const [, file, name] = place.exec(one)!
  return { file: file!, name }
}

/** Files and names that do not exist; with `write` the page is written, otherwise an old page is a finding too. */
export function checkPatterns(root: string, { write }: { readonly write: boolean }): readonly string[] {
  // A business of its own has deleted the page, which is about the code of this one.
  if (!existsSync(join(root, SOURCE))) return []
  const yaml = parseDocument(readFileSync(join(root, SOURCE), 'utf8'))
  if (yaml.errors.length > 0) return yaml.errors.map(({ message }) => `${SOURCE}: ${message}`)
  const parsed = document.safeParse(yaml.toJS())
  if (!parsed.success) return [`${SOURCE}: ${z.prettifyError(parsed.error)}`]
  const page = pageOf(parsed.data)
  const file = join(root, PAGE)
  if (write) writeFileSync(file, page)
  const isCurrent = existsSync(file) && readFileSync(file, 'utf8') === page
  return [
    ...missingIn(root, parsed.data),
    ...(isCurrent ? [] : [`${PAGE} is not as ${SOURCE} has it: npm run check -- --fix`]),
  ]
}

function missingIn(root: string, { sections }: PatternsDocument): readonly string[] {
  const entries = sections.flatMap((section) => section.entries)
  return entries.flatMap(({ name, where, tests }) =>
    [...where, ...tests].flatMap((one) => {
      const { file, name: wanted } = parts(one)
      const about = `${SOURCE}, ${name}:`
      const isTest = tests.includes(one)
      if (!existsSync(join(root, file))) return [`${about} there is no ${file}`]
      if (isTest && wanted === undefined) return [`${about} ${file} needs the name of a test`]
      if (wanted === undefined) return []
      const isThere = contains(readFileSync(join(root, file), 'utf8'), wanted, isTest)
      return isThere ? [] : [`${about} ${file} has no ${isTest ? 'test named' : 'text'} "${wanted}"`]
    }),
  )
}

/** The name of a test is a whole text, in any quotes. */
const contains = (source: string, wanted: string, isWhole: boolean): boolean =>
  isWhole ? ["'", '"', '`'].some((quote) => source.includes(quote + wanted + quote)) : source.includes(wanted)

const listed = (label: string, items: readonly string[]): string =>
  items.length === 1 ? `- ${label}: ${items[0]}` : [`- ${label}:`, ...items.map((item) => `  - ${item}`)].join('\n')

function pageOf({ intro, sections, absent }: PatternsDocument): string {
  const blocks = sections.flatMap(({ title, entries }) => [
    `## ${title}`,
    ...entries.flatMap(({ name, is, where, tests, not }) => [
      `### ${name}`,
      is,
      [listed('Code', where.map(linked)), listed('Tests', tests.map(quoted)), `- Not: ${not}`].join('\n'),
    ]),
  ])
  const missing = ['## Not here', absent.map(({ name, why }) => `- **${name}**: ${why}`).join('\n')]
  return `${['# Patterns and anti-patterns', intro.trim(), ...blocks, ...(absent.length > 0 ? missing : [])].join('\n\n')}\n`
}

function linked(one: string): string {
  const { file, name } = parts(one)
  return `[\`${file}\`](../${file})${name === undefined ? '' : `, \`${name}\``}`
}

function quoted(one: string): string {
  const { file, name } = parts(one)
  return `\`${file}\` "${name}"`
}
