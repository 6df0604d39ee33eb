/** Every block of commands in the documents is run by a test, or has its reason here. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { blocksOf } from '../support/document-blocks.ts'
import { root } from '../support/root.ts'
import { documents } from './typed-commands.testing.ts'

/** Document → heading, or `*` for the whole document → the test that reads its blocks and runs them. */
const executed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': { 'Five minutes': 'test/platform/in-turn/readme.testing.ts' },
  'docs/analysis.md': { '*': 'test/platform/in-turn/readme.testing.ts' },
  'docs/prices.md': { '*': 'test/platform/in-turn/readme.testing.ts' },
  'docs/state-and-routes.md': { '*': 'test/platform/in-turn/readme.testing.ts' },
  'docs/troubleshooting.md': { '*': 'test/platform/in-turn/readme.testing.ts' },
  'docs/quickstart.md': { '*': 'test/platform/in-turn/readme.testing.ts' },
  'docs/operations.md': {
    'Dead letters': 'test/platform/in-turn/readme.testing.ts',
    'Stuck sagas and stalled orders': 'test/platform/in-turn/readme.testing.ts',
    'What waits here': 'test/platform/in-turn/readme.testing.ts',
  },
  'docs/local-cloud.md': {
    'The run secret': 'test/platform/in-turn/readme.testing.ts',
    'Fault injection': 'test/platform/in-turn/readme.testing.ts',
    'Restore a backup': 'test/platform/in-turn/readme.testing.ts',
    Secrets: 'test/platform/in-turn/readme.testing.ts',
  },
  'docs/orders.md': {
    'A payment that needs the customer': 'test/platform/shared/order-flow.test.ts',
    Cancel: 'test/platform/shared/order-flow.test.ts',
  },
  'docs/strangler.md': { 'Walk through it': 'test/migration/strangler-page.test.ts' },
  'docs/telemetry.md': { Telemetry: 'test/platform/in-turn/readme.testing.ts' },
  'docs/your-own.md': { '*': 'test/platform/copies/own-business.test.ts' },
  'docs/your-own-program.md': { '*': 'test/cloud/your-own-program.test.ts' },
  'docs/add-a-service.md': { '*': 'test/platform/copies/add-a-service.test.ts' },
  'emulators/local-cloud/core/README.md': { '*': 'test/platform/copies/add-a-service.test.ts' },
  'CONTRIBUTING.md': { 'Add something': 'test/platform/copies/add-a-service.test.ts' },
}

/** The same for blocks that no test reads → why. */
const unexecuted: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': { 'Two commands': 'npm start, which test/platform/start.test.ts starts, and npm test itself' },
  'CONTRIBUTING.md': { 'Set up': 'the check itself; test/platform/copies/own-business.test.ts runs it in a copy' },
  'docs/operations.md': {
    Reconciliation:
      'waits for the age of a day-old shop; test/platform/in-turn/reconciliation.testing.ts runs both commands with another age',
    'Many refusals': 'a query of Cloud Logging, and npm run logs with options that typed-options.test.ts checks',
    'Rebuild timelines and lists':
      'names an order of a former release; test/platform/shared/ops.test.ts runs it with one',
    "Revoke a person's sign-in":
      'asks Google for a token; test/platform/forged/forged-tokens.testing.ts sends the request',
  },
  'docs/local-cloud.md': { Develop: 'commands that run until Ctrl-C; typed-options.test.ts checks their options' },
  'docs/strangler.md': {
    'Replace an old shop step by step':
      'programs that run until Ctrl-C; emulators/with-settings.test.ts has the setting, and typed-options.test.ts the option',
  },
  'docs/deploy.md': { '*': 'Google Cloud: the page marks each step (not run)' },
  'docs/reliability.md': { '*': 'takes hours: npm run verify has the same kills' },
  'AGENTS.md': { '*': 'runs the tests themselves' },
}

/** Blocks marked as shell, and those without a mark that begin with a program. */
const isShell = ({ language, text }: { language: string; text: string }): boolean =>
  language === 'sh' ||
  (language === '' && /^(?:[A-Z_]+=\S+ )?(?:npm|npx|node|curl|gcloud|terraform|python3|jsonPayload)\b/.test(text))

const blocks = documents.flatMap((document) =>
  blocksOf(readFileSync(join(root, document), 'utf8'))
    .filter(isShell)
    .map((block) => ({ document, ...block })),
)

const has = (of: typeof executed, { document, section }: { document: string; section: string }): boolean =>
  of[document]?.[section] !== undefined || of[document]?.['*'] !== undefined
const entriesOf = (of: typeof executed) =>
  Object.entries(of).flatMap(([document, sections]) =>
    Object.entries(sections).map(([section, by]) => ({ document, section, by })),
  )

/** The texts in quotes of a test and of the helpers that it imports from its own folder, and the modules that they import. */
function readBy(test: string): { readonly texts: ReadonlySet<string>; readonly modules: readonly string[] } {
  const texts = new Set<string>()
  const modules: string[] = []
  const visit = (path: string): void => {
    const { program, module } = parseSync(path, readFileSync(path, 'utf8'))
    new Visitor({ Literal: ({ value }) => typeof value === 'string' && void texts.add(value) }).visit(program)
    for (const { moduleRequest } of module.staticImports) {
      modules.push(moduleRequest.value)
      if (/^\.\/.*\.testing\.ts$/.test(moduleRequest.value)) visit(join(dirname(path), moduleRequest.value))
    }
  }
  visit(join(root, test))
  return { texts, modules }
}

describe('blocks of commands', () => {
  it('are run by a test, or have a reason', () => {
    expect(blocks.length).toBeGreaterThan(30)
    const missing = blocks.filter((block) => !has(executed, block) && !has(unexecuted, block))
    expect(missing.map(({ document, section, text }) => `${document}, ${section}: ${text.split('\n')[0]}`)).toEqual([])
    expect(entriesOf(executed).filter((entry) => has(unexecuted, entry))).toEqual([])
  })

  it('exist for each entry, and so does each test that a reason names', () => {
    const stale = [...entriesOf(executed), ...entriesOf(unexecuted)].filter(
      ({ document, section }) =>
        !blocks.some((block) => block.document === document && (section === '*' || block.section === section)),
    )
    expect(stale).toEqual([])
    const paths = entriesOf(unexecuted).flatMap(({ by }) => by.match(/test\/[\w./-]+\w/g) ?? [])
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  // A test that has its own copy of a page's commands passes when the page is wrong.
  it.each(entriesOf(executed))('$by reads the blocks of $document, $section', ({ document, section, by }) => {
    const { texts, modules } = readBy(by)
    expect(modules).toContainEqual(expect.stringMatching(/^(\.\.\/)+support\/document-blocks\.ts$/))
    expect([...texts]).toEqual(expect.arrayContaining([document, ...(section === '*' ? [] : [section])]))
  })
})
