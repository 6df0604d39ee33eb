/** Every command of the README's tour and of the pages below, run unchanged but for ports against a running platform. */

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnnouncedPlatform, startAnnouncedPlatform } from '../support/announced-platform.ts'
import { blocksOf, expectedOf, runShell } from '../support/document-blocks.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { root } from '../support/root.ts'
import { services } from '../../functions/index.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const tour = /## Five minutes[\s\S]*?```\n([\s\S]*?)```/.exec(readme)![1]!
const commands = tour
  .trim()
  .split('\n')
  .map((line) => line.replace(/\s+# .*$/, '').trim())
const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts

/** The expected output of each script. */
const says: Readonly<Record<string, RegExp>> = {
  order: /(completed|rejected \([\w-]+\)): \d+\.\d\d EUR/,
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
beforeAll(async () => {
  announced = await startAnnouncedPlatform()
}, 120_000)
afterAll(() => announced?.close(), 30_000)

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
const pages = ['docs/quickstart.md', 'docs/troubleshooting.md']

/** A folder whose npm scripts are the project's: programs that a page has the reader save do not end up among the sources. */
function folderOf(page: string): string {
  const folder = join(announced.dataDirectory, 'pages', page)
  mkdirSync(folder, { recursive: true })
  const manifest = readFileSync(join(root, 'package.json'), 'utf8')
  writeFileSync(join(folder, 'package.json'), manifest.replaceAll('"node cli/', `"node ${join(root, 'cli')}/`))
  return folder
}

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

describe.each(pages)('%s', (page) => {
  it('runs, and prints what it shows', { timeout: 300_000 }, async () => {
    const cwd = folderOf(page)
    const blocks = blocksOf(readFileSync(join(root, page), 'utf8'))
    for (const { language, file, text } of blocks) if (language !== 'sh') writeFileSync(join(cwd, file), text)
    const shells = blocks.filter(({ language }) => language === 'sh')
    const session = shells.map(({ text }, index) => `${text}\necho "<end ${index}>"`).join('\n')
    const { code, output } = await runShell(addressed(session), {
      cwd,
      env: { MILLRACE_DATA: announced.dataDirectory },
    })
    expect(code, output).toBe(0)
    for (const [index, { text }] of shells.entries()) {
      const printed = output.split(/<end \d+>/)[index]
      for (const expected of expectedOf(text)) expect(printed).toMatch(expected)
    }
  })
})
