import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeContext, type FakeContext } from '../../core/fake-context.testing.ts'
import { freePort } from '../../core/free-ports.ts'
import { type DataPlane, openDataPlane } from './data-plane.ts'
import type { Instance } from '../process/process.ts'
import type { ServiceResource } from '../values/service.ts'

const IDLE_MS = 60_000
/** The default limit is a second, which a busy machine exceeds. */
const until = (holds: () => boolean | undefined): Promise<unknown> => vi.waitUntil(holds, { timeout: 30_000 })

/** A container whose requests the test answers one by one. */
interface FakeInstance extends Omit<Instance, 'get'> {
  get: Instance['get']
  readonly held: { request: IncomingMessage; response: ServerResponse }[]
  readonly stops: () => number
  /** Whether it got CPU or lost it, in this order. */
  readonly cpu: boolean[]
}

const publicAccess = { bindings: () => [{ role: 'roles/run.invoker', members: ['allUsers'] }] }
const gate = (): { promise: Promise<void>; open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, open: resolve }
}

let fake: FakeContext
let plane: DataPlane
let port: number
let concurrency: number
let scaling: { minInstanceCount?: number; maxInstanceCount?: number }
let revision: number
let resources: object | undefined
let livenessProbe: object | undefined
let endsSilent: boolean
const signals: unknown[] = []
let beforeStart: () => Promise<void>
const started: FakeInstance[] = []
const servers: Server[] = []

async function startFake(): Promise<FakeInstance> {
  const mine = String(revision)
  await beforeStart()
  const held: FakeInstance['held'] = []
  const cpu: boolean[] = []
  let stops = 0
  let exited = false
  const server = createServer((request, response) => {
    // A connection kept alive would delay the close.
    response.setHeader('connection', 'close')
    held.push({ request, response })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  const instance: FakeInstance = {
    pid: started.length,
    port: (server.address() as AddressInfo).port,
    agent: new Agent({ keepAlive: true }),
    revision: mine,
    startedAt: '',
    held,
    stops: () => stops,
    cpu,
    setCpu: (given) => void cpu.push(given),
    kill: () => Promise.resolve(),
    listens: () => Promise.resolve(server.listening),
    get: () => Promise.resolve({ status: 200, text: '' }),
    async stop() {
      stops += 1
      await new Promise((resolve) => server.close(resolve))
      exited = true
    },
    get exited() {
      return exited
    },
  }
  started.push(instance)
  return instance
}

const call = (): Promise<number> => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status)
const answered = (instance: FakeInstance): void => void instance.held.shift()!.response.end('ok')

beforeEach(async () => {
  fake = fakeContext({ peers: { iam: publicAccess } })
  concurrency = 1
  scaling = { maxInstanceCount: 1 }
  revision = 1
  resources = undefined
  livenessProbe = undefined
  endsSilent = true
  signals.length = 0
  beforeStart = () => Promise.resolve()
  port = await freePort()
  plane = await openDataPlane({
    context: fake.context,
    service: 'echo',
    port,
    idleMs: IDLE_MS,
    withdrawsCpu: true,
    get endsSilent() {
      return endsSilent
    },
    maxInstances: 3,
    signal: async ({ pid }, signal) => void signals.push([pid, signal]),
    start: startFake,
    resource: () =>
      ({
        name: 'services/echo',
        invokerIamDisabled: true,
        template: { maxInstanceRequestConcurrency: concurrency, scaling, containers: [{ resources, livenessProbe }] },
      }) as unknown as ServiceResource,
  })
})
afterEach(async () => {
  for (const { held } of started) for (const { response } of held.splice(0)) response.end()
  for (const server of servers.splice(0)) server.closeAllConnections()
  await plane.close()
  started.length = 0
})

it.each([
  [true, [[0, 'SIGKILL']]],
  [false, []],
])('an instance with a request that fails its liveness probe is ended (%s)', async (ends, expected) => {
  livenessProbe = { httpGet: { path: '/live' } }
  endsSilent = ends
  void call().catch(() => {})
  await until(() => started[0]?.held.length === 1)
  started[0]!.get = async () => 'silent'
  await fake.clock.advance(30_000)
  expect(signals).toEqual(expected)
  expect(plane.instances()).toEqual(ends ? [] : [started[0]])
})

describe('the CPU of an instance', () => {
  it('is withdrawn after its last answer, and given before its next request', async () => {
    concurrency = 2
    await plane.warm()
    const [one] = started
    // It has CPU while it starts.
    expect(one!.cpu).toEqual([false])
    const first = call()
    await until(() => one!.held.length === 1)
    const second = call()
    await until(() => one!.held.length === 2)
    answered(one!)
    await first
    expect(one!.cpu).toEqual([false, true])
    answered(one!)
    await second
    await until(() => one!.cpu.length === 3)
    expect(one!.cpu).toEqual([false, true, false])
  })

  it('stays with one that ends, also after its last answer', async () => {
    const calling = call()
    await until(() => started[0]?.held.length === 1)
    const retired = plane.retire(started[0]!)
    answered(started[0]!)
    expect(await calling).toBe(200)
    await retired
    await until(() => plane.active() === 0)
    expect(started[0]!.cpu).toEqual([true])
  })

  it('is never withdrawn when a container has resources without `cpuIdle`', async () => {
    resources = { limits: { cpu: '1' } }
    await plane.warm()
    expect(started[0]!.cpu).toEqual([])
    resources = { limits: { cpu: '1' }, cpuIdle: true }
    await plane.recycle()
    await plane.warm()
    expect(started[1]!.cpu).toEqual([false])
  })
})

describe('the request timeout', () => {
  const TIMEOUT_MS = 300_000

  it('answers 504 when the instance has sent nothing by then', async () => {
    const calling = call()
    await until(() => started[0]?.held.length === 1)
    await fake.clock.advance(TIMEOUT_MS)
    expect(await calling).toBe(504)
    started[0]!.held.length = 0
  })

  it('cuts off an answer that takes longer than that in total', async () => {
    const response = fetch(`http://127.0.0.1:${port}/`)
    await until(() => started[0]?.held.length === 1)
    const { response: dripping } = started[0]!.held[0]!
    dripping.write('a')
    const reader = (await response).body!.getReader()
    for (let third = 0; third < 2; third++) {
      await reader.read()
      await fake.clock.advance(TIMEOUT_MS / 3)
      dripping.write('a')
    }
    await reader.read()
    const rest = expect(reader.read()).rejects.toThrow('terminated')
    await fake.clock.advance(TIMEOUT_MS / 3)
    await rest
    await until(() => dripping.destroyed)
    expect(plane.active()).toBe(0)
  })

  it('leaves no timer after the answer', async () => {
    const calling = call()
    await until(() => started[0]?.held.length === 1)
    const before = fake.clock.pending
    answered(started[0]!)
    expect(await calling).toBe(200)
    await until(() => plane.active() === 0)
    // Only the idle timer remains.
    expect(fake.clock.pending).toBe(before)
  })
})

describe('a connection whose request was answered before the end of its body', () => {
  const BODY = Buffer.alloc(10_000_000, 'a')
  const GET = 'GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n'

  it.each<[string, (response: ServerResponse) => Promise<unknown>, RegExp]>([
    // A write to a connection that the instance has closed fails, at times before its answer was read: then it is 503.
    ['by an instance that reads no further', async (response) => response.writeHead(413).end('too large'), /^413|^503/],
    [
      'by an instance that then closes its connection',
      async (response) => response.writeHead(413).end('too large', () => response.socket!.destroy()),
      /^413|^503/,
    ],
    ['because the instance broke the connection', async (response) => response.socket!.destroy(), /^503/],
    ['because the request timed out', () => fake.clock.advance(300_000), /^504/],
  ])('takes the next request: %s', async (_, answer, status) => {
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    let received = ''
    client.on('data', (chunk) => (received += String(chunk)))
    client.write(`POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\ncontent-length: ${BODY.length}\r\n\r\n`)
    client.write(BODY)
    await until(() => started[0]?.held.length === 1)
    await answer(started[0]!.held.shift()!.response)
    await until(() => received.startsWith('HTTP/1.1 '))
    expect(received.slice('HTTP/1.1 '.length)).toMatch(status)
    received = ''

    client.write(GET.replace('PORT', String(port)))
    await until(() => started.at(-1)!.held.length === 1)
    answered(started.at(-1)!)
    await until(() => received.includes('HTTP/1.1 200'))
    client.destroy()
  })
})

describe('slots', () => {
  it('are released when a caller disconnects while it waits for one', async () => {
    const first = call()
    await until(() => started[0]?.held.length === 1)
    const impatient = httpRequest({ port, host: '127.0.0.1' }).on('error', () => {})
    impatient.end()
    await until(() => plane.waiting() === 1)
    impatient.destroy()
    await until(() => plane.waiting() === 0)
    answered(started[0]!)
    expect(await first).toBe(200)

    const next = call()
    await until(() => started[0]!.held.length === 1)
    // The disconnected caller's request does not reach the instance.
    expect(started[0]!.held).toHaveLength(1)
    answered(started[0]!)
    expect(await next).toBe(200)
  })

  it('are released when a caller disconnects while the service starts', async () => {
    const ready = gate()
    beforeStart = () => ready.promise
    const impatient = httpRequest({ port, host: '127.0.0.1' }).on('error', () => {})
    impatient.end()
    await until(() => plane.waiting() === 1)
    impatient.destroy()
    await until(() => plane.waiting() === 0)
    ready.open()
    await until(() => started.length === 1)
    const next = call()
    await until(() => started[0]!.held.length === 1)
    answered(started[0]!)
    expect(await next).toBe(200)
  })
})

describe('an instance', () => {
  it('is not idle while it is answering', async () => {
    concurrency = 80
    const first = call()
    await until(() => started[0]?.held.length === 1)
    answered(started[0]!)
    expect(await first).toBe(200)
    await until(() => plane.active() === 0)
    await fake.clock.advance(IDLE_MS - 1)
    const late = call()
    await until(() => started[0]!.held.length === 1)
    await fake.clock.advance(IDLE_MS)
    expect(started[0]!.stops()).toBe(0)
    answered(started[0]!)
    expect(await late).toBe(200)
    await until(() => plane.active() === 0)
    await fake.clock.advance(IDLE_MS)
    expect(started[0]!.stops()).toBe(1)
  })

  it('of an old revision gets no request when it becomes ready after the new revision', async () => {
    const ready = gate()
    beforeStart = () => ready.promise
    const waiting = call()
    await until(() => plane.waiting() === 1)
    revision = 2
    const recycled = plane.recycle()
    ready.open()
    await recycled
    await until(() => started.at(-1)!.held.length === 1)
    expect(started.map((one) => [one.revision, one.stops()])).toEqual([
      ['1', 1],
      ['2', 0],
    ])
    answered(started[1]!)
    expect(await waiting).toBe(200)
  })

  it('is stopped once when several of its requests fail', async () => {
    concurrency = 80
    const calls = [call(), call()]
    await until(() => started[0]?.held.length === 2)
    servers[0]!.close()
    for (const { response } of started[0]!.held.splice(0)) response.destroy()
    expect(await Promise.all(calls)).toEqual([503, 503])
    expect(started[0]!.stops()).toBe(1)
  })
})

describe('several instances', () => {
  beforeEach(() => {
    scaling = {}
  })
  const held = (): number[] => started.map((one) => one.held.length)

  it('start when the others are full, up to the maximum, and then requests wait', async () => {
    concurrency = 2
    scaling = { maxInstanceCount: 2 }
    const calls = [call(), call()]
    await until(() => started[0]?.held.length === 2)
    expect(started).toHaveLength(1)
    calls.push(call(), call())
    await until(() => started[1]?.held.length === 2)
    calls.push(call())
    await until(() => plane.waiting() === 1)
    expect(plane.instances()).toHaveLength(2)
    answered(started[1]!)
    await until(() => started[1]!.held.length === 2)
    expect(plane.waiting()).toBe(0)
    for (const one of [started[0]!, started[0]!, started[1]!, started[1]!]) answered(one)
    expect(await Promise.all(calls)).toEqual([200, 200, 200, 200, 200])
    expect(fake.counts.get('run.coldStarts')).toBe(2)
  })

  it('are as many as this machine is for, where the service may have more', async () => {
    scaling = { maxInstanceCount: 100 }
    const calls = Array.from({ length: 4 }, call)
    await until(() => held().length === 3 && held().every((count) => count === 1))
    expect(plane.waiting()).toBe(1)
    answered(started[0]!)
    await until(() => started[0]!.held.length === 1)
    for (const one of started) answered(one)
    expect(await Promise.all(calls)).toEqual([200, 200, 200, 200])
  })

  it('a request that waits for a start takes a place that becomes free before', async () => {
    const first = call()
    await until(() => started[0]?.held.length === 1)
    const ready = gate()
    beforeStart = () => ready.promise
    const second = call()
    await until(() => plane.waiting() === 1)
    answered(started[0]!)
    await until(() => started[0]!.held.length === 1)
    answered(started[0]!)
    expect(await Promise.all([first, second])).toEqual([200, 200])
    ready.open()
    await until(() => plane.instances().length === 2)
  })

  it('take requests in turns, so that none keeps all of them', async () => {
    concurrency = 80
    scaling = { minInstanceCount: 2 }
    await plane.warm()
    expect(plane.instances()).toHaveLength(2)
    const order: number[] = []
    for (let request = 0; request < 4; request++) {
      const calling = call()
      await until(() => held().includes(1))
      order.push(held().indexOf(1))
      answered(started[order.at(-1)!]!)
      expect(await calling).toBe(200)
      await until(() => plane.active() === 0)
    }
    expect(order).toEqual([0, 1, 0, 1])
    const both = [call(), call()]
    await until(() => held().every((count) => count === 1))
    for (const one of started) answered(one)
    await Promise.all(both)
  })

  it('stop when so many were not needed for some time, but for the minimum, and finish their requests', async () => {
    concurrency = 2
    scaling = { minInstanceCount: 1 }
    const calls = Array.from({ length: 4 }, call)
    await until(() => held().length === 2 && held().every((count) => count === 2))
    answered(started[0]!)
    await calls[0]
    await fake.clock.advance(IDLE_MS)
    // Three requests still need two instances.
    expect(started.map((one) => one.stops())).toEqual([0, 0])
    answered(started[1]!)
    await until(() => plane.active() === 2)
    await fake.clock.advance(IDLE_MS - 1)
    expect(started.map((one) => one.stops())).toEqual([0, 0])
    await fake.clock.advance(1)
    expect(started.filter((one) => one.stops() === 1)).toHaveLength(1)
    expect(plane.instances()).toHaveLength(1)
    const leaver = started.find((one) => one.stops() === 1)!
    const [kept] = plane.instances()
    // The one that leaves still answers, and gets no request.
    const late = call()
    await until(() => started.find((one) => one.pid === kept!.pid)!.held.length === 2)
    expect(leaver.held).toHaveLength(1)
    for (const one of started) while (one.held.length > 0) answered(one)
    expect(new Set(await Promise.all([...calls, late]))).toEqual(new Set([200]))
    await until(() => plane.active() === 0)
    await fake.clock.advance(10 * IDLE_MS)
    expect(started.find((one) => one.pid === kept!.pid)!.stops()).toBe(0)
  })

  it('one that can not start fails no request that another one can take', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    const first = call()
    await until(() => started[0]?.held.length === 1)
    const broken = gate()
    beforeStart = () => broken.promise.then(() => Promise.reject(new Error('no memory')))
    const second = call()
    await until(() => plane.waiting() === 1)
    broken.open()
    await until(() => printed.mock.calls.length === 1)
    expect(plane.waiting()).toBe(1)
    answered(started[0]!)
    await until(() => started[0]!.held.length === 1)
    answered(started[0]!)
    expect(await Promise.all([first, second])).toEqual([200, 200])
    printed.mockRestore()
  })

  it('one that died is replaced, also for those that waited for a place in it', async () => {
    scaling = { maxInstanceCount: 1 }
    const first = call()
    await until(() => started[0]?.held.length === 1)
    const second = call()
    await until(() => plane.waiting() === 1)
    servers[0]!.close()
    started[0]!.held.shift()!.response.destroy()
    expect(await first).toBe(503)
    await until(() => started[1]?.held.length === 1)
    answered(started[1]!)
    expect(await second).toBe(200)
  })

  it('are billed each for its own time', async () => {
    scaling = { maxInstanceCount: 2 }
    const calls = [call(), call()]
    await until(() => held().length === 2 && held().every((count) => count === 1))
    await fake.clock.advance(1_000)
    for (const one of started) answered(one)
    await Promise.all(calls)
    await until(() => plane.active() === 0)
    expect(fake.counts.get('run.request.vcpuMs')).toBe(2_000)
  })
})

describe('closing', () => {
  it('answers waiting requests 503 and starts no instance for them', async () => {
    const first = call()
    await until(() => started[0]?.held.length === 1)
    const second = call().catch(() => 0)
    await until(() => plane.waiting() === 1)
    const closed = plane.close()
    answered(started[0]!)
    expect(await first).toBe(200)
    expect(await second).toBe(503)
    await closed
    expect(started).toHaveLength(1)
  })

  it('serves no further request on an open connection', async () => {
    const socket = connect(port, '127.0.0.1')
    const request = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`
    let received = ''
    socket.on('data', (chunk) => (received += String(chunk)))
    socket.on('error', () => {})
    socket.write(request)
    await until(() => started[0]?.held.length === 1)
    const closed = plane.close()
    answered(started[0]!)
    await until(() => received.includes('ok'))
    socket.write(request)
    await closed
    expect(started).toHaveLength(1)
    expect(fake.clock.pending).toBe(0)
    socket.destroy()
  })
})
