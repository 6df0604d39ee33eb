/**
 * `npm start` as a person types it, again and again on one data directory: it is ready when it reports so, refuses a second
 * start in a folder, loses nothing when it is killed, and leaves no process however it ends.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../cli/api.ts'
import { hasEnded, type OrderView } from '../../functions/shop/cli/order-view.ts'
import { secretOf } from '../../cli/command.ts'
import { references } from '../../functions/shop/cli/references.ts'
import type { Running } from '../../emulators/running.ts'
import { business, services } from '../../functions/index.ts'
import { localPorts } from '../../stacks/environments.ts'
import { run, start, temporaryDirectory, type TemporaryDirectory } from '../support/command.ts'
import { freeBlock, freePort } from 'local-google-cloud/host'
import { root } from '../support/root.ts'
import { openAuditor } from './crash/audited-data.testing.ts'
import { retryingClients } from './crash/retrying-clients.testing.ts'

const ORDERS = 16
const CUSTOMERS = 4
/** So many requests have been answered, and others are in flight, at the kill. */
const ANSWERED = 6
/** A generous limit, which only a hang exceeds. */
const SETTLED_TIMEOUT_MS = 180_000

let data: TemporaryDirectory
let port: number
const started: Npm[] = []

beforeAll(async () => {
  data = temporaryDirectory()
  port = await freeBlock()
})
afterAll(async () => {
  for (const one of started) one.child.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  data.remove()
}, 60_000)

interface Npm {
  readonly child: ChildProcess
  output(): string
  readonly ended: Promise<number | null>
  /** Waits until its output matches; rejects if it ends before. */
  says(pattern: RegExp): Promise<void>
}

/** npm in its own process group, as in a terminal. */
function npmStart(...args: string[]): Npm {
  const child = spawn('npm', ['start', '--', '--port', String(port), ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, MILLRACE_DATA: data.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const waiting = new Set<() => void>()
  const read = (chunk: Buffer): void => {
    output += String(chunk)
    for (const check of waiting) check()
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const npm: Npm = {
    child,
    output: () => output,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!pattern.test(output)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
        void ended.then((code) =>
          reject(new Error(`npm start ended with ${code} before it said ${pattern}:\n${output}`)),
        )
      }),
  }
  started.push(npm)
  return npm
}

const running = (): Running => JSON.parse(readFileSync(join(data.path, 'running.json'), 'utf8')) as Running
const local = async <T>(path: string): Promise<T> =>
  (await (await fetch(`http://${running().apiHost}/_local/${path}`, { headers: secretOf(running()) })).json()) as T

/** The supervisor and every process that it started. */
async function processes(): Promise<number[]> {
  const { processes: all } = await local<{ processes: { pid: number }[] }>('run/processes')
  return [running().pid, ...all.map(({ pid }) => pid)]
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
const allGone = (pids: readonly number[]) =>
  expect.poll(() => pids.filter(isAlive), { timeout: 20_000, interval: 20 }).toEqual([])

async function placed(key: string): Promise<{ status: number; orderId: string }> {
  const api = connect(running(), { sub: 'customer-1', roles: ['customer'] })
  const { status, body } = await api.send<OrderView>('POST', '/v1/orders', {
    key,
    body: { currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }], ...(await references(api)) },
  })
  return { status, orderId: body.orderId }
}

async function ended(orderId: string): Promise<OrderView> {
  const api = connect(running(), { sub: 'customer-1', roles: ['customer'] })
  let order: OrderView | undefined
  await expect
    .poll(
      async () => {
        order = (await api.send<OrderView>('GET', `/v1/orders/${orderId}`)).body
        return hasEnded(order)
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(true)
  return order!
}

/** Files of an earlier version, and of a person with the usual umask. */
const before = ['identity/journal.jsonl', 'cloud/journal.jsonl', 'logs/orders.log', 'bigquery/note', 'seeded-by-hand']

function writeReadableFiles(): void {
  chmodSync(data.path, 0o755)
  for (const file of before) {
    const folder = join(data.path, file, '..')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o755)
    writeFileSync(join(data.path, file), '')
    chmodSync(join(data.path, file), 0o644)
  }
}

/** The files and folders of the state, and those that another user of the machine can read. */
function state(): { readonly paths: string[]; readonly open: string[] } {
  const names = ['', ...readdirSync(data.path, { recursive: true, encoding: 'utf8' })]
  const modes = names.map((name) => `${(lstatSync(join(data.path, name)).mode & 0o777).toString(8)} ${name}`)
  return { paths: names, open: modes.filter((one) => !/^[0-7]00 /.test(one)) }
}
const kept = ['running.json', 'provisioned.json', 'seeded', 'cloud/journal.jsonl', 'logs/gateway.log']

describe('npm start', { timeout: 600_000 }, () => {
  let orderId: string

  it('is ready when it prints so, and once a folder; no other user reads its files; Ctrl-C ends every process', async () => {
    writeReadableFiles()
    const first = npmStart()
    await first.says(/starting the local cloud/)
    expect(await run('emulators/run.ts', ['--port', String(port)], data.path)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Millrace is already starting here \(process \d+\): .*\n$/),
    })
    await first.says(/Ready in/)
    const answer = await placed('first')
    expect(answer.status).toBe(201)
    orderId = answer.orderId
    expect((await ended(orderId)).status).toBe('completed')
    const counters = await local<Record<string, number>>('counters')
    const troubles = ['run.5xx', 'pubsub.redeliveries', 'pubsub.pushNon2xx', 'tasks.retries', 'tasks.non2xx']
    expect(troubles.map((name) => [name, counters[name] ?? 0])).toEqual(troubles.map((name) => [name, 0]))
    await refusesOthers()
    expect(state()).toMatchObject({ paths: expect.arrayContaining(kept), open: [] })
    expect(state().paths.some((path) => path.startsWith('bigquery/bigquery.duckdb'))).toBe(true)

    const pids = await processes()
    expect(pids.length).toBeGreaterThan(services.length)
    // Ctrl-C in a terminal reaches every process of the group.
    process.kill(-first.child.pid!, 'SIGINT')
    await first.ended
    expect(first.output()).toContain('Stopping')
    await allGone(pids)
    expect(existsSync(join(data.path, 'running.json'))).toBe(false)
    expect(state().open).toEqual([])
  })

  it('has the stored data, and loses no acknowledged change when it is killed in a burst and started again', async () => {
    const second = npmStart('--no-watch', '--cold')
    await second.says(/Ready in/)
    expect((await placed('first')).orderId).toBe(orderId)
    expect((await ended(orderId)).status).toBe('completed')
    expect(await run('cli/reset.ts', [], data.path)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Millrace is running \(process \d+\)/),
    })

    const killed = running()
    const platform = {
      running: killed,
      ports: localPorts(port, business),
      staff: () => connect(killed, { sub: 'staff-1', roles: ['admin'] }),
      customer: () => connect(killed, { sub: 'customer-1', roles: ['customer'] }),
    }
    const customers = retryingClients(platform)
    await customers.publishProducts([1, 2].map((n) => ({ sku: `NEW-${n}`, unitMinor: 100 + n, stock: 100 })))
    let left = ORDERS
    const ordering = Promise.all(
      Array.from({ length: CUSTOMERS }, async () => {
        while (left > 0) await customers.placeOrder({ sku: `NEW-${1 + (left-- % 2)}`, quantity: 1, card: 'card-ok' })
      }),
    )
    await expect
      .poll(() => customers.placed.length, { timeout: SETTLED_TIMEOUT_MS, interval: 5 })
      .toBeGreaterThanOrEqual(ANSWERED)
    process.kill(killed.pid, 'SIGKILL')
    const answered = customers.placed.length
    await second.ended
    expect(answered).toBeLessThan(ORDERS)

    const third = npmStart('--no-watch', '--cold')
    await third.says(/Ready in/)
    expect(running().pid).not.toBe(killed.pid)
    await ordering
    expect(customers.placed).toHaveLength(ORDERS)
    expect(customers.retries.length).toBeGreaterThan(0)
    const first = { orderId, sku: 'TEA-001', quantity: 1, totalMinor: 1190, ends: 'completed' } as const
    const expected = { placed: [first, ...customers.placed], products: customers.products }
    const auditor = openAuditor(platform)
    try {
      expect(await auditor.reconcile(expected, SETTLED_TIMEOUT_MS)).toEqual([])
    } finally {
      await auditor.close()
    }
  })

  it('stops at once at a second Ctrl-C', async () => {
    const third = started.at(-1)!
    const pids = await processes()
    // The stop would wait ten seconds for a stopped process.
    for (const pid of pids.slice(1)) process.kill(pid, 'SIGSTOP')
    const supervisor = pids[0]!
    process.kill(supervisor, 'SIGINT')
    await third.says(/Stopping/)
    const signalledAtMs = Date.now()
    // A signal within half a second counts as the same Ctrl-C, forwarded by npm and its shell.
    await expect
      .poll(
        () => {
          if (isAlive(supervisor)) process.kill(supervisor, 'SIGINT')
          return isAlive(supervisor)
        },
        { timeout: 9_000, interval: 300 },
      )
      .toBe(false)
    expect(Date.now() - signalledAtMs).toBeLessThan(9_000)
    await allGone(pids)
  })

  it('deletes its data with --fresh, takes the first data before another system is asked, and leaves no process when npm alone gets SIGTERM, or is killed while it starts', async () => {
    // The other system does not run yet.
    const otherPort = await freePort()
    const another = `OTHER_SYSTEM_URL=http://127.0.0.1:${otherPort}`
    const fourth = npmStart('--fresh', '--no-watch', '--cold', '--set', another)
    await fourth.says(/Ready in/)
    const legacy = start('legacy/main.ts', ['--port', String(otherPort)], data.path)
    await expect.poll(() => legacy.child.exitCode ?? legacy.output(), { timeout: 30_000 }).toContain('npm run strangle')
    const api = connect(running(), { sub: 'customer-1', roles: ['customer'] })
    await expect(api.send('GET', `/v1/orders/${orderId}`)).rejects.toThrow('not-found')
    const strangle = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await run('legacy/strangle.ts', [...words, '--port', String(otherPort)], data.path)
      expect(stderr).toBe('')
      return stdout
    }
    expect(await strangle('status')).toMatch(/platform: 0 sold orders, 0\.00 EUR, 4 products\n/)
    const office = async (method: string, path: string, body?: object): Promise<number> =>
      (await fetch(`http://127.0.0.1:${otherPort}${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) }))
        .status
    const product = { title: 'Darjeeling', price: '11.90' }
    expect(await office('PUT', '/products/TEA-001', product)).toBe(200)
    // Step 1: the old shop takes it, at the price that it has.
    const taken = await placed('two')
    const read = await api.send('GET', `/v1/orders/${taken.orderId}`)
    expect([taken.status, read.body]).toMatchObject([201, { status: 'confirmed', totalMinor: 1190 }])
    expect(await office('POST', '/orders/1/done')).toBe(200)
    const moved = await strangle('step', '5')
    expect(moved).toContain('▶ 5')
    expect(moved).toContain('old shop: 1 sold orders, 11.90 EUR')
    expect(moved).toContain('platform: 1 sold orders, 11.90 EUR')
    // The gateway reads the rules of step 5 within a second.
    await expect.poll(() => office('PUT', '/products/TEA-001', product)).toBe(409)
    await expect
      .poll(async () => (await api.send<OrderView>('GET', `/v1/orders/${taken.orderId}`)).body.status, {
        timeout: 5_000,
      })
      .toBe('completed')
    const own = await placed('three')
    expect((await ended(own.orderId)).status).toBe('completed')
    const back = await strangle('step', '1')
    expect(back).toContain('▶ 1')
    for (const name of ['old shop', 'platform']) expect(back).toContain(`${name}: 2 sold orders, 23.80 EUR`)
    expect((await api.send<OrderView>('GET', `/v1/orders/${own.orderId}`)).body.status).toBe('completed')
    legacy.child.kill('SIGTERM')
    expect(await legacy.ended).toMatchObject({ code: 0, stderr: '' })
    const pids = await processes()
    // npm does not forward it.
    fourth.child.kill('SIGTERM')
    await allGone(pids)

    const fifth = npmStart('--no-watch', '--cold')
    await fifth.says(/starting the local cloud/)
    const { pid } = running()
    fifth.child.kill('SIGKILL')
    await allGone([pid])
    // Its services end after it, and may write to a folder that is being deleted.
    const reset = async () => (await run('cli/reset.ts', [], data.path)).stderr
    await expect.poll(reset, { timeout: 20_000 }).toBe('')
    expect(existsSync(data.path)).toBe(false)
  })
})

/** Asserts the one-line refusals: already running, an occupied port with its process, an invalid port, an unknown word. */
async function refusesOthers(): Promise<void> {
  const { pid } = running()
  expect(await run('emulators/run.ts', ['--port', String(await freeBlock())], data.path)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(new RegExp(`^Millrace already runs here \\(process ${pid}, http.*\\): use it.*\n$`)),
  })
  const other = temporaryDirectory()
  try {
    const taken = await run('emulators/run.ts', ['--port', String(port)], other.path)
    expect(taken.code).toBe(1)
    expect(taken.stderr).toMatch(
      new RegExp(
        `^Port \\d+ of the service gateway is taken by node.* \\(process ${pid}\\): stop it, or start on other ports.*\n$`,
      ),
    )
    const none = await run('emulators/run.ts', ['--port', 'x'], other.path)
    expect(none).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^--port "x": .*from 1024 to 65000/) as string,
    })
    const word = await run('emulators/run.ts', ['5100'], other.path)
    expect(word).toMatchObject({
      code: 1,
      stderr: 'This command takes no words, only options. Did you mean npm start -- --port 5100? See --help.\n',
    })
    const misspelt = await run('emulators/run.ts', ['--prot', '5100'], other.path)
    expect(misspelt).toMatchObject({
      code: 1,
      stderr: 'There is no option --prot. Did you mean --port? See --help.\n',
    })
  } finally {
    other.remove()
  }
}
