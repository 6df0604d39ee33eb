/** A request from this process is treated as one over a socket is: each case runs both ways, and both must show the same. */

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished, describe, expect, it, vi } from 'vitest'
import { fakeContext } from '../../core/fake-context.testing.ts'
import { freePort } from '../../core/free-ports.ts'
import { createOwnServices } from '../../core/own-services.ts'
import { type OutgoingRequest, type Send, send as sendBySocket } from '../../core/send.ts'
import { limits } from '../values/limits.ts'
import type { Instance } from '../process/process.ts'
import type { ServiceResource } from '../values/service.ts'
import { openDataPlane, type DataPlane } from './data-plane.ts'

const EMAIL = 'pusher@p.iam.gserviceaccount.com'
const until = (holds: () => boolean | undefined): Promise<unknown> => vi.waitUntil(holds, { timeout: 30_000 })
type Way = 'a socket' | 'this process'
const ways: readonly Way[] = ['a socket', 'this process']

interface Held {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface Setup {
  readonly plane: DataPlane
  readonly origin: string
  readonly held: Held[]
  readonly clock: ReturnType<typeof fakeContext>['clock']
  readonly fake: ReturnType<typeof fakeContext>
  post(request?: Partial<OutgoingRequest> & { readonly path?: string }): ReturnType<Send>
  starts(): number
}

interface Options {
  readonly concurrency?: number
  readonly isPublic?: boolean
  readonly start?: (setup: { readonly starts: number }) => void
}

async function setUp(way: Way, { concurrency = 10, isPublic = false, start }: Options = {}): Promise<Setup> {
  const iam = {
    bindings: () => [],
    isGranted: (email: string) => email === EMAIL,
    verifyIdToken: (token: string) =>
      token.startsWith('forged.')
        ? Promise.reject(new Error('forged'))
        : Promise.resolve({ email: token.startsWith('good.') ? EMAIL : 'other@p.iam.gserviceaccount.com' }),
  }
  const fake = fakeContext({ peers: { iam } })
  const own = createOwnServices(() => Promise.reject(new Error('The request left the process.')))
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const held: Held[] = []
  let starts = 0
  const plane = await openDataPlane({
    context: { ...fake.context, openAddress: own.open },
    service: 'echo',
    port,
    idleMs: 60_000,
    withdrawsCpu: false,
    endsSilent: true,
    maxInstances: 1,
    signal: async () => undefined,
    async start() {
      starts += 1
      start?.({ starts })
      return instance(held)
    },
    resource: () =>
      ({
        name: 'projects/p/locations/r/services/echo',
        uri: origin,
        ingress: 'INGRESS_TRAFFIC_ALL',
        invokerIamDisabled: isPublic,
        template: { timeout: '30s', maxInstanceRequestConcurrency: concurrency, containers: [{}] },
      }) as unknown as ServiceResource,
  })
  onTestFinished(() => plane.close())
  const send = way === 'a socket' ? sendBySocket : own.send
  return {
    plane,
    origin,
    held,
    clock: fake.clock,
    fake,
    starts: () => starts,
    post: ({ path = '/events/sold', headers, ...request } = {}) =>
      send(origin + path, {
        method: 'POST',
        headers: { authorization: `Bearer good.claims.signature`, 'content-type': 'application/json', ...headers },
        body: '{"a":1}',
        signal: new AbortController().signal,
        redirect: 'manual',
        ...request,
      }),
  }
}

async function instance(held: Held[]): Promise<Instance> {
  const server = createServer({ keepAliveTimeout: 1 }, (request, response) => void held.push({ request, response }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(stop)
  return {
    pid: 1,
    port: (server.address() as AddressInfo).port,
    agent: new Agent({ keepAlive: true }),
    revision: '1',
    startedAt: '',
    setCpu: () => {},
    kill: () => Promise.resolve(),
    listens: () => Promise.resolve(server.listening),
    get: () => Promise.resolve({ status: 200, text: '' }),
    stop,
    exited: false,
  }
}

const outcome = (answer: ReturnType<Send>): Promise<object> =>
  answer.then(
    ({ status, headers }) => ({
      status,
      retryAfter: headers.get('Retry-After'),
      challenge: headers.get('www-authenticate'),
    }),
    (error: unknown) => ({ error: (error as Error).message }),
  )
/** The bill and the request log, but for the port of this run. */
const recorded = ({ fake, origin }: Setup): object => ({
  counts: Object.fromEntries(fake.counts),
  log: fake.requests.map((entry) => ({ ...entry, target: entry.target?.replace(origin, '') })),
})

/** The result of a case both ways. */
async function bothWays(observe: (way: Way) => Promise<object>): Promise<object> {
  const [bySocket, byProcess] = [await observe('a socket'), await observe('this process')]
  expect(byProcess).toEqual(bySocket)
  return byProcess
}

describe('a request of this process', () => {
  it('reaches the container as over a socket: method, path, headers, body, and the token without its signature', async () => {
    const result = await bothWays(async (way) => {
      const setup = await setUp(way)
      const answer = setup.post({
        path: '/a/../b c/%20?x=1&y=é#hash',
        headers: { 'X-Mixed': '  spaced  ', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
        body: Buffer.from('ö{}'),
      })
      await until(() => setup.held.length > 0)
      const [{ request, response }] = setup.held as [Held]
      const body = await buffer(request)
      response.writeHead(200, { 'retry-after': '7' }).end('read by no sender')
      const { host, traceparent, ...headers } = request.headers
      return {
        answer: await outcome(answer),
        method: request.method,
        url: request.url,
        isOwnHost: `http://${host}` === setup.origin,
        // Its span is new for each request.
        trace: String(traceparent).replace(/-[0-9a-f]{16}-/, '-SPAN-'),
        headers,
        body: body.toString(),
        ...recorded(setup),
      }
    })
    expect(result).toMatchObject({
      answer: { status: 200, retryAfter: '7' },
      url: '/b%20c/%20?x=1&y=%C3%A9',
      isOwnHost: true,
      trace: `00-${'a'.repeat(32)}-SPAN-01`,
      headers: {
        'x-mixed': 'spaced',
        'x-forwarded-for': '127.0.0.1',
        'content-length': '4',
        authorization: `Bearer good.claims.SIGNATURE_REMOVED_BY_GOOGLE`,
      },
      body: 'ö{}',
      log: [{ kind: 'ingress', resource: 'echo', status: 200, email: EMAIL }],
      counts: { 'run.requests': 1 },
    })
  })

  it.each<[string, Record<string, string>, number]>([
    ['without a token', { authorization: '' }, 403],
    ['with a forged token', { authorization: 'Bearer forged.a.b' }, 401],
    ['of an account without the grant', { authorization: 'Bearer other.a.b' }, 403],
    ['from a page', { origin: 'https://evil.example' }, 200],
  ])('%s is refused, or not, as over a socket', async (_, headers, status) => {
    const result = await bothWays(async (way) => {
      const setup = await setUp(way)
      const answer = setup.post({ headers })
      if (status === 200) {
        await until(() => setup.held.length > 0)
        setup.held[0]!.response.end()
      }
      const { status: answered, challenge } = (await outcome(answer)) as { status: number; challenge: string }
      return { status: answered, challenge, starts: setup.starts(), ...recorded(setup) }
    })
    expect(result).toMatchObject({ status })
    if (status !== 200) expect(result).toMatchObject({ starts: 0, log: [{ status }] })
  })

  it('with too large a body is refused with 413 before an instance starts', async () => {
    const body = Buffer.alloc(limits.requestBytes + 1)
    const setup = await setUp('this process')
    expect(await outcome(setup.post({ body }))).toMatchObject({ status: 413 })
    expect(setup.starts()).toBe(0)
    expect(recorded(setup)).toMatchObject({ log: [{ status: 413, email: EMAIL }] })
    // The authorization comes first.
    expect(await outcome(setup.post({ body, headers: { authorization: '' } }))).toMatchObject({ status: 403 })
  })

  it('waits for a slot, and is refused with 429 when the queue is full', async () => {
    const setup = await setUp('this process', { concurrency: 1, isPublic: true })
    const first = outcome(setup.post())
    await until(() => setup.held.length === 1)
    const controller = new AbortController()
    const queued = Array.from({ length: limits.queuedRequests }, () =>
      outcome(setup.post({ signal: controller.signal })),
    )
    await until(() => setup.plane.waiting() === limits.queuedRequests)
    expect(await outcome(setup.post())).toMatchObject({ status: 429 })
    controller.abort()
    expect(await Promise.all(queued)).toEqual(queued.map(() => ({ error: 'The operation was aborted' })))
    expect(setup.plane.waiting()).toBe(0)
    setup.held[0]!.response.end()
    expect(await first).toMatchObject({ status: 200 })
    await until(() => setup.plane.active() === 0)
  })

  it('is answered 503 when no instance starts, and when an instance breaks', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const result = await bothWays(async (way) => {
      const failing = await setUp(way, {
        start() {
          throw new Error('no such luck')
        },
      })
      const unstarted = await outcome(failing.post())
      const setup = await setUp(way)
      const broken = outcome(setup.post())
      await until(() => setup.held.length > 0)
      setup.held[0]!.request.socket.destroy()
      return { unstarted, broken: await broken, first: recorded(failing), second: recorded(setup) }
    })
    vi.restoreAllMocks()
    expect(result).toMatchObject({
      unstarted: { status: 503 },
      broken: { status: 503 },
      first: { log: [{ status: 503 }], counts: { 'run.5xx': 1 } },
      second: { log: [{ status: 503 }], counts: { 'run.5xx': 1 } },
    })
  })

  it.each(ways)('is no answer when the instance breaks off in the middle of it (%s)', async (way) => {
    const setup = await setUp(way)
    const answer = outcome(setup.post())
    await until(() => setup.held.length > 0)
    const [{ request, response }] = setup.held as [Held]
    response.writeHead(200, { 'content-length': '1000' }).write('half')
    await until(() => response.writableLength === 0)
    request.socket.resetAndDestroy()
    expect(await answer).toHaveProperty('error')
    await until(() => setup.plane.active() === 0)
  })

  it.each(ways)('that its sender ends is ended in the container, and leaves its slot (%s)', async (way) => {
    const setup = await setUp(way)
    const controller = new AbortController()
    const answer = outcome(setup.post({ signal: controller.signal }))
    await until(() => setup.held.length > 0)
    const ended = new Promise((resolve) => setup.held[0]!.response.once('close', resolve))
    controller.abort()
    expect(await answer).toEqual({ error: 'The operation was aborted' })
    await ended
    await until(() => setup.plane.active() === 0)
    const late = new AbortController()
    late.abort()
    expect(await outcome(setup.post({ signal: late.signal }))).toEqual({ error: 'The operation was aborted' })
    expect(setup.held).toHaveLength(1)
  })

  it('is answered 504 at the timeout of its service', async () => {
    const result = await bothWays(async (way) => {
      const setup = await setUp(way)
      const answer = outcome(setup.post())
      await until(() => setup.held.length > 0)
      await setup.clock.advance(30_000)
      return { answer: await answer, ...recorded(setup) }
    })
    expect(result).toMatchObject({ answer: { status: 504 }, log: [{ status: 504 }] })
  })

  it('has the faults before and after an acknowledgement', async () => {
    const result = await bothWays(async (way) => {
      const setup = await setUp(way)
      const fault = { principal: 'x', method: 'run.acknowledge', action: { error: 'UNAVAILABLE' } } as const
      vi.spyOn(setup.fake.context.faults, 'intercept')
      const { add, fired } = setup.fake.context.faults
      add({ ...fault, principal: 'x', when: 'before' })
      const calls = vi.mocked(setup.fake.context.faults.intercept).mock.calls
      const answer = outcome(setup.post({ headers: { 'user-agent': 'CloudPubSub-Google' } }))
      await until(() => setup.held.length > 0)
      setup.held[0]!.response.end()
      const given = await answer
      await until(() => calls.length === 2)
      return {
        given,
        fired: fired().length,
        calls: calls.map(([{ method, when, content }]) => ({ method, when, content })),
      }
    })
    const call = { method: 'run.acknowledge', content: 'POST /events/sold' }
    expect(result).toMatchObject({
      given: { status: 200 },
      calls: [
        { ...call, when: 'before' },
        { ...call, when: 'after' },
      ],
    })
  })

  it.each<[string, Partial<OutgoingRequest>]>([
    ['a header of connections', { headers: { Expect: '100-continue' } }],
    ['a larger head than a port takes', { headers: { large: 'x'.repeat(20_000) } }],
    ['another method', { method: 'OPTIONS' }],
    ['a foreign host', { headers: { host: 'evil.example' } }],
  ])('with %s goes to the port instead', async (_, request) => {
    const setup = await setUp('this process')
    expect(await outcome(setup.post(request))).toEqual({ error: 'The request left the process.' })
  })

  it('that no HTTP request can be is refused as by a socket', async () => {
    await bothWays(async (way) => {
      const setup = await setUp(way)
      return Promise.resolve()
        .then(() => setup.post({ headers: { bad: 'line\nfeed' } }))
        .then(
          () => ({}),
          (error: unknown) => ({ message: (error as Error).message }),
        )
    })
  })

  it('is broken off when the service closes, and then finds no address', async () => {
    const setup = await setUp('this process')
    const answer = outcome(setup.post())
    await until(() => setup.held.length > 0)
    const closed = setup.plane.close()
    await until(() => setup.held[0]!.response.closed)
    await closed
    expect(await answer).toMatchObject({ status: 503 })
    expect(await outcome(setup.post())).toEqual({ error: 'The request left the process.' })
  })
})
