/** Another business on the platform: a copy without the shop, with unrelated services. All that is generic works in it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freeBlock } from 'local-google-cloud/host'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Copy } from '../../support/copy.ts'
import { root } from '../../support/root.ts'
import { commits } from '../../support/commits.ts'
import { wholeLists } from '../../support/whole-lists.ts'
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
    expect(copy.lint('functions')).toContain('0 errors')
    expect(copy.compile()).toEqual({ code: 0, output: '' })
    const unused = copy.run('knip/bin/knip.js')
    expect(unused.code, unused.output).toBe(0)
  }
})

/** The tests that read this business, and a few beside others; all in `npm run verify`. */
const ofTheBusiness = ['functions/', 'stacks/', 'cli/new', 'cli/ops', 'shared/service']
// The local cloud is a package of its own, which the linter lets import nothing of a business.
const excluded = ['--exclude', 'emulators/local-cloud/**']

it('the tests beside generic files pass', { timeout: 300_000 }, async () => {
  const tests = program('node_modules/vitest/vitest.mjs', 'run', ...(wholeLists ? excluded : ofTheBusiness))
  expect(await tests.ended, tests.output()).toBe(0)
  expect(Number(/Tests .*?(\d+) passed/.exec(tests.output())?.[1])).toBeGreaterThan(wholeLists ? 600 : 20)
})

it('the stacks of every environment are synthesized', { timeout: 60_000 }, async () => {
  const synthesis = program('stacks/main.ts')
  expect(await synthesis.ended, synthesis.output()).toBe(0)
  expect(globSync('cdktf.out/stacks/prod-*', { cwd: copy.root }).length).toBe(7)
})

it('npm start starts the four services', { timeout: 120_000 }, async () => {
  platform = program('emulators/run.ts', '--port', String(port), '--no-watch')
  await expect
    .poll(() => platform!.exitCode !== null || platform!.output().includes('Ready in'), { timeout: 100_000 })
    .toBe(true)
  expect(platform.output()).toContain('7 stacks synthesized')
  expect(platform.output()).toContain('4 services')
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
  expect(Object.keys(paths)).toEqual([
    '/v1/tickets',
    '/v1/tickets/{ticketId}',
    '/v1/tickets/{ticketId}/visit',
    '/v1/tickets/{ticketId}/visit/retry',
    '/openapi.json',
    '/docs',
    '/v1/commands/{commandId}',
  ])
  expect(await (await served('/docs')).text()).toContain('<code>/v1/tickets/{ticketId}</code>')
})

it('a request becomes a command, a recorded event and a read model', { timeout: 60_000 }, async () => {
  const opened = await open(await bearer('reporter'))
  expect([opened.status, await opened.json()]).toMatchObject([202, { ticketId: 't-1' }])
  await expect.poll(async () => (await read('t-1')).status, { timeout: 30_000 }).toBe(200)
})

/** Where the saga of a visit stands, as `npm run ops` reads it. */
const visitOf = async (ticketId: string) =>
  (await (await fetch(`${deskUrl}/${ticketId}/visit`, { headers: agent })).json()) as {
    status: string
    stuck: boolean
    waitsFor: { step: string; attempt: number }[]
  }
const plan = async (ticketId: string, part: string): Promise<void> => {
  const answer = await fetch(`${deskUrl}/${ticketId}/visit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `visit-${ticketId}`, ...agent },
    body: JSON.stringify({ part }),
  })
  expect(answer.status, await answer.text()).toBe(202)
}
/** The faults of the copy's local cloud, at the owner's port. */
async function faults(method: string, rule?: object): Promise<Response> {
  const secret = (await run('secret')).trim()
  return fetch(`http://127.0.0.1:${port}/_local/faults`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${secret}:`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(rule ? { body: JSON.stringify(rule) } : {}),
  })
}

it('a saga is confirmed, and another one compensates', { timeout: 60_000 }, async () => {
  await plan('t-1', 'toner')
  await expect.poll(async () => (await visitOf('t-1')).status, { timeout: 30_000 }).toBe('confirmed')
  await plan('t-2', 'typewriter ribbon')
  await expect.poll(async () => visitOf('t-2'), { timeout: 30_000 }).toMatchObject({ status: 'rejected', waitsFor: [] })
})

it('a saga whose compensation is not answered is retried', { timeout: 60_000 }, async () => {
  const rule = {
    principal: 'workshop',
    method: commits,
    when: 'before',
    about: 'technician.freed',
    action: { error: 'UNAVAILABLE' },
    times: 10_000,
  }
  const added = await faults('POST', rule)
  expect(added.ok, await added.text()).toBe(true)
  await plan('t-3', 'paper')
  for (const attempt of [1, 2, 3, 4]) {
    await expect
      .poll(async () => (await visitOf('t-3')).waitsFor, { timeout: 30_000 })
      .toMatchObject([{ step: 'compensate book-technician', attempt }])
    if (attempt < 4) await run('ops', 'retry', 't-3', '--reason', 'the workshop is slow')
  }
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
    .toContainEqual({ type: 'ticket.opened', events: 2 })
})

it('npm run trace, metrics and bill show the ticket', { timeout: 60_000 }, async () => {
  expect(await run('trace', 't-1')).toContain('OpenTicket')
  expect(await run('metrics')).toContain('POST /v1/tickets')
  expect(await run('bill')).toContain('Pub/Sub')
})

it('npm run ops finds no dead letter', { timeout: 60_000 }, async () => {
  expect(await run('ops', 'dead-letters')).toContain('No dead letters.')
})

it.runIf(wholeLists)('npm run ops lists the stuck saga, and it continues', { timeout: 180_000 }, async () => {
  // The fifth attempt is due a minute after the fourth.
  await expect.poll(async () => (await visitOf('t-3')).stuck, { timeout: 90_000 }).toBe(true)
  await expect
    .poll(async () => JSON.parse(await run('ops', 'stuck', '--json')) as unknown, { timeout: 30_000 })
    .toMatchObject([
      {
        service: 'visits',
        sagaId: 't-3',
        status: 'rejected',
        reason: 'the compensation is not answered',
        waitsFor: [{ step: 'compensate book-technician', attempt: 5 }],
      },
    ])
  expect((await faults('DELETE')).ok).toBe(true)
  await run('ops', 'retry', 't-3', '--reason', 'the workshop is back')
  await expect.poll(async () => (await visitOf('t-3')).waitsFor, { timeout: 60_000 }).toEqual([])
  expect(await run('ops', 'stuck')).toContain('No saga is stuck.')
})
