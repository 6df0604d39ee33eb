/**
 * A business of one's own, in a copy without the shop: docs/your-own.md is followed to the letter, but for the port. npm test
 * follows it up to the check, of which it runs the parts that read types and code; npm run verify follows all of it.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { freeBlock } from 'local-google-cloud/host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Module, modulesFrom } from '../../../cli/import-graph.ts'
import type { Copy } from '../../support/copy.ts'
import { expectedOf, runShell } from '../../support/document-blocks.ts'
import { wholeLists } from '../../support/whole-lists.ts'
import { commandsOfStep, ownBusinessCopy } from './own-business.testing.ts'

let copy: Copy
let port: number
/** `npm start` of the copy. */
let platform: ChildProcess | undefined

beforeAll(async () => {
  copy = await ownBusinessCopy()
  port = await freeBlock()
}, 300_000)
afterAll(async () => {
  if (platform?.exitCode === null) {
    const ended = new Promise((resolve) => platform!.once('close', resolve))
    platform.kill('SIGTERM')
    await ended
  }
  copy.remove()
}, 60_000)

/** Runs these lines of the page. @returns what they print. */
async function follow(lines: string): Promise<string> {
  const { code, output } = await runShell(lines.replaceAll('127.0.0.1:4110', `127.0.0.1:${port + 10}`), {
    cwd: copy.root,
  })
  expect(code, output).toBe(0)
  return output
}

it('has no script of a file that the page removes', () => {
  const { scripts } = JSON.parse(copy.read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
  const programs = Object.entries(scripts).map(([name, script]) => [name, script.split(' ')[2]!] as const)
  expect(programs.length).toBeGreaterThan(15)
  const isGone = (file: string): boolean => !file.startsWith('node_modules/') && !existsSync(join(copy.root, file))
  expect(programs.filter(([, file]) => isGone(file))).toEqual([])
  // The page replaces the configuration, which has the projects.
  expect(Object.values(scripts).filter((script) => script.includes('--project'))).toEqual([])
})

it('imports no file and no package that the page removes', () => {
  const files = globSync('{cli,emulators,functions,shared,stacks,test}/**/*.ts', {
    cwd: copy.root,
    exclude: ['**/node_modules/**', 'emulators/local-cloud/**'],
  })
  expect(files.length).toBeGreaterThan(300)
  const declared = JSON.parse(copy.read('package.json')) as Record<string, Readonly<Record<string, string>>>
  const packages = new Set(
    ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) => Object.keys(declared[kind] ?? {})),
  )
  const parsed = new Map<string, Module>()
  // Throws for an import that leads nowhere.
  for (const file of files) modulesFrom(join(copy.root, file), { parsed })
  const missing = files.flatMap((file) =>
    parsed
      .get(join(copy.root, file))!
      .imports.filter((name) => !/^(\/|node:|local-google-cloud)/.test(name) && !packages.has(packageOf(name)))
      .map((name) => `${file}: ${name}`),
  )
  expect(missing).toEqual([])
})

/** `@scope/name` or `name`, without a path in it. */
const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

// The check of the whole does more than both. The types of generic folders without the shop are those of another-business.test.ts.
it.runIf(!wholeLists)('compiles, and the linter accepts it', { timeout: 300_000 }, () => {
  expect(copy.compile(['functions'])).toEqual({ code: 0, output: '' })
  expect(copy.lint('functions')).toContain('0 errors')
})

it.runIf(!wholeLists)('passes the rules of the architecture that need no records', { timeout: 300_000 }, () => {
  const tests = ['cold-start', 'imports', 'services'].map((name) => `test/architecture/${name}.test.ts`)
  const { code, output } = copy.run('vitest/vitest.mjs', 'run', ...tests)
  expect([code, output]).toEqual([0, expect.stringContaining('3 passed')])
})

describe.runIf(wholeLists)('as a whole', () => {
  it('passes the check and its tests', { timeout: 600_000 }, async () => {
    const commands = commandsOfStep(copy, 7)
    expect(commands).toContain('npm run check -- --fix')
    const output = await follow(commands)
    for (const name of ['open-ticket.test.ts', 'read-ticket.test.ts', 'contracts.test.ts'])
      expect(output).toContain(name)
  })

  it('starts', { timeout: 120_000 }, async () => {
    let output = ''
    platform = spawn(process.execPath, [join(copy.root, 'emulators', 'run.ts'), '--port', String(port)], {
      cwd: copy.root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    platform.stdout!.on('data', (chunk: Buffer) => (output += String(chunk)))
    platform.stderr!.on('data', (chunk: Buffer) => (output += String(chunk)))
    await expect.poll(() => platform!.exitCode !== null || output.includes('Ready in'), { timeout: 100_000 }).toBe(true)
    expect(output).toContain('3 services')
  })

  it('takes a ticket, reads it, publishes an event and finds both in BigQuery', { timeout: 120_000 }, async () => {
    const commands = commandsOfStep(copy, 8)
    const output = await follow(commands)
    for (const expected of expectedOf(commands)) expect(output).toMatch(expected)
    for (const part of ['ticket.opened published', 'OpenTicket']) expect(output).toContain(part)
    const count = `npm run -s query -- --json "SELECT COUNT(*) AS events FROM analytics.event_log WHERE type = 'ticket.opened'"`
    await expect
      .poll(async () => JSON.parse(await follow(count)) as unknown, { timeout: 60_000 })
      .toEqual([{ events: 2 }])
  })

  it('tells the third service of both tickets', { timeout: 90_000 }, async () => {
    await expect
      .poll(() => follow('npm run -s logs -- notices --no-follow --json'), { timeout: 60_000 })
      .toMatch(/t-1[\s\S]*t-2|t-2[\s\S]*t-1/)
  })
})
