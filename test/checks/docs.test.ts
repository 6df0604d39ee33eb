/** The commands in the documents exist, and links, paths and names resolve. Their options: typed-options.test.ts. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { checkout } from '../../functions/orders/checkout.ts'
import { root } from '../support/root.ts'
import { documents, scripts, typedCommands } from './typed-commands.testing.ts'

const text = (document: string): string => readFileSync(join(root, document), 'utf8')

/** The services that readers make by docs/add-a-service.md and docs/your-own.md. */
const madeByReaders = /^functions\/(loyalty|helpdesk|tickets|notices)\//

describe('documents', () => {
  it.each(typedCommands)('$document: npm run $script $words', ({ script, words }) => {
    expect(Object.keys(scripts)).toContain(script)
    for (const path of words.filter((word) => word.startsWith('test/'))) expect(existsSync(join(root, path))).toBe(true)
  })

  it('mention every script for people', () => {
    const mentioned = new Set(typedCommands.map(({ script }) => script))
    expect(Object.keys(scripts).filter((script) => !mentioned.has(script))).toEqual([])
  })

  it.each(documents)('%s has only links that resolve', (document) => {
    const broken = [...text(document).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(join(root, dirname(document), target)))
    expect(broken).toEqual([])
  })

  it.each(documents)('%s links to each decision by its number', (document) => {
    const wrong = [...text(document).matchAll(/\[[^\]]*?\b(\d{4})\]\((?:[^)]*\/)?(\d{4})-[^)]*\.md[^)]*\)/g)]
      .filter(([, number, linked]) => number !== linked)
      .map(([link]) => link)
    expect(wrong).toEqual([])
  })

  it.each(documents)('%s names only exports of the files that it links to', (document) => {
    const missing = [...text(document).matchAll(/\[`(\w+)`\]\(([^)#\s]+\.ts)\)/g)]
      .filter(([, name, target]) => !exportsOf(join(root, dirname(document), target!)).has(name!))
      .map(([link]) => link)
    expect(missing).toEqual([])
  })

  it.each(documents)('%s names only paths that exist', (document) => {
    const folders = 'cli|docs|emulators|functions|shared|stacks|test'
    const missing = [...text(document).matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*)\``, 'g'))]
      .map(([, path]) => path!)
      .filter((path) => !madeByReaders.test(path) && !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })
})

describe('docs/README.md', () => {
  const index = text('docs/README.md')
  /** Path from the root → the headings that the index links to. */
  const linked = [...index.matchAll(/\]\(([^)#:\s]+)(?:#([^)]+))?\)/g)].map(([, target, anchor]) => ({
    target: normalize(join('docs', target!)),
    anchor,
  }))

  it('links to every page in docs, and the README to it', () => {
    const pages = documents.filter((document) => /^docs\/[^/]+\.md$/.test(document) && document !== 'docs/README.md')
    expect(pages.length).toBeGreaterThan(12)
    expect(pages.filter((page) => linked.every(({ target }) => target !== page))).toEqual([])
    expect(text('README.md')).toContain('](docs/README.md)')
  })

  it('names only sections that exist', () => {
    const missing = linked.filter(({ target, anchor }) => anchor !== undefined && !anchorsOf(text(target)).has(anchor))
    expect(missing).toEqual([])
  })
})

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}

it('README.md has each service in its table and in their number', () => {
  const [, table] = text('README.md').split('| service ')
  const named = [...table!.split('\n\n')[0]!.matchAll(/^\| ([a-z]\w+) /gm)].map(([, name]) => name!)
  expect(named.toSorted()).toEqual(services.map(({ name }) => name).toSorted())
  expect(text('README.md')).toMatch(new RegExp(`: ${services.length} services\\.`))
})

it('docs/architecture.md shows the declared steps of the checkout', () => {
  const rows = text('docs/architecture.md').split('\n')
  for (const { name, command, done, failed, timeoutSeconds, compensate } of checkout.steps) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\``)) ?? ''
    const cells = row.split('|').map((cell) => cell.trim().replaceAll('`', ''))
    const compensation = [compensate?.command, compensate?.compensated]
    expect(cells.slice(1, -1)).toEqual([name, command, done, failed, `${timeoutSeconds} s`, ...compensation])
  }
})

/** The exported names of a program, types included. */
function exportsOf(file: string): ReadonlySet<string> {
  if (!existsSync(file)) return new Set()
  const { module } = parseSync(file, readFileSync(file, 'utf8'))
  return new Set(
    module.staticExports.flatMap(({ entries }) => entries.flatMap(({ exportName }) => exportName.name ?? [])),
  )
}

it('docs/dependencies.md has a row for each package that a package.json lists, and for no other', () => {
  const listed = ['package.json', 'emulators/local-cloud/package.json'].flatMap((file) => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text(file)) as Record<string, object>
    return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
  })
  const [table] = /^\| package [\s\S]*?\n\n/m.exec(text('docs/dependencies.md'))!
  const named = table
    .split('\n')
    .slice(2)
    .flatMap((row) => row.split('|')[1]?.trim().split(', ') ?? [])
  // In "@google-cloud/pubsub, firestore" the scope is written once.
  const isNamed = (name: string): boolean => named.includes(name) || named.includes(name.replace(/^@[^/]+\//, ''))
  expect(listed.filter((name) => !isNamed(name))).toEqual([])
  const names = new Set(listed.flatMap((name) => [name, name.replace(/^@[^/]+\//, '')]))
  expect(named.filter((name) => name !== '' && !names.has(name))).toEqual([])
})
