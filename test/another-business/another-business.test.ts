/** Another business on the platform: a copy without the shop, with two unrelated services. All that is generic works in it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freeBlock } from 'local-google-cloud/host'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Copy } from '../support/copy.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { helpDeskCopy } from './help-desk.testing.ts'

let copy: Copy
let port: number
let deskUrl: string
/** `npm start` of the copy. */
let platform: Program | undefined
let agent: { authorization: string }

beforeAll(async () => {
  copy = helpDeskCopy()
  port = await freeBlock()
  deskUrl = `http://127.0.0.1:${port + 10}/v1/tickets`
}, 60_000)
afterAll(async () => {
  platform?.kill('SIGTERM')
  await platform?.ended
  copy.remove()
}, 60_000)

const inCopy = (path: string): string => join(copy.root, path)

type Program = ChildProcess & { output(): string; readonly ended: Promise<number | null> }

/** A program of the copy, as its npm script runs it. */
function program(file: string, ...args: string[]): Program {
  const child = spawn(process.execPath, [inCopy(file), ...args], {
    cwd: copy.root,
    env: { ...process.env, MILLRACE_DATA: inCopy('.data') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return Object.assign(child, { output: () => output, ended })
}

async function run(name: string, ...args: string[]): Promise<string> {
  const { ended, output } = program(`cli/${name}.ts`, ...args)
  expect(await ended, output()).toBe(0)
  return output()
}

/** The header of a caller who signed in with that role. */
const bearer = async (role: string): Promise<{ authorization: string }> => ({
  authorization: `Bearer ${(await run('token', 'jo', '--role', role)).trim()}`,
})
const read = (ticketId: string): Promise<Response> => fetch(`${deskUrl}/${ticketId}`, { headers: agent })

it('no generic file names a folder of the shop', () => {
  const files = globSync('{shared,stacks,emulators,cli}/**/*.{ts,mjs,sql}', { cwd: copy.root })
  expect(files.length).toBeGreaterThan(300)
  const shop = readdirSync(join(root, 'functions'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  const names = new RegExp(`functions/(${shop.join('|')})/`)
  expect(files.filter((file) => names.test(readFileSync(inCopy(file), 'utf8')))).toEqual([])
})

// Generic files are formatted and linted where they are: npm run verify does it here too.
it('npm run check passes, or its tools do that read imports', { timeout: 300_000 }, async () => {
  if (wholeLists) await run('check')
  else {
    expect(copy.run('oxlint/bin/oxlint', 'functions').output).toContain('0 errors')
    expect(copy.run('typescript/bin/tsc', '-p', '.')).toEqual({ code: 0, output: '' })
    expect(copy.run('knip/bin/knip.js')).toMatchObject({ code: 0 })
  }
})

// The local cloud is a package of its own, which the linter lets import nothing of a business.
const excluded = ['emulators/local-cloud/**']
// They start programs of their own making, which take as long as all others.
if (!wholeLists) excluded.push('emulators/{start,running}.test.ts', 'cli/bill.test.ts')

it('the tests beside generic files pass', { timeout: 300_000 }, async () => {
  const exclude = excluded.flatMap((paths) => ['--exclude', paths])
  const tests = program('node_modules/vitest/vitest.mjs', 'run', ...exclude)
  expect(await tests.ended, tests.output()).toBe(0)
  expect(Number(/Tests .*?(\d+) passed/.exec(tests.output())?.[1])).toBeGreaterThan(600)
})

it('the stacks of every environment are synthesized', { timeout: 60_000 }, async () => {
  const synthesis = program('stacks/main.ts')
  expect(await synthesis.ended, synthesis.output()).toBe(0)
  expect(globSync('cdktf.out/stacks/prod-*', { cwd: copy.root }).length).toBe(5)
})

it('npm start starts the two services', { timeout: 120_000 }, async () => {
  platform = program('emulators/run.ts', '--port', String(port))
  await expect
    .poll(() => platform!.exitCode !== null || platform!.output().includes('Ready in'), { timeout: 100_000 })
    .toBe(true)
  expect(platform.output()).toContain('5 stacks synthesized')
  expect(platform.output()).toContain('2 services')
})

/** Opens a ticket with these further headers. */
const open = (headers: Record<string, string>): Promise<Response> =>
  fetch(deskUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1', ...headers },
    body: JSON.stringify({ ticketId: 't-1', title: 'The printer is on fire' }),
  })

it('each operation is refused without a token, and reading without the role agent', { timeout: 60_000 }, async () => {
  const codeOf = async (sent: Promise<Response>): Promise<unknown> => {
    const answer = await sent
    return [answer.status, ((await answer.json()) as { code: string }).code]
  }
  expect(await codeOf(open({}))).toEqual([401, 'token-missing'])
  expect(await codeOf(fetch(`${deskUrl}/t-1`))).toEqual([401, 'token-missing'])
  const reporter = await bearer('reporter')
  expect(await codeOf(fetch(`${deskUrl}/t-1`, { headers: reporter }))).toEqual([403, 'forbidden'])
  agent = await bearer('agent')
})

it('the public service has its OpenAPI document and page', { timeout: 60_000 }, async () => {
  const served = (path: string): Promise<Response> => fetch(new URL(path, deskUrl))
  const { info, paths } = (await (await served('/openapi.json')).json()) as {
    info: { title: string }
    paths: Record<string, object>
  }
  expect(info.title).toBe('Help desk')
  expect(Object.keys(paths)).toEqual(['/v1/tickets', '/v1/tickets/{ticketId}', '/openapi.json', '/docs'])
  expect(await (await served('/docs')).text()).toContain('<code>/v1/tickets/{ticketId}</code>')
})

it('a request becomes a command, a recorded event and a read model', { timeout: 60_000 }, async () => {
  const opened = await open(await bearer('reporter'))
  expect([opened.status, await opened.json()]).toEqual([202, { ticketId: 't-1' }])
  await expect.poll(async () => (await read('t-1')).status, { timeout: 30_000 }).toBe(200)
})

it('npm run publish delivers an event', { timeout: 60_000 }, async () => {
  const output = await run('publish', 'ticket.opened', JSON.stringify({ ticketId: 't-2', title: 'By hand' }))
  expect(output).toContain('ticket.opened published')
  await expect.poll(async () => (await read('t-2')).status, { timeout: 30_000 }).toBe(200)
})

it('npm run query finds the events in BigQuery', { timeout: 60_000 }, async () => {
  const sql = 'SELECT type, COUNT(*) AS events FROM analytics.event_log GROUP BY type'
  await expect
    .poll(async () => JSON.parse(await run('query', '--json', sql)) as unknown, { timeout: 30_000 })
    .toEqual([{ type: 'ticket.opened', events: 2 }])
})

it('npm run trace, metrics and bill show the ticket', { timeout: 60_000 }, async () => {
  expect(await run('trace', 't-1')).toContain('OpenTicket')
  expect(await run('metrics')).toContain('POST /v1/tickets')
  expect(await run('bill')).toContain('Pub/Sub')
})

it('npm run ops finds no dead letter and no stuck saga', { timeout: 60_000 }, async () => {
  expect(await run('ops', 'dead-letters')).toContain('No dead letters.')
  expect(await run('ops', 'stuck')).toContain('No service has a saga.')
})
