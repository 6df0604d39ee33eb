/** After a real start, no other user of the machine can read the local cloud's files, including older ones. */

import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { run, start, type Started, type TemporaryDirectory, temporaryDirectory } from '../../support/command.ts'
import { freeBlock } from 'local-google-cloud/host'

const STARTED_TIMEOUT_MS = 120_000
let data: TemporaryDirectory
let started: Started

/** Files of an earlier version, and of a person with the usual umask. */
const before = ['identity/journal.jsonl', 'cloud/journal.jsonl', 'logs/orders.log', 'bigquery/note', 'seeded-by-hand']

beforeAll(async () => {
  data = temporaryDirectory()
  chmodSync(data.path, 0o755)
  for (const file of before) {
    mkdirSync(join(data.path, file, '..'), { recursive: true })
    chmodSync(join(data.path, file, '..'), 0o755)
    writeFileSync(join(data.path, file), '')
    chmodSync(join(data.path, file), 0o644)
  }
  started = start('emulators/run.ts', ['--port', String(await freeBlock()), '--no-watch', '--cold'], data.path)
  await vi.waitUntil(() => /Ready in|Error|taken/.test(started.output()), { timeout: STARTED_TIMEOUT_MS })
}, STARTED_TIMEOUT_MS)
afterAll(async () => {
  started.child.kill('SIGINT')
  await started.ended
  data.remove()
}, 60_000)

function walk(path: string): string[] {
  const names = lstatSync(path).isDirectory() ? readdirSync(path) : []
  return [path, ...names.flatMap((name) => walk(join(path, name)))]
}
const modes = (): [path: string, mode: string][] =>
  walk(data.path).map((path) => [path.slice(data.path.length), (lstatSync(path).mode & 0o777).toString(8)])
const open = (): [path: string, mode: string][] => modes().filter(([, mode]) => !/^[0-7]00$/.test(mode))

it('every directory is 0700, every file 0600', { timeout: 60_000 }, async () => {
  const order = await run('functions/shop/cli/order.ts', ['--sku', 'TEA-001'], data.path)
  expect(order.stdout).toContain('completed')
  const found = modes().map(([path]) => path)
  for (const path of ['/running.json', '/provisioned.json', '/seeded', '/cloud/journal.jsonl', '/logs/gateway.log'])
    expect(found).toContain(path)
  expect(found.some((path) => path.startsWith('/bigquery/bigquery.duckdb'))).toBe(true)
  expect(open()).toEqual([])
})

it('the modes stay so after the end', { timeout: 60_000 }, async () => {
  started.child.kill('SIGINT')
  await started.ended
  expect(open()).toEqual([])
})
