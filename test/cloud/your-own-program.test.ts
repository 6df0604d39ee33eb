/** `npm run cloud` as docs/your-own-program.md shows it: every program of the page, each in its language. */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freeBlock } from 'local-google-cloud/host'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { run, start, type Started, temporaryDirectory } from '../support/command.ts'
import { blocksOf } from '../support/document-blocks.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'

const page = readFileSync(join(root, 'docs/your-own-program.md'), 'utf8')
const COMMAND = 'emulators/cloud.ts'
/** A busy machine takes long to start a process. */
const longEnough = { timeout: 60_000 }
/** A compiler compiles Google's clients for Go, once. */
const INSTALL_MS = 1_800_000

const folder = temporaryDirectory()
const data = join(folder.path, 'data')
const envFile = join(data, 'env')
let port: number
let cloud: Started

const startCloud = (...more: string[]): Started =>
  start(COMMAND, ['--project', 'my-app', '--port', String(port), '--data', data, ...more], folder.path)

async function ready(started: Started): Promise<string> {
  await vi.waitUntil(() => started.output().includes('Ctrl-C stops it') || started.child.exitCode !== null, longEnough)
  return started.output()
}

async function stop(started: Started, signal: NodeJS.Signals): Promise<number | null> {
  started.child.kill(signal)
  return (await started.ended).code
}

beforeAll(async () => {
  port = await freeBlock()
  cloud = startCloud()
  expect(await ready(cloud)).toContain('Ready in')
}, 90_000)
afterAll(async () => {
  cloud?.child.kill('SIGTERM')
  await cloud?.ended
  folder.remove()
}, 60_000)

/** The first code block of that language. */
function block(language: string): string {
  const found = blocksOf(page).find((one) => one.language === language)?.text
  if (found === undefined) throw new Error(`docs/your-own-program.md has no block of ${language}`)
  return found
}

/** The line of the page that begins so. */
function line(beginning: string): string {
  const found = page.split('\n').find((one) => one.startsWith(beginning))
  if (found === undefined) throw new Error(`docs/your-own-program.md has no line "${beginning} …"`)
  return found
}

/** The variables of the printed lines and nothing else, as a new terminal has them. */
function environment(): Record<string, string> {
  const lines = [...readFileSync(envFile, 'utf8').matchAll(/^export (\w+)=(.*)$/gm)]
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, ...Object.fromEntries(lines.map(([, name, value]) => [name!, value!])) }
}

/** Runs a program without blocking this process. */
function execute(
  program: string,
  args: readonly string[],
  cwd = root,
): Promise<{ code: number | null; out: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: environment() })
    const [out, errors] = [[] as string[], [] as string[]]
    child.stdout.on('data', (chunk: Buffer) => out.push(String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => errors.push(String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out: out.join(''), errors: errors.join('') }))
  })
}

async function succeeds(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { code, out, errors } = await execute(program, args, cwd)
  expect([code, errors]).toEqual([0, expect.any(String) as unknown])
  return out
}

const expectAll = (output: string, language: string): void => {
  expect(output).toMatch(/^published \d+$/m)
  expect(output).toMatch(/^read hello$/m)
  expect(output).toMatch(/^answer 42$/m)
  expect(output).toContain(`made projects/my-app/locations/europe-west1/queues/from-${language}`)
}

/** A query that needs a composite index. @returns the status, and what came back */
async function queryWithoutIndex(): Promise<readonly [status: number, body: string]> {
  const { FIRESTORE_EMULATOR_HOST } = environment()
  const by = (fieldPath: string) => ({ field: { fieldPath }, direction: 'ASCENDING' })
  const structuredQuery = { from: [{ collectionId: 'greetings' }], orderBy: [by('from'), by('text')] }
  const response = await fetch(
    `http://${FIRESTORE_EMULATOR_HOST}/v1/projects/my-app/databases/(default)/documents:runQuery`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ structuredQuery }),
    },
  )
  return [response.status, await response.text()]
}

describe('npm run cloud', () => {
  it('prints the variables that it writes to its file, which only its user can read', () => {
    const printed = [...cloud.output().matchAll(/^export .*$/gm)].map(([one]) => one)
    expect(readFileSync(envFile, 'utf8')).toContain(printed.join('\n'))
    expect(printed.length).toBeGreaterThan(6)
    expect(cloud.output()).toContain(envFile)
    expect(cloud.output()).not.toContain(environment()['LOCAL_CLOUD_SECRET'])
    expect(statSync(envFile).mode & 0o777).toBe(0o600)
    const inTable = [...page.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names]) => names!.match(/\w+/g) ?? [])
    expect(inTable.toSorted()).toEqual(printed.map((one) => /^export (\w+)/.exec(one)![1]!).toSorted())
  })

  it('curl calls each service', async () => {
    for (const command of block('sh').trimEnd().split('\n')) {
      const output = await succeeds('sh', ['-c', command.replace(/^curl /, 'curl -sS --fail-with-body ')])
      expect(JSON.parse(output)).not.toHaveProperty('error')
    }
  })

  it('Node’s clients find it', longEnough, async () => {
    expectAll(await succeeds(process.execPath, ['--input-type=module', '-e', block('js')]), 'node')
  })

  it('Python’s clients find it', { timeout: INSTALL_MS }, async (context) => {
    if (!wholeLists) context.skip('npm run verify installs the clients for Python, and runs it')
    if (spawnSync('python3', ['-m', 'venv', '--help']).status !== 0) context.skip('python3 with venv is not installed')
    const home = join(root, '.tools', 'python-clients')
    const python = join(home, 'bin', 'python')
    if (!existsSync(python)) await succeeds('python3', ['-m', 'venv', home])
    await succeeds(python, ['-m', ...line('pip install ').split(' ')])
    expectAll(await succeeds(python, ['-c', block('python')]), 'python')
  })

  it('Go’s clients find it', { timeout: INSTALL_MS }, async (context) => {
    if (!wholeLists) context.skip('npm run verify fetches and compiles the clients for Go, and runs it')
    if (spawnSync('go', ['version']).status !== 0) context.skip('go is not installed')
    const home = join(root, '.tools', 'go-clients')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'main.go'), `${block('go')}\n`)
    if (!existsSync(join(home, 'go.mod'))) await succeeds('sh', ['-c', line('go mod init ')], home)
    await succeeds('sh', ['-c', line('go get ')], home)
    await succeeds('go', ['mod', 'tidy'], home)
    expectAll(await succeeds('go', ['run', '.'], home), 'go')
  })

  it('refuses a second start on its state, and on its port', longEnough, async () => {
    expect(await startCloud().ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`already runs with the state in ${data}`),
    })
    const other = join(folder.path, 'other')
    const onPort = await run(COMMAND, ['--project', 'my-app', '--port', String(port), '--data', other], folder.path)
    expect(onPort.code).toBe(1)
    expect(onPort.stderr).toMatch(
      new RegExp(
        `^Port ${port} is taken by .*: stop it, or start on other ports with npm run cloud -- --project my-app --port ${port + 100}\\.`,
      ),
    )
  })

  it(
    'keeps its state over SIGTERM, refuses it to another project, deletes only its own files, and warns of a missing index if it is started so',
    { timeout: 180_000 },
    async () => {
      const topics = 'http://$PUBSUB_EMULATOR_HOST/v1/projects/my-app/topics'
      await succeeds('sh', ['-c', `curl -sS -X PUT ${topics}/kept`])
      expect(await stop(cloud, 'SIGTERM')).toBe(0)
      const foreign = await run(
        COMMAND,
        ['--project', 'another-app', '--port', String(port), '--data', data],
        folder.path,
      )
      expect(foreign).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('keeps the state of the project my-app'),
      })

      cloud = startCloud()
      await ready(cloud)
      expect(await succeeds('sh', ['-c', `curl -sS ${topics}`])).toContain('topics/kept')
      const [status, refusal] = await queryWithoutIndex()
      expect([status, refusal]).toEqual([400, expect.stringContaining('FAILED_PRECONDITION')])
      expect(await stop(cloud, 'SIGINT')).toBe(0)

      writeFileSync(join(data, 'mine.txt'), 'not of the local cloud')
      cloud = startCloud('--fresh', '--warn-indexes')
      await ready(cloud)
      expect((await queryWithoutIndex())[0]).toBe(200)
      await expect.poll(cloud.output).toContain('Firestore would need an index for a query')
      expect(await succeeds('sh', ['-c', `curl -sS ${topics}`])).not.toContain('topics/kept')
      expect(existsSync(join(data, 'mine.txt'))).toBe(true)
    },
  )

  it.each([
    [[], 'Name your project: npm run cloud -- --project my-app'],
    [['--project', 'My_App'], `"My_App" can't be the id of a project`],
    [['--project', 'my-app', '--region', 'here'], '"here" is not the name of a region'],
    [['--project', 'my-app', '--port', '80'], 'it takes a whole number from 1024'],
  ])('refuses %j', longEnough, async (args, message) => {
    const { code, stderr } = await run(COMMAND, args, folder.path)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    expect(stderr).not.toContain('    at ')
  })
})
