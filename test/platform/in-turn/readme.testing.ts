/** Every command of the README's tour and of the pages below, run unchanged but for ports against a running platform. */

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { AnnouncedPlatform } from '../../support/announced-platform.ts'
import { blocksOf, expectedOf, npmFunction, runShell } from '../../support/document-blocks.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { wholeLists } from '../../support/whole-lists.ts'
import { root } from '../../support/root.ts'
import { services } from '../../../functions/index.ts'
import { queueName } from '../../../shared/base/names.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const tour = blocksOf(readme).find(({ section }) => section === 'Five minutes')!.text
const commands = tour
  .trim()
  .split('\n')
  .map((line) => line.replace(/\s+# .*$/, '').trim())
const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts

/** The expected output of each script. */
const says: Readonly<Record<string, RegExp>> = {
  order: /(completed|(?:rejected|payment-needed) \([\w-]+\)): \d+\.\d\d EUR/,
  price: /TEA-001 costs 12\.50 EUR; before, 11\.90 EUR/,
  query: /──/,
  import: /The file and BigQuery agree/,
  ops: /No dead letters|consumer/,
  logs: /orders +INFO|No line matches|ERROR/,
  trace: /gateway +POST \/v1\/orders[\s\S]*INFO order\.placed[\s\S]*payment-provider\.authorize/,
  metrics: /completed +\d+ [\s\S]*POST \/v1\/orders +201/,
  bill: /USD for each million orders[\s\S]*Enterprise +\d+\.\d\d +\d+\.\d\d/,
}

let announced: AnnouncedPlatform
let startedMs: number
beforeAll(() => {
  announced = platformInTurn()
  startedMs = Date.now()
})

/** So many lines of the sample make a dozen orders; the whole sample has 337. */
const FEW_LINES = 200

/** Timeouts: a command that follows output is ended by Ctrl-C, and a busy machine may be slow. */
const more = (): Readonly<Record<string, string>> => ({
  logs: ' --no-follow',
  import: wholeLists ? ' --timeout 600' : ` ${fewOrders()}`,
})

function fewOrders(): string {
  const path = join(announced.dataDirectory, 'few-orders.csv')
  const sample = readFileSync(join(root, 'test', 'data', 'online-retail-2010-12-01-to-03.csv'), 'utf8')
  writeFileSync(path, sample.split('\n').slice(0, FEW_LINES).join('\n'))
  return path
}

/** Runs the line like a shell, through the package's script. */
function type(command: string): Promise<{ code: number | null; output: string }> {
  const [, script, rest = ''] = /^npm (?:run )?([\w-]+)(?: -- (.*))?$/.exec(command)!
  const line = `${scripts[script!]} ${rest}${more()[script!] ?? ''}`
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', line], {
      cwd: root,
      env: { ...process.env, MILLRACE_DATA: announced.dataDirectory },
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.on('close', (code) => resolve({ code, output }))
  })
}

describe("the README's tour", () => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(6)
  })

  it.each(commands)('%s', { timeout: 900_000 }, async (command) => {
    const { code, output } = await type(command)
    const script = /^npm (?:run )?([\w-]+)/.exec(command)![1]!
    expect([code, output]).toEqual([0, expect.stringMatching(says[script]!)])
  })
})

/** Pages whose shell blocks are one session each: a later block uses the variables of an earlier one. */
const pages: readonly { readonly page: string; /** Absent: every section. */ readonly section?: string }[] = [
  { page: 'docs/quickstart.md' },
  { page: 'docs/troubleshooting.md' },
  { page: 'docs/analysis.md' },
  { page: 'docs/prices.md' },
  { page: 'docs/state-and-routes.md' },
  { page: 'docs/local-cloud.md', section: 'Restore a backup' },
  { page: 'docs/local-cloud.md', section: 'Secrets' },
]

const scriptsAnywhere = Object.fromEntries(
  Object.entries(scripts).map(([name, command]) => [
    name,
    command.replace(/^node cli\//, `node ${join(root, 'cli')}/`),
  ]),
)

/** A folder whose npm scripts are the project's: programs that a page has the reader save do not end up among the sources. */
function folderOf(page: string): string {
  const folder = join(announced.dataDirectory, 'pages', page)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: scriptsAnywhere }))
  return folder
}

/** A page is typed with npm itself: the first one that a reader follows; each in `npm run verify`. */
const usesNpm = (page: string): boolean => wholeLists || page === 'docs/quickstart.md'

/** The page's addresses as those of this platform: 4110 is the first service. */
function addressed(text: string): string {
  const { api, identity, service } = announced.platform.ports
  const ports = new Map([
    [4100, api],
    [4101, identity],
    ...services.map(({ name }, index): [number, number] => [4110 + index, service(name)]),
  ])
  return text.replaceAll(/127\.0\.0\.1:(\d+)/g, (whole, port: string) => {
    const actual = ports.get(Number(port))
    return actual === undefined ? whole : `127.0.0.1:${actual}`
  })
}

/** Runs these lines in the folder of the page. @returns what they print. */
async function session(page: string, lines: string): Promise<string> {
  const env = { MILLRACE_DATA: announced.dataDirectory }
  const text = usesNpm(page) ? lines : npmFunction(scriptsAnywhere) + lines
  const { code, output } = await runShell(addressed(text), { cwd: folderOf(page), env })
  expect(code, output).toBe(0)
  return output
}

describe.each(pages)('$page $section', ({ page, section }) => {
  it('runs, and prints what it shows', { timeout: 300_000 }, async () => {
    const cwd = folderOf(page)
    // A clone is of a whole minute since the database exists, as at Google.
    if (section === 'Restore a backup')
      await vi.waitUntil(() => Math.floor(Date.now() / 60_000) * 60_000 > startedMs, { timeout: 70_000, interval: 500 })
    const all = blocksOf(readFileSync(join(root, page), 'utf8'))
    const blocks = all.filter((block) => section === undefined || block.section === section)
    expect(blocks).not.toEqual([])
    for (const { language, file, text } of blocks) if (language !== 'sh') writeFileSync(join(cwd, file), text)
    const shells = blocks.filter(({ language }) => language === 'sh')
    const output = await session(page, shells.map(({ text }, index) => `${text}\necho "<end ${index}>"`).join('\n'))
    for (const [index, { text }] of shells.entries()) {
      const printed = output.split(/<end \d+>/)[index]
      for (const expected of expectedOf(text)) expect(printed).toMatch(expected)
    }
  })
})

describe('a section that names an order or a dead letter', { timeout: 300_000 }, () => {
  let orderId: string
  let letter: string

  beforeAll(async () => {
    orderId = await place('')
    // Not JSON, so it stays a dead letter when it is replayed.
    const messages = [{ data: Buffer.from('unit price: 1').toString('base64') }]
    const topic = `/v1/projects/${announced.platform.running.projectId}/topics/price.changed`
    await announced.platform.cloud.api('POST', `${topic}:publish`, { messages })
    const letters = async (): Promise<{ id: string; type: string; consumer: string }[]> =>
      JSON.parse(await session('examples', 'npm run -s ops -- dead-letters --json 2>/dev/null')) as never
    const refused = async () =>
      (await letters()).find((one) => one.type === 'price.changed' && one.consumer === 'orders')
    await vi.waitUntil(async () => (await refused()) !== undefined, { timeout: 90_000 })
    letter = (await refused())!.id
  }, 240_000)

  /** @returns the id of the order, also of one that has not ended in time. */
  async function place(options: string): Promise<string> {
    const printed = await session('examples', `npm run -s order -- --sku TEA-001 ${options} || true`)
    return /^(o-\S+) answered after/m.exec(printed)![1]!
  }

  /** The block with the order and the dead letter of this platform. A command that follows output is ended by Ctrl-C. */
  const filled = (text: string, order: string): string =>
    text
      // Only an order whose capture the provider refused can be recaptured: here it would be refused.
      .replaceAll(/^npm run ops -- recapture .+\n/gm, '')
      .replaceAll(/(?<=dead-letters |replay |discard )4711/g, letter)
      .replaceAll(/o-…|<orderId>|(?<=orders\/)ORDER/g, order)
      .replaceAll(/^npm run logs -- [^#\n]+/gm, (line) =>
        line.includes('--no-follow') ? line : `${line} --no-follow `,
      )

  it.each<[page: string, section: string, prints: RegExp]>([
    [
      'docs/operations.md',
      'Dead letters',
      /not JSON[\s\S]*replay of price\.changed to orders requested[\s\S]*discard of/,
    ],
    ['docs/operations.md', 'What waits here', /service +revision +state[\s\S]*ready[\s\S]*order\.completed/],
    ['docs/local-cloud.md', 'The run secret', /pubsub\.publishBytes[\s\S]*"status":"completed"/],
    ['docs/local-cloud.md', 'Fault injection', /payment\.captured/],
    ['docs/telemetry.md', 'Telemetry', /order\.placed[\s\S]*completed/],
  ])('%s, %s', async (page, section, prints) => {
    expect(await follow(page, section, orderId)).toMatch(prints)
  })

  it('docs/operations.md, Stuck sagas and stalled orders', async () => {
    const { running, cloud } = announced.platform
    const queue = `/v2/projects/${running.projectId}/locations/${running.region}/queues/${queueName('shipping')}`
    await cloud.api('POST', `${queue}:pause`, {})
    try {
      const confirmed = await place('--timeout 1')
      const status = async () =>
        (await announced.platform.staff().send<{ status: string }>('GET', `/v1/orders/${confirmed}`)).body.status
      await expect.poll(status, { timeout: 60_000 }).toBe('confirmed')
      const output = await follow('docs/operations.md', 'Stuck sagas and stalled orders', confirmed)
      expect(output).toMatch(/retry of .+ requested[\s\S]*closing requested/)
    } finally {
      await cloud.api('POST', `${queue}:resume`, {})
    }
  })

  /** Runs the blocks of that section. @returns what they print. */
  async function follow(page: string, section: string, order: string): Promise<string> {
    const blocks = blocksOf(readFileSync(join(root, page), 'utf8')).filter((block) => block.section === section)
    return session(page, blocks.map(({ text }) => filled(text, order)).join('\n'))
  }
})
