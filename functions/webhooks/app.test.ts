/** Webhooks to a real HTTP receiver, on a virtual clock; the library of Standard Webhooks judges their signatures. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { createOutsidePost } from '../../shared/http/outside-post.ts'
import { openReceiver, type Receiver } from '../../shared/http/receiver.testing.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { app } from './app.ts'
import { RETRY_AFTER_SECONDS } from './delivery.ts'
import { webhooks } from './service.ts'

const DAY_MS = 24 * 3_600_000
const orderId = 'o-1'
const placed = { ...ordersContracts.events['order.placed'].example, orderId, customerRef: 'customer-1' }

const refunded = { ...paymentsContracts.events['refund.issued'].example, orderId }

interface Registered {
  readonly endpointId: string
  readonly secret: string
  readonly status: string
  readonly types: readonly string[]
}

let receiver: Receiver
let platform: TestPlatform
let http: ReturnType<typeof serveQueries>
let tried: number
beforeEach(async () => {
  receiver = await openReceiver()
  open()
})
afterEach(() => receiver.close())

function open(targets = 'any', call?: Parameters<typeof testPlatform>[1]): void {
  platform = testPlatform(webhooks, {
    settings: { WEBHOOK_TARGETS: targets },
    postOutside: createOutsidePost(),
    ...call,
  })
  http = serveQueries(app, platform)
  tried = 0
}

async function request(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const answer = await http.request(`/customers/customer-1/webhook-endpoints${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

async function register(given: object = {}, idempotencyKey = 'key-1'): Promise<Registered> {
  const { status, body } = await request('POST', '', { idempotencyKey, body: { url: receiver.url, ...given } })
  expect(status).toBe(201)
  return body as Registered
}

const happen = (type: string, data: object, key = ''): Promise<void> =>
  deliver(app, platform, message(type, data, { version: versionOf(webhooks, type), key, correlationId: orderId }))

/** Advances the clock to each attempt and carries it out, until none is due. */
async function runAttempts(most = Infinity): Promise<void> {
  for (let done = 0; tried < platform.sent.length && done < most; done++) {
    const { envelope, notBeforeMs = 0 } = platform.sent[tried]!
    tried += 1
    platform.advance(Math.max(0, notBeforeMs - platform.now()))
    await deliver(app, platform, envelope)
  }
}

const deliveries = async (endpointId: string): Promise<readonly Record<string, unknown>[]> =>
  ((await request('GET', `/${endpointId}/deliveries`)).body as { deliveries: Record<string, unknown>[] }).deliveries

const listed = async (): Promise<readonly Registered[]> =>
  ((await request('GET', '')).body as { endpoints: Registered[] }).endpoints

describe('an event of an order', () => {
  it('is sent to its customer, signed, with a link to the order', async () => {
    const { endpointId, secret } = await register()
    await happen('order.placed', placed)
    await runAttempts()
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]]
    vi.useFakeTimers({ now: platform.now(), toFake: ['Date'] })
    expect(new Webhook(secret).verify(body, headers)).toEqual({
      type: 'order.placed',
      timestamp: '2026-01-01T00:00:00.000Z',
      data: { orderId, href: '/v1/orders/o-1' },
    })
    vi.useRealTimers()
    expect(await deliveries(endpointId)).toMatchObject([
      { type: 'order.placed', status: 'delivered', attempts: 1, webhookId: headers['webhook-id'] },
    ])
  })

  it('that is delivered again is sent once', async () => {
    await register()
    await happen('order.placed', placed)
    await happen('order.placed', placed)
    // Cloud Tasks takes a name once; the same task may still come twice.
    expect(new Set(platform.sent.map(({ envelope }) => envelope.id)).size).toBe(1)
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
  })

  it('that an endpoint does not take, or of another customer, is not sent', async () => {
    await register({ types: ['order.completed'] })
    await happen('order.placed', placed)
    await happen('order.placed', { ...placed, orderId: 'o-2', customerRef: 'customer-2' }, 'other')
    expect(platform.sent).toEqual([])
    await happen('order.completed', { orderId })
    await runAttempts()
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
      'order.completed',
    ])
  })

  it('whose customer is not known is sent after history was asked, and retried while history does not know it', async () => {
    let timeline: object = { orderId, entries: [] }
    open('any', { call: async () => Response.json(timeline) })
    await register()
    await expect(happen('order.completed', { orderId })).rejects.toThrow('order.placed of o-1 has not arrived yet')
    timeline = { orderId, entries: [], customerRef: 'customer-1' }
    await happen('order.completed', { orderId })
    await happen('refund.issued', refunded)
    expect(platform.calls).toHaveLength(2)
    await runAttempts()
    expect(receiver.received).toHaveLength(2)
  })
})

describe('the customer of an order', () => {
  it('without an endpoint at its placing costs one read and one document, and nothing for further events', async () => {
    const gets = vi.spyOn(platform.documents, 'get')
    const creates = vi.spyOn(platform.documents, 'create')
    await happen('order.placed', placed)
    await happen('order.confirmed', { ...ordersContracts.events['order.confirmed'].example, orderId })
    await happen('order.completed', { orderId })
    expect([gets.mock.calls.length, creates.mock.calls.length]).toEqual([1, 1])
  })

  it('is the same for every instance, whatever is registered in between', async () => {
    await happen('order.placed', placed)
    await register()
    // Another instance of the service, with the same documents.
    await deliver(
      app,
      { ...platform },
      message('order.placed', placed, {
        version: versionOf(webhooks, 'order.placed'),
        key: '',
        correlationId: orderId,
      }),
    )
    await deliver(
      app,
      { ...platform },
      message(
        'order.completed',
        { orderId },
        { version: versionOf(webhooks, 'order.completed'), key: '', correlationId: orderId },
      ),
    )
    expect(platform.sent).toEqual([])
    await happen('order.placed', { ...placed, orderId: 'o-2' }, 'other')
    expect(platform.sent).toHaveLength(1)
  })
})

describe('a receiver that fails', () => {
  it('gets the webhook again, later each time, with the same id and body, until it takes it', async () => {
    const { endpointId } = await register()
    receiver.answer(500)
    await happen('order.placed', placed)
    await runAttempts(3)
    expect(await deliveries(endpointId)).toMatchObject([{ status: 'waiting', attempts: 3, lastFailure: 'HTTP 500' }])
    receiver.answer(200)
    await runAttempts()
    expect(await deliveries(endpointId)).toMatchObject([{ status: 'delivered', attempts: 4 }])
    const waits = platform.sent.slice(1).map(({ notBeforeMs }) => notBeforeMs!)
    const start = Date.parse('2026-01-01T00:00:00Z')
    expect(waits).toEqual([5, 305, 2_105].map((seconds) => start + seconds * 1_000))
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(await listed()).toMatchObject([{ status: 'enabled' }])
    expect((await listed())[0]).not.toHaveProperty('failingSince')
  })

  it('for three days is disabled; further events are kept, and a replay sends all of them', async () => {
    const { endpointId } = await register()
    receiver.answer(503)
    await happen('order.placed', placed)
    await runAttempts()
    expect(platform.now() - Date.parse('2026-01-01T00:00:00Z')).toBeGreaterThan(3 * DAY_MS)
    expect(receiver.received).toHaveLength(RETRY_AFTER_SECONDS.length + 1)
    expect(await listed()).toMatchObject([{ status: 'disabled' }])
    expect(platform.logs.map(({ event }) => event)).toContain('webhook.disabled')
    await happen('order.completed', { orderId })
    await runAttempts()
    expect(receiver.received).toHaveLength(RETRY_AFTER_SECONDS.length + 1)

    receiver.answer(200)
    receiver.received.length = 0
    const since = '2026-01-01T00:00:00Z'
    expect(await request('POST', `/${endpointId}/replay`, { since })).toEqual({
      status: 200,
      body: { replayed: 2, more: false },
    })
    await runAttempts()
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type).toSorted()).toEqual([
      'order.completed',
      'order.placed',
    ])
    expect(await listed()).toMatchObject([{ status: 'enabled' }])
    expect((await deliveries(endpointId)).map(({ status }) => status)).toEqual(['delivered', 'delivered'])
  })

  it('with 410 is disabled at once, and gets no other attempt', async () => {
    await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
    expect(await listed()).toMatchObject([{ status: 'disabled' }])
  })

  it('does not disable the endpoint if it takes others in between', async () => {
    await register()
    for (let day = 0; day < 5; day++) {
      receiver.answer(500)
      await happen('order.placed', { ...placed, orderId: `o-${day}` }, `${day}`)
      await runAttempts(1)
      receiver.answer(200)
      await happen('order.placed', { ...placed, orderId: `o-${day}-b` }, `${day}b`)
      platform.advance(DAY_MS)
      await runAttempts()
    }
    expect(await listed()).toMatchObject([{ status: 'enabled' }])
  })
})

describe('an endpoint', () => {
  it('is the same for the same key, and the key stands for no other', async () => {
    const first = await register()
    expect(await register()).toEqual(first)
    expect(await request('POST', '', { idempotencyKey: 'key-1', body: { url: `${receiver.url}/2` } })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    })
    expect(first.secret).toMatch(/^whsec_[\w+/]{43}=$/)
    expect(JSON.stringify(await listed())).not.toContain('whsec_')
  })

  it('is one of five at most', async () => {
    for (let key = 1; key <= 5; key++) await register({}, `key-${key}`)
    const sixth = await request('POST', '', { idempotencyKey: 'key-6', body: { url: receiver.url } })
    expect(sixth).toMatchObject({ status: 409, body: { code: 'too-many-webhooks' } })
  })

  it.each([
    ['http://example.com/', 'begins with https://'],
    ['https://127.0.0.1/', 'is reachable from the internet'],
    ['https://metadata.google.internal/computeMetadata/v1/', 'is reachable from the internet'],
  ])('at %s is refused where only public targets are allowed', async (url, fault) => {
    open('public')
    const { status, body } = await request('POST', '', { idempotencyKey: 'key-1', body: { url } })
    expect([status, body]).toMatchObject([
      422,
      { code: 'webhook-url-refused', detail: `Give an address that ${fault}.` },
    ])
  })

  it('has the signatures of both secrets for a day after a rotation, and a repeated rotation is the same', async () => {
    const { endpointId, secret: former } = await register()
    const rotate = async (): Promise<string> =>
      ((await request('POST', `/${endpointId}/secret`, { idempotencyKey: 'key-2' })).body as Registered).secret
    const secret = await rotate()
    expect(await rotate()).toBe(secret)
    expect(secret).not.toBe(former)
    await happen('order.placed', placed)
    await runAttempts()
    platform.advance(DAY_MS + 1)
    await happen('order.completed', { orderId })
    await runAttempts()
    const signatures = receiver.received.map(({ headers }) => headers['webhook-signature']!.split(' ').length)
    expect(signatures).toEqual([2, 1])
  })

  it('has a new secret by the key of its registration too, and a late repetition of a rotation makes none', async () => {
    const { endpointId, secret: first } = await register()
    const rotate = async (idempotencyKey: string): Promise<string> =>
      ((await request('POST', `/${endpointId}/secret`, { idempotencyKey })).body as Registered).secret
    const second = await rotate('key-1')
    expect(second).not.toBe(first)
    const third = await rotate('key-2')
    expect(await rotate('key-1')).toBe(third)
  })

  it('that is deleted gets nothing more, and is not found', async () => {
    const { endpointId } = await register()
    receiver.answer(500)
    await happen('order.placed', placed)
    await runAttempts(1)
    expect((await request('DELETE', `/${endpointId}`)).status).toBe(204)
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
    for (const [method, path, body] of [
      ['DELETE', '', undefined],
      ['GET', '/deliveries', undefined],
      ['POST', '/replay', { since: '2026-01-01T00:00:00Z' }],
      ['POST', '/secret', { idempotencyKey: 'key-2' }],
    ] as const)
      expect(await request(method, `/${endpointId}${path}`, body)).toMatchObject({ status: 404 })
  })

  it('of another customer is not found', async () => {
    const { endpointId } = await register()
    const { status } = await http.request(`/customers/customer-2/webhook-endpoints/${endpointId}`, { method: 'DELETE' })
    expect(status).toBe(404)
    expect(await listed()).toHaveLength(1)
  })
})

it('a replay whose task comes before it is recorded is retried', async () => {
  const { endpointId } = await register()
  receiver.answer(410)
  await happen('order.placed', placed)
  await runAttempts()
  const [first] = platform.sent
  const early = { ...first!.envelope, data: { ...(first!.envelope.data as object), round: 2, attempt: 1 } }
  await expect(deliver(app, platform, early)).rejects.toThrow('is not recorded yet')
  receiver.answer(200)
  await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
  await runAttempts()
  expect((await deliveries(endpointId))[0]).toMatchObject({ status: 'delivered', attempts: 1 })
})

it('two replays at once leave no delivery that waits for a task which has come', async () => {
  const { endpointId } = await register()
  receiver.answer(410)
  await happen('order.placed', placed)
  await runAttempts()
  receiver.answer(200)
  const replay = () => request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
  // The second has found the delivery failed, and goes on when the first has begun it and its task has come.
  const { query } = platform.documents
  platform.documents.query = async (wanted) => {
    const page = await query(wanted)
    platform.documents.query = query
    await replay()
    await runAttempts()
    return page
  }
  await replay()
  expect((await deliveries(endpointId))[0]).toMatchObject({ status: 'delivered', attempts: 1 })
})

it('a replay begins several deliveries at once, and each of them', async () => {
  const { endpointId } = await register()
  receiver.answer(410)
  for (let at = 0; at < 25; at++) await happen('order.placed', { ...placed, orderId: `o-${at}` }, `${at}`)
  await runAttempts()
  const { update } = platform.documents
  let running = 0
  let most = 0
  platform.documents.update = async (...parameters) => {
    most = Math.max(most, ++running)
    await update(...parameters)
    running -= 1
  }
  const { body } = await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
  expect(body).toEqual({ replayed: 25, more: false })
  expect(most).toBe(10)
  receiver.answer(200)
  await runAttempts()
  expect(new Set((await deliveries(endpointId)).map(({ status }) => status))).toEqual(new Set(['delivered']))
})
