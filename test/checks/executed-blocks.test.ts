/** Every block of commands in the documents is run by a test, or has its reason here. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blocksOf } from '../support/document-blocks.ts'
import { root } from '../support/root.ts'
import { documents } from './typed-commands.testing.ts'

/** Document → heading, or `*` for the whole document → the test that runs its commands, or why none does. */
const executed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': { 'Five minutes': 'test/platform/readme.test.ts', 'Two commands': 'test/platform/start.test.ts' },
  'docs/troubleshooting.md': { '*': 'test/platform/readme.test.ts' },
  'docs/quickstart.md': { '*': 'test/platform/readme.test.ts' },
  'docs/your-own.md': { '*': 'test/own-business/own-business.test.ts' },
  'docs/your-own-program.md': { '*': 'test/cloud/your-own-program.test.ts' },
  'docs/add-a-service.md': { '*': 'test/checks/add-a-service.test.ts' },
  'emulators/local-cloud/core/README.md': { '*': 'test/checks/add-a-service.test.ts' },
  'CONTRIBUTING.md': {
    'Set up': 'test/own-business/own-business.test.ts',
    'Add something': 'test/checks/add-a-service.test.ts',
  },
  'docs/operations.md': {
    'Dead letters': 'test/platform/ops.test.ts',
    'Stuck sagas and stalled orders': 'test/platform/ops.test.ts',
    'What waits here': 'test/platform/waiting-orders.test.ts',
    'Many refusals': 'a query of Cloud Logging, and npm run logs with options that typed-options.test.ts checks',
    "Revoke a person's sign-in": 'asks Google for a token; test/security/sign-out.test.ts sends the request',
  },
  'docs/local-cloud.md': {
    Develop: 'commands that run until Ctrl-C; typed-options.test.ts checks their options',
    'The run secret': 'test/security/secret.test.ts',
    'Fault injection': 'kills a service of the platform; the crash suite sets such rules by the same API',
  },
  'docs/deploy.md': { '*': 'Google Cloud: the page marks each step (not run)' },
  'docs/reliability.md': { '*': 'takes hours: npm run verify has the same kills' },
  'docs/telemetry.md': { '*': 'test/platform/readme.test.ts, and a collector that npm does not install' },
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

describe('blocks of commands', () => {
  it('are run by a test, or have a reason', () => {
    expect(blocks.length).toBeGreaterThan(30)
    const missing = blocks.filter(({ document, section }) => {
      const of = executed[document] ?? {}
      return of[section] === undefined && of['*'] === undefined
    })
    expect(missing.map(({ document, section, text }) => `${document}, ${section}: ${text.split('\n')[0]}`)).toEqual([])
  })

  it('exist for each entry, and so does each test', () => {
    const entries = Object.entries(executed).flatMap(([document, of]) =>
      Object.entries(of).map(([section, by]) => ({ document, section, by })),
    )
    const stale = entries.filter(
      ({ document, section }) =>
        !blocks.some((block) => block.document === document && (section === '*' || block.section === section)),
    )
    expect(stale).toEqual([])
    const paths = entries.flatMap(({ by }) => by.match(/test\/[\w./-]+\.ts/g) ?? [])
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})
