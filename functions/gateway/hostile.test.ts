/** Hostile requests over a real socket: duplicate headers, bodies in other encodings, malformed traces, tokens of the wrong role. */

import { serve } from '@hono/node-server'
import { request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { traceparent } from '../../shared/instrumentation/telemetry.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'
import { everyAccountIsValid, openIssuer, type TestIssuer } from './issuer.testing.ts'
import { placed } from './placed-order.testing.ts'

let issuer: TestIssuer
let server: Server
let platform: TestPlatform
let port: number
const tokens: Record<string, string> = {}
const calls: { readonly path: string; readonly traceparent: string }[] = []

beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of ['customer', 'admin', 'importer'])
    tokens[role] = await issuer.token({ sub: `${role}-1`, roles: [role] })
  platform = testPlatform(gateway, {
    settings: {
      EDGE: testEdge(),
      ...issuer.settings,
      PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
    },
    callExternal: everyAccountIsValid,
    async call(_, path) {
      calls.push({ path, traceparent: traceparent() })
      if (path.startsWith('/submissions/')) return Response.json({ commandId: crypto.randomUUID() }, { status: 202 })
      return Response.json({ ...placed, entries: [] }, { status: 200 })
    },
  })
  server = serve({
    fetch: createHttpApp(app, platform, testConfig('gateway')).fetch,
    port: 0,
    hostname: '127.0.0.1',
  }) as Server
  port = await listening(server)
})
afterAll(() => {
  server.close()
  issuer.close()
})
beforeEach(() => {
  calls.length = 0
})

async function listening(one: Server): Promise<number> {
  if (!one.listening) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
  return (one.address() as AddressInfo).port
}

const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'a',
  paymentMethodRef: 'card-ok',
}
const price = { sku: 'TEA-001', unitMinor: 5, currency: 'EUR' }

interface Given {
  readonly method?: string
  readonly path?: string
  readonly body?: Buffer | string
  readonly headers?: Record<string, string | string[]>
}

/** Sends by Node's client, which repeats a header whose value is a list. */
function send({ method = 'POST', path = '/v1/orders', body = JSON.stringify(order), headers = {} }: Given) {
  const all = {
    authorization: `Bearer ${tokens['customer']}`,
    'content-type': 'application/json',
    'idempotency-key': 'key-1',
    ...headers,
  }
  return new Promise<{ status: number; code: unknown; text: string }>((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', method, path, headers: all }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
      response.on('end', () => {
        const isJson = response.headers['content-type']?.includes('json')
        resolve({
          status: response.statusCode!,
          code: isJson ? (JSON.parse(text) as { code?: unknown }).code : undefined,
          text,
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(method === 'GET' ? undefined : body)
  })
}

describe('a body in another encoding', () => {
  const text = JSON.stringify({ ...order, addressRef: 'Müllerstraße' })
  it.each<[string, Buffer | string, Record<string, string>, number, string]>([
    ['latin-1', Buffer.from(text, 'latin1'), {}, 400, 'invalid-json'],
    [
      'latin-1, declared',
      Buffer.from(text, 'latin1'),
      { 'content-type': 'application/json; charset=iso-8859-1' },
      415,
      'unsupported-media-type',
    ],
    ['UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le'), {}, 400, 'invalid-json'],
    [
      'UTF-16, declared',
      Buffer.from(text, 'utf16le'),
      { 'content-type': 'application/json; charset=utf-16' },
      415,
      'unsupported-media-type',
    ],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), {}, 400, 'invalid-json'],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), {}, 400, 'invalid-json'],
    ['gzip, declared', gzipSync(text), { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['gzip, undeclared', gzipSync(text), {}, 400, 'invalid-json'],
    ['text declared as gzip', text, { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['an empty charset', text, { 'content-type': 'application/json; charset=' }, 415, 'unsupported-media-type'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported-media-type'],
    ['no content type', text, { 'content-type': '' }, 415, 'unsupported-media-type'],
  ])('%s is refused, and no service is called', async (_, body, headers, status, code) => {
    expect(await send({ body, headers })).toMatchObject({ status, code })
    expect(calls).toEqual([])
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/vnd.shop+json',
  ])('%s is accepted', async (type) => {
    expect((await send({ body: text, headers: { 'content-type': type } })).status).toBe(200)
  })
})

describe('a header that comes twice', () => {
  it.each<[string, string[], number, string | undefined]>([
    ['authorization', ['Bearer x', 'Bearer y'], 401, 'token-invalid'],
    ['idempotency-key', ['key-1', 'key-2'], 400, 'invalid-parameter'],
    ['content-type', ['application/json', 'text/plain'], 415, 'unsupported-media-type'],
    ['content-encoding', ['gzip', 'identity'], 415, 'unsupported-media-type'],
    [
      'traceparent',
      [`00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, `00-${'3'.repeat(32)}-${'4'.repeat(16)}-01`],
      200,
      undefined,
    ],
    ['x-forwarded-for', ['1.1.1.1', '2.2.2.2'], 200, undefined],
    ['x-deadline-ms', ['1', '2'], 200, undefined],
    ['origin', ['https://shop.example.com', 'https://evil.example.com'], 200, undefined],
    ['accept', ['text/html', 'application/json'], 200, undefined],
  ])('%s', async (name, values, status, code) => {
    const answer = await send({ headers: { [name]: values } })
    expect(answer).toMatchObject({ status, code })
    expect(calls).toHaveLength(status === 200 ? 1 : 0)
  })

  it('authorization with two valid tokens is refused or served as one caller', async () => {
    const answer = await send({
      headers: { authorization: [`Bearer ${tokens['customer']}`, `Bearer ${tokens['importer']}`] },
    })
    expect(answer).toMatchObject({ status: 401, code: 'token-invalid' })
  })

  it('content-length makes the request invalid', async () => {
    const answer = await send({ headers: { 'content-length': ['5', '6'] } })
    expect(answer.status).toBe(400)
    expect(calls).toEqual([])
  })
})

describe('a malformed trace header', () => {
  it.each([
    '',
    'hello',
    '00-0-0-00',
    `ff-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    `00-${'0'.repeat(32)}-${'2'.repeat(16)}-01`,
    'x'.repeat(5_000),
    'ünicode',
  ])('"%s" is not passed on, and a new trace begins', async (traceparent) => {
    expect((await send({ headers: { traceparent: Buffer.from(traceparent).toString('latin1') } })).status).toBe(200)
    const staff = {
      authorization: `Bearer ${tokens['admin']}`,
      traceparent: Buffer.from(traceparent).toString('latin1'),
    }
    expect((await send({ path: '/v1/prices', body: JSON.stringify(price), headers: staff })).status).toBe(202)
    const sent = calls.at(-1)!.traceparent
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    expect(sent).not.toContain('0'.repeat(32))
  })
})

describe('a token of the wrong role', () => {
  const bodies = [
    '{',
    '[]',
    '{}',
    'null',
    JSON.stringify({ ...order, discount: 1 }),
    JSON.stringify(price),
    'x'.repeat(2_000_000),
  ]
  it.each(['/v1/products', '/v1/prices', '/v1/stock', '/v1/orders/o-1/retry', '/v1/orders/o-1/close'])(
    'is refused at %s before its body is parsed',
    async (path) => {
      for (const body of bodies) expect(await send({ path, body })).toMatchObject({ status: 403, code: 'forbidden' })
      expect(calls).toEqual([])
    },
  )

  it.each(['/v1/stock/TEA-001', '/v1/deliveries/d-1', '/v1/orders/o-1/saga'])('is refused at %s', async (path) => {
    expect(await send({ method: 'GET', path })).toMatchObject({ status: 403, code: 'forbidden' })
    expect(calls).toEqual([])
  })

  it.each(['customer', 'admin'])(
    'of %s gets the same refusals of bad bodies, and may not place an order for another customer',
    async (role) => {
      const headers = { authorization: `Bearer ${tokens[role]}` }
      for (const [body, code] of [
        ['{', 'invalid-json'],
        ['[]', 'invalid-body'],
        ['{}', 'invalid-body'],
        [JSON.stringify({ ...order, lines: [{ sku: 'TEA-001', quantity: 0 }] }), 'invalid-body'],
        [JSON.stringify({ ...order, discount: 1 }), 'invalid-body'],
        ['x'.repeat(2_000_000), 'body-too-large'],
      ] as const)
        expect(await send({ body, headers })).toMatchObject({ code })
      expect(calls).toEqual([])
    },
  )
})
