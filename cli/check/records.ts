/** Runs the tests that compare declarations with their records. */

import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { execute, type Outcome, root } from './tool.ts'

/** The files of these tests, by parts of their paths: a business need not have them all. */
const suites = [
  'frozen-',
  'test/architecture/contracts.test.ts',
  'test/architecture/sagas.test.ts',
  'test/stacks/addresses.test.ts',
  'test/flows/flows.test.ts',
]

/** The output of Vitest by `--reporter=json`. */
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/**
 * The outcome, with a line for each difference.
 * @param adds what is new to the records, whose paths are then `written`, from the root
 */
export async function compareRecords(adds: boolean): Promise<Outcome & { readonly written: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-records-'))
  const [report, list] = [join(folder, 'report.json'), join(folder, 'written')]
  try {
    const { code, output } = await execute(
      'vitest/vitest.mjs',
      ['run', ...suites, '--reporter=json', `--outputFile=${report}`],
      adds ? { MILLRACE_RECORD: list } : {},
    )
    const written = existsSync(list) ? linesOf(readFileSync(list, 'utf8')).map((path) => relative(root, path)) : []
    const differences = existsSync(report) ? differencesIn(JSON.parse(readFileSync(report, 'utf8')) as Report) : []
    return { code, output: differences.length === 0 ? output : differences.join('\n'), written: [...new Set(written)] }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** A line for each failed test: its file, its name and the reason. */
export const differencesIn = ({ testResults }: Report): string[] =>
  testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    const lines = failed.map(({ fullName, failureMessages: [why = ''] }) => `${fullName}: ${linesOf(why)[0]}`)
    if (lines.length === 0 && message) lines.push(linesOf(message)[0]!)
    return lines.map((line) => `${relative(root, name)}: ${line}`)
  })
