/** A service as its container runs it: a process that is configured only by its environment and stopped by SIGTERM. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { secretVariable } from '../../shared/base/secret.ts'
import { idToken, testConfig } from '../../shared/base/config.testing.ts'
import { freePorts } from 'local-google-cloud/host'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { copyImage } from '../support/image.ts'
import { root } from '../support/root.ts'
import { representatives } from '../support/whole-lists.ts'

const { dev } = environments

/** The files and packages of the image, and nothing else. */
let image: string
const processes: ChildProcess[] = []
let runs = 0
beforeAll(async () => {
  image = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-container-')))
  await copyImage(image)
})
afterAll(() => rmSync(image, { recursive: true, force: true }))
afterEach(() => {
  for (const child of processes.splice(0)) child.kill('SIGKILL')
})

function run(args: readonly string[], variables: Record<string, string> = {}) {
  // In a file: Node's own lines are lost where a pipe is full.
  const errors = join(image, `errors-${(runs += 1)}`)
  const written = openSync(errors, 'w')
  const child = spawn(process.execPath, ['functions/main.ts', ...args], {
    cwd: image,
    env: variables,
    stdio: ['ignore', 'ignore', written],
  })
  closeSync(written)
  processes.push(child)
  return {
    child,
    ended: once(child, 'close') as Promise<[number | null, string | null]>,
    errors: () => readFileSync(errors, 'utf8'),
  }
}

async function started(name: string, variables: Record<string, string> = {}) {
  const [port] = await freePorts(1)
  const config = testConfig(name, { callers: { placeOrder: ['gateway'] } })
  const nowSeconds = Math.floor(Date.now() / 1000)
  const valid = { iat: nowSeconds, exp: nowSeconds + 3_600 }
  const running = run([name], {
    ...Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
    PORT: String(port),
    ...settingsOf(dev, business),
    ...Object.fromEntries(
      Object.keys(services.find((service) => service.name === name)?.secrets ?? {}).map((secret) => [
        secretVariable(secret),
        'a value of Secret Manager',
      ]),
    ),
    ...variables,
  })
  const url = `http://127.0.0.1:${port}`
  const answers = async (): Promise<boolean> => {
    if (running.child.exitCode !== null) throw new Error(running.errors())
    return fetch(`${url}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    )
  }
  await vi.waitUntil(answers, { timeout: 60_000 })
  return { ...running, url, port: port!, authorization: idToken(name, 'gateway', valid) }
}

/** Sends the beginning of a request, and the rest when the test calls the returned function. */
async function slowRequest(port: number, head: string, rest: string) {
  const socket: Socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(head)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')))
  return {
    async finish(): Promise<string> {
      socket.write(rest)
      await once(socket, 'close')
      return answer
    },
  }
}

let cache: Record<string, string> | undefined
/** Compiles the code as the build of the image does. Returns the variable of the image's processes. */
function compiled(): Record<string, string> {
  if (cache) return cache
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
  expect(dockerfile).toMatch(/^ENV NODE_COMPILE_CACHE=\/home\/node\/\w+$/m)
  const [, program] = /^USER node\n[^]*^RUN node (\S+)$/m.exec(dockerfile)!
  cache = { NODE_COMPILE_CACHE: join(image, 'compiled') }
  const { status, stderr } = spawnSync(process.execPath, [program!], {
    cwd: image,
    env: cache,
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  return cache
}

/** A public service, one with every kind of client, and one by the functions framework; all services in `npm run verify`. */
const chosen = representatives(
  services.map(({ name }) => name),
  ['gateway', 'orders', 'notifications'],
  (name) => name,
)

describe('the container', () => {
  it.each([[['unknown']], [[]]])('lists the services when it is started with %j', async (args) => {
    const { ended, errors } = run(args)
    expect(await ended).toEqual([1, null])
    expect(errors().trim().split('\n')).toHaveLength(1)
    for (const { name } of services) expect(errors()).toContain(name)
  })

  it('names the missing variables of its environment', async () => {
    const { ended, errors } = run(['orders'], { PORT: '8080' })
    expect((await ended)[0]).not.toBe(0)
    expect(errors()).toContain('SERVICE_URL')
  })

  it('finishes its requests on SIGTERM, accepts no new ones, and exits with 0', async () => {
    const { child, ended, url, port, authorization } = await started('orders')
    const body = '{"currency":'
    const head = `POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    const slow = await slowRequest(port, head + body.slice(0, 3), body.slice(3))
    child.kill('SIGTERM')
    for (;;) {
      const refused = await fetch(`${url}/health/live`, { headers: { connection: 'close' } }).then(
        () => false,
        () => true,
      )
      if (refused) break
    }
    expect(child.exitCode).toBeNull()
    // A second SIGTERM does not end requests in flight.
    child.kill('SIGTERM')
    expect(await slow.finish()).toMatch(/^HTTP\/1\.1 400 [\s\S]*request-invalid/)
    expect(await ended).toEqual([0, null])
  })

  it.each(chosen)('%s starts from the files and packages of the image', async (name) => {
    const { child, ended } = await started(name)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  it.each(chosen)('%s finds its code compiled, except of the program itself', async (name) => {
    const { child, ended, errors } = await started(name, { ...compiled(), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
    child.kill('SIGTERM')
    await ended
    const reads = errors()
      .split('\n')
      .filter((line) => line.startsWith('[compile cache] reading cache from'))
    expect(reads.length).toBeGreaterThan(400)
    const missing = reads.filter((line) => !line.includes('... success'))
    const files = missing.map((line) => / for \w+ (?:file:\/\/)?(\S+?)\.\.\. ?/.exec(line)![1]!.replace(image, ''))
    expect(files.filter((file) => file !== '/functions/main.ts')).toEqual([])
  })

  it.each(['orders', 'notifications'])('%s keeps connections open, which its front end closes', async (name) => {
    const { url } = await started(name)
    const answer = await fetch(`${url}/health/live`)
    expect(Number(/timeout=(\d+)/.exec(answer.headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(600)
  })

  it('ends at once without requests, the CloudEvent function too', async () => {
    const { child, ended } = await started('notifications')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
