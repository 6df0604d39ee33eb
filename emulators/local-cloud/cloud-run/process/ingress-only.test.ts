import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../../core/free-ports.ts'
import { IngressAgent } from './ingress-agent.ts'
import { newSecret } from './ingress-secret.ts'

const preload = new URL('ingress-only.ts', import.meta.url).href
const children: ReturnType<typeof spawn>[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Runs a program as an instance is run. Resolves with the first line of its output. */
async function run(
  program: string,
  { port, secret, before = 'data:text/javascript,' }: { port: number; secret: Buffer; before?: string },
): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--import', before, '--import', preload, '--input-type=module', '-e', program],
    {
      env: { PORT: String(port) },
      cwd: tmpdir(),
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  children.push(child)
  child.stdin.end(secret)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return line.toString('utf8').trim()
}

const echo = `
import { createServer } from 'node:http'
createServer((request, response) => request.pipe(response)).listen(Number(process.env.PORT), () => console.log('ready'))`

function post(port: number, agent: IngressAgent, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent, method: 'POST' }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
      response.on('end', () => resolve(text))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

/** The bytes that the instance sends before it closes the connection. */
async function answerTo(port: number, ...writes: (Buffer | string)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')))
  for (const write of writes) socket.write(write)
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

const get = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'

describe('the port of an instance', () => {
  it('serves requests of its ingress, one after the other on one connection, of any size', async () => {
    const [port, secret] = [await freePort(), newSecret()]
    await run(echo, { port, secret })
    const agent = new IngressAgent(secret)
    const large = 'x'.repeat(1_000_000)
    for (const body of ['first', large, '']) expect(await post(port, agent, body)).toBe(body)
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    agent.destroy()
  })

  it('accepts a secret that arrives byte by byte', async () => {
    const [port, secret] = [await freePort(), newSecret()]
    await run(echo, { port, secret })
    const bytes = [...secret].map((byte) => Buffer.from([byte]))
    expect(await answerTo(port, ...bytes, get)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it.each<[string, (secret: Buffer) => (Buffer | string)[]]>([
    ['no secret', () => [get]],
    ['another secret', () => [newSecret(), get]],
    ['the secret with its last bit changed', (secret) => [Buffer.from(secret.with(31, secret[31]! ^ 1)), get]],
    ['the secret as text', (secret) => [secret.toString('hex'), get]],
    ['the secret behind a request', (secret) => [get, secret, get]],
  ])('closes a connection that begins with %s', async (_, writes) => {
    const [port, secret] = [await freePort(), newSecret()]
    await run(echo, { port, secret })
    expect(await answerTo(port, ...writes(secret))).toBe('')
  })

  it.each([0, 31])('refuses every connection when the process was given %i bytes of a secret', async (bytes) => {
    const port = await freePort()
    await run(echo, { port, secret: Buffer.alloc(bytes) })
    expect(await answerTo(port, Buffer.alloc(32), get)).toBe('')
    expect(await answerTo(port, Buffer.alloc(bytes), get)).toBe('')
  })
})

describe('a listener', () => {
  it.each([
    'listen()',
    'listen(PORT)',
    "listen(PORT, '0.0.0.0')",
    "listen(String(PORT), '::', 511)",
    'listen(PORT, 511)',
    'listen({ port: PORT })',
    "listen({ port: PORT, host: '::', ipv6Only: false })",
    'listen(undefined)',
    "listen({ port: undefined, host: '0.0.0.0' })",
    'listen(0)',
  ])('opened by %s listens on loopback', async (call) => {
    const program = `
import { createServer } from 'node:net'
const PORT = Number(process.env.PORT)
const server = createServer()
server.on('listening', () => console.log(JSON.stringify(server.address())))
server.${call}`
    const line = await run(program, { port: await freePort(), secret: newSecret() })
    expect((JSON.parse(line) as AddressInfo).address).toBe('127.0.0.1')
  })

  it('calls its callback, and keeps the path of a Unix socket', async () => {
    const program = `
import { createServer } from 'node:net'
const path = process.platform === 'win32' ? '\\\\\\\\.\\\\pipe\\\\ingress-only-' + process.pid : './ingress-only-' + process.pid
const named = createServer().listen(path, () => {
  const at = named.address()
  named.close()
  createServer().listen(0, () => console.log(at === path))
})`
    expect(await run(program, { port: await freePort(), secret: newSecret() })).toBe('true')
  })
})

it('an instance gives the memory of its garbage back once it is idle', async () => {
  const idle = `
import { mock } from 'node:test'
mock.timers.enable({ apis: ['setInterval'] })
globalThis.pass = (ms) => mock.timers.tick(ms)
performance.eventLoopUtilization = () => ({ utilization: 0 })`
  const program = `
import { getHeapStatistics } from 'node:v8'
const heapMb = () => getHeapStatistics().total_physical_size / 1024 / 1024
let kept = Array.from({ length: 500_000 }, (_, index) => ({ index, text: String(index) }))
const used = heapMb()
kept = undefined
pass(10_000)
console.log(used - heapMb() > 20)`
  const before = `data:text/javascript,${encodeURIComponent(idle)}`
  expect(await run(program, { port: await freePort(), secret: newSecret(), before })).toBe('true')
})
