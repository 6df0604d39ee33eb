/**
 * A refused request is refused as well with a second fault: a header twice, a body in
 * another encoding, a malformed trace, a caller of another role. It has the same answer or the one for that other
 * fault, never finds a bug, and writes nothing.
 */

import { serve } from '@hono/node-server'
import { request as openRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import { idToken, pushBody } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testTrace } from '../../shared/runtime/platform.testing.ts'
import { badOrders, line, order, own } from '../support/bad-orders.ts'
import { type Cluster, openCluster } from '../support/in-process-cluster.ts'

type Headers = Readonly<Record<string, string | string[]>>
interface Request {
  readonly service: 'gateway' | 'orders'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Headers
  readonly body: Buffer
}
/** The answer: status, and code if it has one. */
type Bad = readonly [name: string, request: () => Request, answer: string]

let issuer: TestIssuer
let cluster: Cluster
const servers: Server[] = []
const ports: Record<string, number> = {}
const tokens: Record<string, string> = {}
let orderId: string
let otherOrderId: string

beforeAll(async () => {
  issuer = await openIssuer()
  for (const role of ['customer', 'stranger', 'admin', 'importer'])
    tokens[role] = await issuer.token({ sub: role, roles: [role === 'stranger' ? 'customer' : role] })
  tokens['expired'] = await issuer.token({ claims: { exp: 1 } })
  tokens['unsigned'] = `${tokens['customer']!.split('.').slice(0, 2).join('.')}.`
  cluster = await openCluster(issuer.settings)
  for (const service of ['gateway', 'orders']) {
    const server = serve({ fetch: cluster.apps.get(service)!.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    servers.push(server)
    if (!server.listening) await new Promise<void>((resolve) => server.once('listening', resolve))
    ports[service] = (server.address() as AddressInfo).port
  }
  Object.assign(own, await cluster.references('customer'))
  const place = async (headers: () => Headers): Promise<string> => {
    const placed = await send(posted(order(), headers)())
    expect(placed.answer).toBe('201')
    return (JSON.parse(placed.text) as { orderId: string }).orderId
  }
  orderId = await place(used)
  otherOrderId = await place(() => ({ 'idempotency-key': 'another-used-key' }))
  for (const [path, body] of Object.entries(staffRequests)) {
    const existing = path.replace('{orderId}', orderId)
    expect((await send(sentByStaff(() => existing, body)())).answer, path).toBe('202')
  }
})
afterEach(() => expect(cluster.bugs()).toEqual([]))
afterAll(async () => {
  for (const server of servers) server.close()
  issuer?.close()
})

/** Sends by Node's client, which repeats a header whose value is a list. */
function send({ service, method, path, headers, body }: Request): Promise<{ answer: string; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = openRequest({ port: ports[service], host: '127.0.0.1', method, path, headers }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
      response.on('end', () => {
        const isProblem = response.headers['content-type']?.includes('problem+json')
        const code = isProblem ? ` ${(JSON.parse(text) as { code: string }).code}` : ''
        resolve({ answer: `${response.statusCode}${code}`, text })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(method === 'GET' ? undefined : body)
  })
}

const bearer = (who: string): Headers => ({ authorization: `Bearer ${tokens[who]}` })
/** The key of the first order. */
const used = (): Headers => ({ 'idempotency-key': 'the-used-key' })
const json = { 'content-type': 'application/json' }
const posted =
  (body: unknown, headers: () => Headers = () => ({})) =>
  (): Request => ({
    service: 'gateway',
    method: 'POST',
    path: '/v1/orders',
    headers: { ...json, ...bearer('customer'), 'idempotency-key': 'a-key', ...headers() },
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  })
const sentByStaff = (path: () => string, body: object) => (): Request => ({
  ...posted(body, () => ({ ...used(), ...bearer('admin') }))(),
  path: path(),
})
const got = (path: () => string, who: string) => (): Request => ({
  service: 'gateway',
  method: 'GET',
  path: path(),
  headers: bearer(who),
  body: Buffer.of(),
})
const delivered =
  (path: string, body: string, account = path.startsWith('/events') ? 'orders-push' : 'sender') =>
  (): Request => ({
    service: 'orders',
    method: 'POST',
    path,
    headers: { ...json, authorization: idToken('orders', account) },
    body: Buffer.from(body),
  })

const price = { sku: 'TEA-001', unitMinor: 1, currency: 'EUR' }
const changed = (changes: object = {}): object => ({ ...message('price.changed', price), ...changes })
const command = (changes: object = {}): string => JSON.stringify({ ...message('ContinueCheckout', {}), ...changes })

/** Each command was sent once with the used key. */
const staffRequests: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '/v1/products': { sku: 'TEA-009', name: 'Tea', unitMinor: 5, currency: 'EUR' },
  '/v1/prices': { sku: 'TEA-009', unitMinor: 5, currency: 'EUR' },
  '/v1/stock': { lines: [{ sku: 'TEA-001', quantity: 5 }] },
  '/v1/orders/{orderId}/retry': { reason: 'later' },
  '/v1/orders/{orderId}/close': { reason: 'paid by invoice' },
}

const bad: readonly Bad[] = [
  ...badOrders.map(([name, body, status, code]): Bad => [
    name,
    posted(body, () => ({ 'idempotency-key': 'another' })),
    `${status} ${code}`,
  ]),
  ['more than 1 MiB', posted('a'.repeat(1_100_000)), '413 body-too-large'],
  ['invalid JSON', posted('{"currency": "EUR", "lines": ['), '400 invalid-json'],
  ['nothing', posted(''), '400 invalid-json'],
  ['a list', posted([]), '422 invalid-body'],
  [
    'a form',
    posted('a=b', () => ({ 'content-type': 'application/x-www-form-urlencoded' })),
    '415 unsupported-media-type',
  ],
  ['no token', posted(order(), () => ({ authorization: '' })), '401 token-missing'],
  ['an expired token', posted(order(), () => bearer('expired')), '401 token-expired'],
  ['an unsigned token', posted(order(), () => bearer('unsigned')), '401 token-invalid'],
  ['no token at all', posted(order(), () => ({ authorization: 'Basic abc' })), '401 token-invalid'],
  ['a key that was used', posted(line({ quantity: 3 }), used), '409 idempotency-key-reused'],
  ...Object.entries({
    '/v1/products': { ...staffRequests['/v1/products'], unitMinor: 6 },
    '/v1/prices': { ...staffRequests['/v1/prices'], sku: 'TEA-010' },
    '/v1/stock': { lines: [{ sku: 'TEA-001', quantity: 6 }] },
    // Of the other order.
    '/v1/orders/{orderId}/retry': staffRequests['/v1/orders/{orderId}/retry']!,
    '/v1/orders/{orderId}/close': staffRequests['/v1/orders/{orderId}/close']!,
  }).map(([path, body]): Bad => [
    `a key that was used at ${path}`,
    sentByStaff(() => path.replace('{orderId}', otherOrderId), body),
    '409 idempotency-key-reused',
  ]),
  ['a key with a space', posted(order(), () => ({ 'idempotency-key': 'a key' })), '400 invalid-parameter'],
  ["another customer's order", got(() => `/v1/orders/${orderId}`, 'stranger'), '404 not-found'],
  ["another customer's saga", got(() => `/v1/orders/${orderId}/saga`, 'customer'), '403 forbidden'],
  ['a push that is not JSON', delivered('/events/price.changed', 'hello'), '204'],
  ['a push without a message', delivered('/events/price.changed', '{}'), '204'],
  ['an event without an envelope', delivered('/events/price.changed', pushBody({ hello: 'world' })), '204'],
  ['an event of another type', delivered('/events/price.changed', pushBody(changed({ type: 'price.x' }))), '204'],
  [
    'an event of a later version',
    delivered('/events/price.changed', pushBody(changed({ version: 99, sequence: 0 }))),
    '204',
  ],
  [
    'an event that breaks its contract',
    delivered('/events/price.changed', pushBody(changed({ data: { ...price, unitMinor: -1 } }))),
    '204',
  ],
  ['an unknown event', delivered('/events/price.invented', pushBody(changed())), '403 caller-not-allowed'],
  ['an unknown command', delivered('/commands/ShredOrder', command({ type: 'ShredOrder' })), '503'],
  ['a command without an envelope', delivered('/commands/ContinueCheckout', '{"orderId":"o-1"}'), '503'],
  ['a command that is not JSON', delivered('/commands/ContinueCheckout', 'continue'), '503'],
  ['a command that breaks its contract', delivered('/commands/ContinueCheckout', command()), '503'],
]

/** Additional faults, with the answers that they allow. */
type Variant = readonly [name: string, change: (request: Request) => Request | undefined, own: readonly string[]]

const withHeaders =
  (headers: (request: Request) => Headers) =>
  (request: Request): Request => ({ ...request, headers: { ...request.headers, ...headers(request) } })
const twice = (name: string, usual: string, own: readonly string[] = []): Variant => [
  `${name} twice`,
  withHeaders(({ headers }) => ({ [name]: [String(headers[name] ?? usual), usual] })),
  own,
]
const encoded = (name: string, body: (text: Buffer) => Buffer, headers: Headers, own: readonly string[]): Variant => [
  name,
  (request) =>
    request.method === 'GET'
      ? undefined
      : { ...request, body: body(request.body), headers: { ...request.headers, ...headers } },
  own,
]
const traced = (header: string, name: string, value: string | string[]): Variant => [
  `${header}: ${name}`,
  withHeaders(() => ({ [header]: value })),
  [],
]
/** Wrong callers: staff who order, accounts without the permission to deliver; not combined with a fault of the caller. */
const by = (who: string): Variant => [
  `by ${who}`,
  (request) => {
    const { service, headers } = request
    if (service === 'orders') return withHeaders(() => ({ authorization: idToken('orders', who) }))(request)
    const isFromCustomer = headers['authorization'] === bearer('customer')['authorization']
    const isOfOrder = request.method === 'POST' && headers['idempotency-key'] !== used()['idempotency-key']
    return isFromCustomer && isOfOrder ? withHeaders(() => bearer(who))(request) : undefined
  },
  ['403 caller-not-allowed'],
]

const noType = '415 unsupported-media-type'
const noJson = '400 invalid-json'
const variants: readonly Variant[] = [
  by('admin'),
  twice('authorization', 'Bearer x', ['401 token-invalid', '401 token-missing']),
  twice('idempotency-key', 'another-key', ['400 invalid-parameter']),
  twice('content-type', 'application/json', [noType]),
  twice('content-encoding', 'identity', [noType]),
  twice('accept', 'application/json'),
  twice('origin', 'https://evil.example.com'),
  twice('x-forwarded-for', '198.51.100.1'),
  twice('x-deadline-ms', '20000'),
  twice('traceparent', testTrace),
  twice('x-millrace-traceparent', testTrace),
  twice('x-cloudtasks-taskname', 'task-1'),
  twice('x-cloudtasks-taskretrycount', '1'),
  [
    'content-length twice',
    (request) => ({ ...request, headers: { ...request.headers, 'content-length': ['5', '6'] }, body: Buffer.of() }),
    ['400'],
  ],
  encoded('latin-1, and says so', (text) => text, { 'content-type': 'application/json; charset=iso-8859-1' }, [noType]),
  encoded('UTF-16', (text) => Buffer.from(`\uFEFF${text.toString()}`, 'utf16le'), {}, [noJson, '413 body-too-large']),
  encoded('bytes that are no text', (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), text]), {}, [noJson]),
  encoded('gzip', (text) => gzipSync(text), {}, [noJson]),
  encoded('gzip, and says so', (text) => gzipSync(text), { 'content-encoding': 'gzip' }, [noType]),
  encoded('a charset that it has not', (text) => text, { 'content-type': 'application/json; charset=utf-16' }, [
    noType,
  ]),
  ...['traceparent', 'x-millrace-traceparent'].flatMap((header) => [
    traced(header, 'empty', ''),
    traced(header, 'a word', 'hello'),
    traced(header, 'zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`),
    traced(header, 'very long', '0'.repeat(5_000)),
    traced(header, 'no ASCII', Buffer.from('ünicode').toString('latin1')),
  ]),
]

/** All stored documents and sent messages of a service, except dead letters. */
const written = (): string =>
  JSON.stringify(
    [...cluster.platforms].map(([name, { commitsByStream, storedDocuments, sent, published }]) => [
      name,
      [...commitsByStream()],
      [...storedDocuments()],
      sent,
      published,
    ]),
  )
const staffPaths = Object.values(gatewayApp.publicApi!.operations)
  .filter(({ method, access }) => method === 'post' && ['support', 'warehouse', 'admin'].includes(access))
  .map(({ path }) => path.replace('{orderId}', 'o-1'))
const deadLetters = (): number => [...cluster.platforms.values()].reduce((sum, one) => sum + one.deadLetters.length, 0)

async function refused(name: string, request: Request, answers: readonly string[]): Promise<void> {
  const [before, lettersBefore] = [written(), deadLetters()]
  const { answer, text } = await send(request)
  expect(answers, `${name}: ${text}`).toContain(answer)
  expect(written(), name).toBe(before)
  // An acknowledged bad message must be in the dead letters.
  expect(deadLetters() - lettersBefore, name).toBe(answer === '204' ? 1 : 0)
}

describe('with any additional fault,', () => {
  it.each(bad)('%s is refused', async (_, request, answer) => {
    await refused('as it is', request(), [answer])
    for (const [name, change, own] of variants) {
      const changed = change(request())
      if (changed) await refused(name, changed, [answer, ...own])
    }
  })

  it.each(staffPaths)('every body at %s is refused for a customer', async (path) => {
    for (const [name, request] of bad) {
      const one = withHeaders(() => bearer('customer'))(request())
      if (one.service === 'gateway') await refused(name, { ...one, method: 'POST', path }, ['403 forbidden'])
    }
  })
})
