/** The gateway's operations as remote procedures, asked by clients of other makers over real connections. */

import { Code, type ConnectError, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { serve } from '@hono/node-server'
import * as fc from 'fast-check'
import { readdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { requestContext } from '../../shared/base/deadline.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { detailsOf, grpcClient, type GrpcClient } from '../../shared/edge/rpc.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { acceptHttp2 } from '../../shared/runtime/http2.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { fileDescriptor, registryOf } from '../../shared/rpc/descriptors.ts'
import { FORMER_REFLECTION_RPC, HEALTH_RPC, isRpc, REFLECTION_RPC, rpcNameOf } from '../../shared/rpc/names.ts'
import { startOfTests, testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { roles } from '../shop/roles.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'
import { order, placed } from './placed-order.testing.ts'

const ORDERS = '/millrace.orders.v1.OrdersService'

let issuer: TestIssuer
let server: Server
let address: string
let client: GrpcClient
const calls: { path: string; body: unknown }[] = []
let answer: (path: string) => Response | Promise<Response>

const wide = { perSecond: 1_000, burst: 1_000 }
const { operations, rpcs } = app.publicApi!
const protos = new URL('../../proto/', import.meta.url)
const files = readdirSync(protos, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.proto'))
  .map((name) => new URL(name, protos).pathname)

beforeAll(async () => {
  issuer = await openIssuer()
})
afterAll(() => issuer.close())

beforeEach(() => open())
afterEach(() => close())

async function open(edge = testEdge(), served = app): Promise<void> {
  calls.length = 0
  answer = () => Response.json(placed, { status: 201 })
  const platform = testPlatform(gateway, {
    settings: { EDGE: edge, ...issuer.settings },
    callExternal: everyAccountIsValid,
    async call(_service, path, { body } = {}) {
      calls.push({ path, body })
      return answer(path)
    },
  })
  logs = platform.logs
  const { fetch } = createHttpApp(served, platform, testConfig('gateway'))
  const started = Promise.withResolvers<void>()
  server = serve({ fetch, port: 0, hostname: '127.0.0.1', serverOptions }, () => started.resolve()) as Server
  limitServer(server)
  http2 = acceptHttp2(server, fetch)
  await started.promise
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  client = grpcClient(address, files)
}

async function close(): Promise<void> {
  client.close()
  http2.close()
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

let http2: ReturnType<typeof acceptHttp2>
let logs: ReturnType<typeof testPlatform>['logs']

const bearer = async (roles?: readonly string[]): Promise<string> =>
  `Bearer ${await issuer.token(roles ? { sub: `${roles[0]}-1`, roles } : {})}`

async function metadata(entries: Readonly<Record<string, string>> = {}): Promise<Metadata> {
  const made = new Metadata()
  for (const [name, value] of Object.entries({ authorization: await bearer(), ...entries })) made.set(name, value)
  return made
}

const failure = async (call: Promise<unknown>): Promise<{ code: number; details: ReturnType<typeof detailsOf> }> => {
  const error = await call.then(
    () => undefined,
    (one: unknown) => one,
  )
  return { code: (error as ServiceError).code, details: detailsOf(error) }
}
const codeIn = ({ details }: { details: ReturnType<typeof detailsOf> }): unknown =>
  (details['ErrorInfo'] as { metadata: { code: string } }).metadata.code

const place = async (request: object = order, entries: Readonly<Record<string, string>> = {}) =>
  client.call(`${ORDERS}/PlaceOrder`, request, await metadata({ 'idempotency-key': 'key-1', ...entries }))

const problem = (httpStatus: number, code: string, more: object = {}): Response =>
  Response.json(
    { type: `urn:millrace:problem:${code}`, status: httpStatus, code, detail: 'no', instance: '/x', ...more },
    { status: httpStatus, headers: { 'content-type': 'application/problem+json', 'retry-after': '7' } },
  )

describe('a gRPC client', () => {
  it('places an order as REST does', async () => {
    const { message, headers } = await place()
    expect(message).toMatchObject(placed)
    expect(headers['location']).toMatch(/^\/v1\/orders\/o-/)
    const viaGrpc = calls.at(-1)
    expect(viaGrpc).toEqual({
      path: '/orders',
      body: { sub: 'customer-1', importer: false, idempotencyKey: 'key-1', order },
    })
    await fetch(`http://${address}/v1/orders`, {
      method: 'POST',
      headers: { authorization: await bearer(), 'idempotency-key': 'key-1', 'content-type': 'application/json' },
      body: JSON.stringify(order),
    })
    expect(calls.at(-1)).toEqual(viaGrpc)
  })

  it('reads a page with the parameters of its path and query, numbers as numbers', async () => {
    answer = () => Response.json({ orders: [], next: 'more' })
    const path = '/millrace.history.v1.HistoryService/ListOrders'
    const { message } = await client.call(path, { status: 'pending', limit: 5 }, await metadata())
    expect(message).toEqual({ next: 'more' })
    expect(calls.at(-1)!.path).toBe('/orders?customer=customer-1&status=pending&limit=5')
    await client.call(path, { sort: 'placedAt' }, await metadata())
    expect(calls.at(-1)!.path).toBe('/orders?customer=customer-1&sort=placedAt')
    for (const wrong of [{ limit: 0 }, { sort: 'totalMinor' }])
      expect(codeIn(await failure(client.call(path, wrong, await metadata())))).toBe('invalid-parameter')
  })

  it('submits a command, and waits for it as Prefer has it', async () => {
    const commandId = '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f'
    answer = (path) =>
      path === '/submissions/CancelOrder'
        ? Response.json({ commandId }, { status: 202 })
        : Response.json({
            commandId,
            command: 'CancelOrder',
            status: 'done',
            submittedAt: startOfTests,
            actor: 'customer:customer-1',
          })
    const path = `${ORDERS}/CancelOrder`
    const request = { orderId: 'o-1', reason: 'other' }
    const entries = { 'idempotency-key': 'key-1' }
    expect((await client.call(path, request, await metadata(entries))).message).toEqual({ commandId })
    expect(calls.at(-1)!.body).toMatchObject({ subject: 'o-1', key: 'key-1', limitedTo: 'customer-1' })
    const waited = await client.call(path, request, await metadata({ ...entries, prefer: 'wait=10' }))
    expect(waited.message).toEqual({ commandId, status: 'done' })
    await client.call(path, request, await metadata({ ...entries, 'if-match': '"7"' }))
    expect(calls.at(-1)!.body).toMatchObject({ expectedVersion: 7 })
    const other = await failure(client.call(path, request, await metadata({ ...entries, 'if-match': 'W/"7"' })))
    expect([other.code, codeIn(other)]).toEqual([status.FAILED_PRECONDITION, 'precondition-failed'])
    const unguarded = await failure(place(order, { 'if-match': '"7"' }))
    expect(codeIn(unguarded)).toBe('unsupported-precondition')
  })

  it.each([
    ['the key is empty', order, { 'idempotency-key': '' }, status.INVALID_ARGUMENT, 'invalid-parameter'],
    ['the token is wrong', order, { authorization: 'Bearer x.y.z' }, status.UNAUTHENTICATED, 'token-invalid'],
    ['a field is absent', { ...order, currency: undefined }, {}, status.INVALID_ARGUMENT, 'invalid-body'],
    ['a list is empty', { ...order, lines: [] }, {}, status.INVALID_ARGUMENT, 'invalid-body'],
    [
      'a number is beyond JSON',
      { ...order, expectedTotalMinor: '9223372036854775807' },
      {},
      status.INVALID_ARGUMENT,
      'invalid-body',
    ],
  ])('is refused when %s', async (_, request, entries, code, named) => {
    const found = await failure(place(request, entries))
    expect([found.code, codeIn(found)]).toEqual([code, named])
    expect(calls).toEqual([])
  })

  it('is refused without a key', async () => {
    const found = await failure(client.call(`${ORDERS}/PlaceOrder`, order, await metadata()))
    expect([found.code, codeIn(found)]).toEqual([status.INVALID_ARGUMENT, 'idempotency-key-missing'])
    expect(calls).toEqual([])
  })

  it('reads which fields were refused', async () => {
    const { details } = await failure(place({ ...order, lines: [{ sku: 'TEA-001', quantity: 0 }] }))
    expect(details['BadRequest']).toMatchObject({ field_violations: [{ field: 'lines.0.quantity' }] })
    expect(details['ErrorInfo']).toMatchObject({ reason: 'INVALID_BODY', domain: 'millrace' })
  })

  it.each([
    [409, 'price-changed', status.FAILED_PRECONDITION],
    [409, 'idempotency-key-reused', status.ALREADY_EXISTS],
    [422, 'unknown-reference', status.INVALID_ARGUMENT],
    [429, 'too-many-orders', status.RESOURCE_EXHAUSTED],
  ])('reads the refusal %s %s of the owner', async (httpStatus, code, expected) => {
    answer = () => problem(httpStatus, code, { bound: 'orders-per-hour', limit: 3 })
    const found = await failure(place())
    expect([found.code, codeIn(found)]).toEqual([expected, code])
    if (code === 'too-many-orders') {
      expect(found.details['RetryInfo']).toEqual({ retry_delay: { seconds: 7 } })
      expect(found.details['ErrorInfo']).toMatchObject({ metadata: { bound: 'orders-per-hour', limit: '3' } })
    }
  })

  it('learns that there is no such order, and that a service does not answer', async () => {
    const read = async () => failure(client.call(`${ORDERS}/ReadOrder`, { orderId: 'o-1' }, await metadata()))
    answer = () => problem(404, 'not-found')
    const missing = await read()
    expect([missing.code, codeIn(missing)]).toEqual([status.NOT_FOUND, 'not-found'])
    answer = () => {
      throw new Unavailable('http://10.0.0.1 does not answer.', { retryAfterSeconds: 3 })
    }
    const silent = await read()
    expect([silent.code, codeIn(silent)]).toEqual([status.UNAVAILABLE, 'unavailable'])
    expect(silent.details['RetryInfo']).toEqual({ retry_delay: { seconds: 3 } })
  })

  it('is limited as REST is, before its token is read', async () => {
    await close()
    const limits = Object.fromEntries([...roles, 'address'].map((name) => [name, wide])) as Record<string, typeof wide>
    await open(testEdge({ limits: { ...limits, address: { perSecond: 0.001, burst: 10 } } as never }))
    const read = () => failure(client.call(`${ORDERS}/ReadOrder`, { orderId: 'o-1' }))
    for (let reads = 0; reads < 10; reads++) expect((await read()).code).toBe(status.UNAUTHENTICATED)
    const found = await read()
    expect([found.code, codeIn(found)]).toEqual([status.RESOURCE_EXHAUSTED, 'rate-limited'])
    expect(found.details['RetryInfo']).toBeDefined()
  })

  it('is charged for an operation that does the work of many as for several, as REST is', async () => {
    await close()
    const limits = Object.fromEntries([...roles, 'address'].map((name) => [name, wide])) as Record<string, typeof wide>
    await open(testEdge({ limits: { ...limits, customer: { perSecond: 0.001, burst: 19 } } as never }))
    answer = () => problem(404, 'not-found')
    const replay = { endpointId: 'w-1', since: '2026-01-01T00:00:00Z' }
    const codes: unknown[] = []
    const called = async (method: string, request: object) =>
      void codes.push(codeIn(await failure(client.call(`/millrace.${method}`, request, await metadata()))))
    await called('webhooks.v1.WebhooksService/ReplayWebhooks', replay)
    // Nine are left.
    for (let reads = 0; reads < 10; reads++) await called('orders.v1.OrdersService/ReadOrder', { orderId: 'o-1' })
    expect(codes).toEqual([...Array.from({ length: 10 }, () => 'not-found'), 'rate-limited'])
  })

  it('that waits no longer ends the calls that are made for it', async () => {
    const requested = Promise.withResolvers<AbortSignal>()
    answer = () => {
      requested.resolve(requestContext()!.signal)
      return new Promise(() => {})
    }
    const entries = await metadata({ 'idempotency-key': 'key-1' })
    // Its time passes once the call was made, however long a busy machine takes to get there.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const waiting = failure(client.call(`${ORDERS}/PlaceOrder`, order, entries, 20_000))
      const signal = await requested.promise
      expect(signal.aborted).toBe(false)
      const ended = new Promise((resolve) => signal.addEventListener('abort', resolve))
      vi.advanceTimersByTime(21_000)
      await ended
      expect((await waiting).code).toBe(status.DEADLINE_EXCEEDED)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each(Object.entries(operations).filter(([, one]) => isRpc(one)))(
    'without a token is refused %s',
    async (id, one) => {
      const { path } = rpcNameOf(rpcs!.owners[id] ?? 'gateway', id, one)
      const found = await failure(client.call(path, {}))
      expect([found.code, codeIn(found)]).toEqual([status.UNAUTHENTICATED, 'token-missing'])
      expect(calls).toEqual([])
    },
  )

  it('without the role is refused', async () => {
    const found = await failure(client.call(`${ORDERS}/ReadSaga`, { orderId: 'o-1' }, await metadata()))
    expect([found.code, codeIn(found)]).toEqual([status.PERMISSION_DENIED, 'forbidden'])
  })

  it('of a service that is not recorded yet gets an error, with the remedy in the log; the other services answer', async () => {
    await close()
    const load = (service: string): ReturnType<NonNullable<typeof rpcs>['load']> =>
      rpcs!.load(service === 'catalog' ? 'nowhere' : service)
    await open(testEdge(), { ...app, publicApi: { ...app.publicApi!, rpcs: { ...rpcs!, load } } })
    const procedure = '/millrace.catalog.v2.CatalogService/ReadProduct'
    const codeFor = async (entries: Metadata): Promise<number> =>
      (await failure(client.call(procedure, { sku: 'TEA-001' }, entries))).code
    expect(await codeFor(await metadata())).toBe(status.INTERNAL)
    expect(String(logs.at(-1)?.fields?.['error'])).toBe(`Error: ${procedure} is not recorded: run npm run record.`)
    expect(await codeFor(new Metadata())).toBe(status.UNAUTHENTICATED)
    expect((await place()).message).toMatchObject({ orderId: 'o-1' })
  })

  it('learns that a procedure does not exist', async () => {
    const raw = new Client(address, credentials.createInsecure())
    const found = await failure(
      new Promise((resolve, reject) =>
        raw.makeUnaryRequest(
          '/millrace.orders.v1.OrdersService/Nothing',
          Buffer.from,
          Buffer.from,
          Buffer.alloc(0),
          (error) => (error ? reject(error) : resolve(undefined)),
        ),
      ),
    )
    raw.close()
    expect(found.code).toBe(status.UNIMPLEMENTED)
  })
})

/** A request over HTTP/2 with any bytes: its status of gRPC, wherever it is. */
async function sendRaw(bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const session = connect(`http://${address}`)
  try {
    return await new Promise<string>((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `${ORDERS}/PlaceOrder`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      })
      let found = ''
      stream.on('response', (received) => (found = String(received['grpc-status'] ?? `HTTP ${received[':status']}`)))
      stream.on('trailers', (received) => (found = String(received['grpc-status'])))
      stream.on('close', () => resolve(found)).on('error', reject)
      stream.resume().end(bytes)
    })
  } finally {
    session.close()
  }
}

const framed = (message: Uint8Array, flags = 0): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const text = (field: number, value: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)])
/** The order as it is encoded: numbers of fields stay as they are. */
const encodedOrder = Buffer.concat([
  text(1, 'EUR'),
  text(2, Buffer.concat([text(1, 'TEA-001'), Buffer.from([0x10, 2])])),
  text(5, 'address-1'),
  text(6, 'card-ok'),
])

describe('bad input', () => {
  it('does not include the encoded order', async () => {
    expect(await sendRaw(framed(encodedOrder), await credentialsOf())).toBe(String(status.OK))
    expect(calls).toMatchObject([{ body: { order } }])
  })

  const credentialsOf = async () => ({ authorization: await bearer(), 'idempotency-key': 'key-1' })

  it('of any bytes is refused as the fault of its sender', async () => {
    const headers = await credentialsOf()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, isFramed) => {
        const found = await sendRaw(isFramed ? framed(bytes) : bytes, headers)
        expect([
          String(status.INVALID_ARGUMENT),
          String(status.UNIMPLEMENTED),
          String(status.RESOURCE_EXHAUSTED),
        ]).toContain(found)
      }),
      { numRuns: 60 },
    )
    expect(calls).toEqual([])
    expect(logs.filter(({ severity }) => severity === 'ERROR')).toEqual([])
  })

  it.each([
    ['a message that is too large', () => framed(Buffer.alloc(1024 * 1024 + 10)), {}, status.RESOURCE_EXHAUSTED],
    ['a length that no bytes follow', () => framed(Buffer.from('abc')).subarray(0, 6), {}, status.INVALID_ARGUMENT],
    [
      'a field that no message has',
      () => framed(Buffer.concat([encodedOrder, Buffer.from([0xa2, 0x06, 0x01, 0x61])])),
      {},
      status.INVALID_ARGUMENT,
    ],
    ['a compressed message', () => framed(gzipSync('x'), 1), { 'grpc-encoding': 'gzip' }, status.UNIMPLEMENTED],
    ['a timeout without a unit', () => framed(Buffer.alloc(0)), { 'grpc-timeout': 'soon' }, status.INVALID_ARGUMENT],
    ['two messages', () => Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.alloc(0))]), {}, status.UNIMPLEMENTED],
  ])('is refused by name: %s', async (_, bytes, headers, expected) => {
    expect(await sendRaw(bytes(), { ...(await credentialsOf()), ...headers })).toBe(String(expected))
    expect(calls).toEqual([])
  })

  it.each(['base64=1&message=AAAA', 'base64=1&message=!!!', 'message=%01%02'])(
    'in the query of GET is refused as the fault of its sender: %s',
    async (query) => {
      const response = await fetch(`http://${address}${ORDERS}/ReadOrder?connect=v1&encoding=proto&${query}`, {
        headers: await credentialsOf(),
      })
      expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_argument' }])
    },
  )

  it('of another media type is refused by REST, and gRPC needs HTTP/2', async () => {
    const send = async (type: string) => {
      const response = await fetch(`http://${address}${ORDERS}/PlaceOrder`, {
        method: 'POST',
        headers: { ...(await credentialsOf()), 'content-type': type },
        body: 'x',
      })
      return [response.status, ((await response.json()) as { code: string }).code]
    }
    expect(await send('text/plain')).toEqual([415, 'unsupported-media-type'])
    expect(await send('application/grpc')).toEqual([415, 'unsupported-media-type'])
    expect(await sendRaw(Buffer.alloc(0), { ...(await credentialsOf()), 'content-type': 'text/plain' })).toBe(
      'HTTP 415',
    )
  })
})

it("a message in Connect's JSON with two members of one name is refused, by POST and by GET", async () => {
  const twice = '{"orderId":"o-1","orderId":"o-2"}'
  const headers = { authorization: await bearer(), 'content-type': 'application/json', 'connect-protocol-version': '1' }
  const url = `http://${address}${ORDERS}/ReadOrder`
  const before = calls.length
  for (const response of [
    await fetch(url, { method: 'POST', headers, body: twice }),
    await fetch(`${url}?connect=v1&encoding=json&message=${encodeURIComponent(twice)}`, {
      headers: { authorization: headers.authorization },
    }),
  ]) {
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('an object has two members "orderId"') as string,
    })
  }
  expect(calls.length).toBe(before)
})

describe("clients of Connect's own", () => {
  const registry = async () => {
    const records = await Promise.all(['orders'].map((name) => rpcs!.load(name)))
    const described = records.flatMap((one) => Object.entries(one).map(([name, each]) => fileDescriptor(name, each)))
    return registryOf(described).getService('millrace.orders.v1.OrdersService')!
  }
  it('keep for 30 seconds what Connect reads by GET, where REST lets them, and no refusal', async () => {
    const read = async (procedure: string, headers: Record<string, string>, init: RequestInit = {}) => {
      const response = await fetch(`http://${address}/${procedure}`, { ...init, headers })
      return [response.status, response.headers.get('cache-control')]
    }
    const list = 'millrace.catalog.v1.CatalogService/ListProducts'
    const query = '?connect=v1&encoding=json&message={}'
    const headers = { authorization: await bearer() }
    answer = () => Response.json({ products: [], orders: [] })
    expect(await read(`${list}${query}`, headers)).toEqual([200, 'private, max-age=30'])
    expect(await read(`${list}${query}`, {})).toEqual([401, 'no-store'])
    expect(await read(`millrace.history.v1.HistoryService/ListOrders${query}`, headers)).toEqual([200, 'no-store'])
    const json = { ...headers, 'content-type': 'application/json' }
    expect(await read(list, json, { method: 'POST', body: '{}' })).toEqual([200, 'no-store'])
    answer = () => Response.json({ products: 'none' })
    expect(await read(`${list}${query}`, headers)).toEqual([500, 'no-store'])
  })

  const transports = {
    'Connect with JSON': () =>
      createConnectTransport({ baseUrl: `http://${address}`, httpVersion: '1.1', useBinaryFormat: false }),
    'Connect with bytes': () => createConnectTransport({ baseUrl: `http://${address}`, httpVersion: '1.1' }),
    'Connect by GET': () =>
      createConnectTransport({ baseUrl: `http://${address}`, httpVersion: '1.1', useHttpGet: true }),
    'gRPC-Web': () => createGrpcWebTransport({ baseUrl: `http://${address}`, httpVersion: '1.1' }),
    gRPC: () => createGrpcTransport({ baseUrl: `http://${address}` }),
  }
  type Methods = Readonly<
    Record<string, (request: object, options: object) => Promise<Readonly<Record<string, unknown>>>>
  >

  it.each(Object.entries(transports))('by %s read an order, and its refusal', async (_, transport) => {
    const methods = createClient(await registry(), transport()) as unknown as Methods
    const headers = { authorization: await bearer() }
    answer = (path) => (path.startsWith('/orders/o-1') ? Response.json({ ...placed }) : Response.json({ entries: [] }))
    expect(await methods['readOrder']!({ orderId: 'o-1' }, { headers })).toMatchObject({
      orderId: 'o-1',
      totalMinor: 2380n,
    })
    const error = (await methods['readOrder']!({ orderId: 'o-1' }, {}).catch((one: unknown) => one)) as ConnectError
    expect([error.code, error.rawMessage]).toEqual([Code.Unauthenticated, expect.stringContaining('token')])
    expect(error.details).toHaveLength(1)
  })
})

describe('the platform', () => {
  it('answers health checks without a token', async () => {
    const health = grpcClient(address, [])
    const raw = new Client(address, credentials.createInsecure())
    const check = (service: string): Promise<Buffer> =>
      new Promise((resolve, reject) =>
        raw.makeUnaryRequest(
          '/grpc.health.v1.Health/Check',
          (name: string) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]),
          (bytes) => bytes,
          service,
          (error, bytes) => (error ? reject(error) : resolve(bytes!)),
        ),
      )
    // Field 1, a number: SERVING.
    expect(await check('')).toEqual(Buffer.from([0x08, 1]))
    expect(await check('millrace.orders.v1.OrdersService')).toEqual(Buffer.from([0x08, 1]))
    await expect(check('nothing')).rejects.toMatchObject({ code: status.NOT_FOUND })
    raw.close()
    health.close()
  })

  it.each([
    ['a check of more bytes than a name has', framed(Buffer.alloc(2_000)), status.RESOURCE_EXHAUSTED],
    ['a check that no message is', framed(Buffer.from([1, 2, 3])), status.INVALID_ARGUMENT],
  ])('refuses %s', async (_, bytes, expected) => {
    expect(await sendRaw(bytes, { ':path': HEALTH_RPC })).toBe(String(expected))
  })

  it('refuses a question about descriptors that no message is', async () => {
    expect(await sendRaw(framed(Buffer.from([1, 2, 3])), { ':path': REFLECTION_RPC })).toBe(
      String(status.INVALID_ARGUMENT),
    )
  })

  it('ends a silent stream of a tool as if the tool had ended it', async () => {
    const raw = new Client(address, credentials.createInsecure())
    const silent = raw.makeBidiStreamRequest(REFLECTION_RPC, Buffer.from, (bytes) => bytes)
    const ended = new Promise((resolve) => silent.once('status', ({ code }: { code: number }) => resolve(code)))
    // The status comes as an error too, where it is one.
    silent.on('error', () => {}).resume()
    expect(await ended).toBe(status.OK)
    raw.close()
  })

  it.each([REFLECTION_RPC, FORMER_REFLECTION_RPC])(
    'describes itself to tools without files, in one stream of %s',
    async (path) => {
      const raw = new Client(address, credentials.createInsecure())
      const stream = raw.makeBidiStreamRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
      )
      const answers: Buffer[] = []
      const next = async (field: number, text: string): Promise<Buffer> => {
        const { promise, resolve } = Promise.withResolvers<Buffer>()
        stream.once('data', resolve)
        stream.write(Buffer.concat([Buffer.from([(field << 3) | 2, text.length]), Buffer.from(text)]))
        const received = await promise
        answers.push(received)
        return received
      }
      // Each answer comes before the next question.
      const listed = (await next(7, '*')).toString('latin1')
      for (const name of ['millrace.orders.v1.OrdersService', 'grpc.health.v1.Health']) expect(listed).toContain(name)
      expect((await next(4, 'millrace.orders.v1.OrdersService')).toString('latin1')).toContain('PlaceOrderRequest')
      expect((await next(3, 'millrace/catalog/v1/catalog.proto')).toString('latin1')).toContain('CatalogService')
      expect((await next(4, 'google.rpc.RetryInfo')).toString('latin1')).toContain('google/protobuf/duration.proto')
      expect((await next(3, 'google/protobuf/duration.proto')).toString('latin1')).toContain('nanos')
      expect((await next(4, 'nothing.at.All')).toString('latin1')).toContain('There is no nothing.at.All.')
      const ended = new Promise((resolve) => stream.once('status', ({ code }: { code: number }) => resolve(code)))
      stream.end()
      stream.resume()
      expect(await ended).toBe(status.OK)
      raw.close()
    },
  )
})
