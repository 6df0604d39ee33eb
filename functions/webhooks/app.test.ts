/** Webhooks to a real HTTP receiver, on a virtual clock; the library of Standard Webhooks judges their signatures. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { createOutsidePost } from '../../shared/http/outside-post.ts'
import { openReceiver, type Receiver } from '../../shared/http/receiver.testing.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import type { OutsideAnswer, OutsidePost } from '../../shared/service/outside-target.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { app } from './app.ts'
import { verificationBody, webhookBody, webhookTypes } from './contracts.ts'
import { bodyOf, RETRY_AFTER_SECONDS } from './delivery.ts'
import { type Customer, deleted, registered, rotated } from './endpoint.ts'
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

async function registerOnly(given: object = {}, idempotencyKey = 'key-1'): Promise<Registered> {
  const { status, body } = await request('POST', '', { idempotencyKey, body: { url: receiver.url, ...given } })
  expect(status).toBe(201)
  return body as Registered
}

const verify = (endpointId: string) => request('POST', `/${endpointId}/verification`)

async function register(given: object = {}, idempotencyKey = 'key-1'): Promise<Registered> {
  const registered = await registerOnly(given, idempotencyKey)
  const { status, body } = await verify(registered.endpointId)
  expect([status, body]).toMatchObject([200, { status: 'enabled' }])
  return registered
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
  ((await request('GET', `/${endpointId}/deliveries?limit=100`)).body as { deliveries: Record<string, unknown>[] })
    .deliveries

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

  it.each(webhookTypes)('%s has the body that is described', (type) => {
    const sent: unknown = JSON.parse(bodyOf(type, '2026-01-01T00:00:00.000Z', orderId))
    expect(webhookBody(type).parse(sent)).toEqual(sent)
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

  it('from before the verification of an endpoint is not sent there, also if it is published again', async () => {
    const { endpointId } = await register()
    const confirmed = { ...ordersContracts.events['order.confirmed'].example, orderId }
    await happen('order.placed', placed)
    await runAttempts()
    platform.advance(60_000)
    const other = await registerOnly({}, 'key-2')
    await happen('order.confirmed', confirmed)
    await runAttempts()
    platform.advance(60_000)
    await verify(other.endpointId)
    receiver.received.length = 0
    await happen('order.placed', placed)
    await happen('order.confirmed', confirmed)
    await runAttempts()
    expect(receiver.received).toEqual([])
    const now = new Date(platform.now()).toISOString()
    const completed = message(
      'order.completed',
      { orderId },
      { version: versionOf(webhooks, 'order.completed'), correlationId: orderId },
    )
    await deliver(app, platform, { ...completed, time: now })
    await runAttempts()
    expect(receiver.received).toHaveLength(2)
    const typesOf = async (id: string) => (await deliveries(id)).map(({ type }) => String(type)).toSorted()
    expect(await typesOf(endpointId)).toEqual(['order.completed', 'order.confirmed', 'order.placed'])
    expect(await typesOf(other.endpointId)).toEqual(['order.completed'])
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
    const times = receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']) - start / 1_000)
    expect(times).toEqual([0, 5, 305, 2_105])
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
    const disabledAt = new Date(platform.now()).toISOString()
    const about = { disabledAt, failingSince: '2026-01-01T00:00:00.000Z' }
    expect(await listed()).toMatchObject([{ status: 'disabled', disabledBecause: 'failing', ...about }])
    expect(platform.published).toMatchObject([
      {
        type: 'webhook.disabled',
        sequence: 1,
        data: { endpointId, customerRef: 'customer-1', reason: 'failing', ...about },
      },
    ])
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
    const [working] = await listed()
    expect(working).toMatchObject({ status: 'enabled' })
    expect(Object.keys(working!)).not.toContain('disabledAt')
    expect((await deliveries(endpointId)).map(({ status }) => status)).toEqual(['delivered', 'delivered'])
  })

  it('does not fail since a former failure if an attempt succeeded and the instance ended before it was recorded', async () => {
    const { endpointId } = await register()
    receiver.answer(500)
    await happen('order.placed', placed)
    await runAttempts(1)
    receiver.answer(204)
    const [, { envelope }] = platform.sent as [unknown, (typeof platform.sent)[number]]
    const { update } = platform.documents
    // Of the customer, and of the delivery.
    for (const written of [0, 1]) {
      let left = written
      platform.documents.update = (...parameters) =>
        left-- > 0 ? update(...parameters) : Promise.reject(new Error('The instance ended.'))
      await expect(deliver(app, platform, envelope)).rejects.toThrow('The instance ended.')
    }
    platform.documents.update = update
    await deliver(app, platform, envelope)
    expect(await deliveries(endpointId)).toMatchObject([{ status: 'delivered', attempts: 2 }])
    expect((await listed())[0]).not.toHaveProperty('failingSince')
  })

  it('gets an attempt once if its task comes twice, and again if the next one could not be sent', async () => {
    await register()
    receiver.answer(500)
    await happen('order.placed', placed)
    const { envelope } = platform.sent[0]!
    platform.fail('send')
    await expect(deliver(app, platform, envelope)).rejects.toThrow()
    for (const _ of [1, 2]) await deliver(app, platform, envelope)
    expect(receiver.received).toHaveLength(2)
    expect(platform.sent).toHaveLength(2)
  })

  it.each([
    ['120', 120],
    ['Thu, 01 Jan 2026 01:00:00 GMT', 3_600],
    ['2', 5],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 5],
    ['soon', 5],
    ['-3', 5],
    ['999999999', 86_400],
  ])('with Retry-After %s gets the next attempt after %i s', async (value, seconds) => {
    await register()
    receiver.answer(429, { 'retry-after': value })
    await happen('order.placed', placed)
    await runAttempts(1)
    expect(platform.sent[1]!.notBeforeMs).toBe(platform.now() + seconds * 1_000)
  })

  it('has three days again after a replay', async () => {
    const { endpointId } = await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await runAttempts()
    platform.advance(4 * DAY_MS)
    receiver.answer(500)
    await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
    await runAttempts(1)
    expect(await listed()).toMatchObject([{ status: 'enabled', failingSince: '2026-01-05T00:00:00.000Z' }])
  })

  it('with 410 is disabled at once, and gets no other attempt', async () => {
    await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
    expect(await listed()).toMatchObject([{ status: 'disabled', disabledBecause: 'gone' }])
  })

  it('and is disabled gets by a replay since then all that failed, also what had happened before', async () => {
    const { endpointId } = await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await happen('order.placed', { ...placed, orderId: 'o-2' }, 'o-2')
    platform.advance(1_000)
    await runAttempts()
    const [{ disabledAt: since }] = (await listed()) as unknown as [{ disabledAt: string }]
    receiver.answer(200)
    receiver.received.length = 0
    expect(await request('POST', `/${endpointId}/replay`, { since })).toMatchObject({
      body: { replayed: 2, more: false },
    })
    platform.advance(1_000)
    await runAttempts()
    expect(receiver.received).toHaveLength(2)
  })

  it('gets by a replay what failed before the time of failures was recorded', async () => {
    const { endpointId } = await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    const { update } = platform.documents
    platform.documents.update = (path, change) =>
      update(path, (stored) => {
        const next = change(stored)
        if (!next) return undefined
        const { failedAt: _, ...former } = next
        return former
      })
    await runAttempts()
    const since = '2026-01-01T00:00:00Z'
    expect(await request('POST', `/${endpointId}/replay`, { since })).toMatchObject({
      body: { replayed: 1, more: false },
    })
  })

  it('and is disabled between two attempts at an event of which the first made no task leaves none that waits for ever', async () => {
    const { endpointId } = await register()
    await happen('order.placed', { ...placed, orderId: 'o-2' }, 'o-2')
    const [gone] = platform.sent
    platform.fail('send')
    await expect(happen('order.placed', placed)).rejects.toThrow()
    receiver.answer(410)
    await deliver(app, platform, gone!.envelope)
    await happen('order.placed', placed)
    await runAttempts()
    expect((await deliveries(endpointId)).map(({ status }) => status)).toEqual(['failed', 'failed'])
  })

  it('and is disabled is published once each time, also after a crash in between, and if others fail beside it', async () => {
    const { endpointId } = await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await happen('order.placed', { ...placed, orderId: 'o-2' }, 'o-2')
    const [first, second] = platform.sent.map(({ envelope }) => envelope)
    platform.fail('publish')
    await expect(deliver(app, platform, first!)).rejects.toThrow()
    expect([platform.published, (await listed())[0]!.status]).toEqual([[], 'disabled'])
    for (const one of [first!, second!]) await deliver(app, platform, one)
    const ids = () => new Set(platform.published.map(({ id }) => id))
    expect(ids().size).toBe(1)
    tried = platform.sent.length
    await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
    platform.advance(1_000)
    await runAttempts()
    expect(ids().size).toBe(2)
    expect(platform.published.at(-1)).toMatchObject({ sequence: 2, data: { reason: 'gone' } })
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

describe('the verification of an endpoint', () => {
  it('is a signed challenge that it returns; before it gets nothing, also by a replay', async () => {
    const { endpointId, secret } = await registerOnly()
    expect(await listed()).toMatchObject([{ status: 'unverified' }])
    await happen('order.placed', placed)
    expect(await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })).toMatchObject({
      status: 409,
      body: { code: 'webhook-unverified' },
    })
    expect([platform.sent, receiver.received, receiver.challenges]).toEqual([[], [], []])

    expect(await verify(endpointId)).toMatchObject({ status: 200, body: { endpointId, status: 'enabled' } })
    const [{ headers, body }] = receiver.challenges as [Receiver['received'][number]]
    vi.useFakeTimers({ now: platform.now(), toFake: ['Date'] })
    expect(verificationBody.strict().parse(new Webhook(secret).verify(body, headers))).toMatchObject({
      type: 'endpoint.verification',
    })
    vi.useRealTimers()
    expect(await verify(endpointId)).toMatchObject({ status: 200 })
    expect(receiver.challenges).toHaveLength(1)
    await happen('order.completed', { orderId })
    await runAttempts()
    // A replay finds no more either: of the time before nothing is kept.
    expect(await deliveries(endpointId)).toMatchObject([{ type: 'order.completed', status: 'delivered' }])
    expect(receiver.received).toHaveLength(1)
  })

  it.each<[string, (body: string) => OutsideAnswer, string]>([
    ['all that it got', (body) => ({ status: 200, text: body }), 'its answer is not the challenge'],
    ['no text', () => ({ status: 204, text: '' }), 'its answer is not the challenge'],
    ['the challenge with a redirect', (body) => ({ status: 302, text: challengeIn(body) }), 'HTTP 302'],
    ['nothing', () => ({ failure: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ])('fails if it returns %s, and says why', async (_title, answer, reason) => {
    open('any', { postOutside: async (_url, { body }) => answer(body) })
    const { endpointId } = await registerOnly()
    expect(await verify(endpointId)).toMatchObject({
      status: 409,
      body: { code: 'webhook-unverified', detail: `The endpoint is not verified: ${reason}.` },
    })
    expect(await listed()).toMatchObject([{ status: 'unverified' }])
  })

  it('ends before the gateway stops waiting, and reads no more than a challenge', async () => {
    let limits: object = {}
    open('any', { postOutside: async (_url, given) => ((limits = given), { failure: 'ECONNREFUSED' }) })
    await verify((await registerOnly()).endpointId)
    expect(limits).toMatchObject({ timeoutMs: 3_000, answerBytes: 100 })
  })

  it('posts one challenge at a time', async () => {
    const answer = Promise.withResolvers<OutsideAnswer>()
    open('any', { postOutside: () => answer.promise })
    const { endpointId } = await registerOnly()
    const first = verify(endpointId)
    expect(await verify(endpointId)).toMatchObject({ status: 409, body: { code: 'webhook-unverified' } })
    answer.resolve({ failure: 'ECONNREFUSED' })
    expect(await first).toMatchObject({ status: 409 })
  })

  it('of a name that leads to a private address fails, and so does a webhook whose name leads there later', async () => {
    let post: OutsidePost = createOutsidePost({ addressesOf: async () => ['10.0.0.1'] })
    open('public', { postOutside: (url, given) => post(url, given) })
    const { endpointId } = await registerOnly({ url: 'https://receiver.test/hooks' })
    const lastFailure = 'refused: the name leads to an address that is not public'
    expect(await verify(endpointId)).toMatchObject({
      status: 409,
      body: { detail: `The endpoint is not verified: ${lastFailure}.` },
    })
    post = async (_url, { body }) => ({ status: 200, text: challengeIn(body) })
    expect(await verify(endpointId)).toMatchObject({ status: 200 })
    post = createOutsidePost({ addressesOf: async () => ['169.254.169.254'] })
    await happen('order.placed', placed)
    await runAttempts(1)
    expect(await deliveries(endpointId)).toMatchObject([{ status: 'waiting', attempts: 1, lastFailure }])
  })
})

const challengeIn = (body: string): string => (JSON.parse(body) as { data: { challenge: string } }).data.challenge

/** Answers challenges, and all else when the test says so. */
function openHeldPosts(): {
  readonly postOutside: OutsidePost
  readonly open: Map<string, PromiseWithResolvers<OutsideAnswer>[]>
  /** The time of each, in milliseconds; undefined: the usual one. */
  readonly times: (number | undefined)[]
} {
  const held = new Map<string, PromiseWithResolvers<OutsideAnswer>[]>()
  const times: (number | undefined)[] = []
  return {
    open: held,
    times,
    postOutside(url, { body, answerBytes, timeoutMs }) {
      if (answerBytes !== undefined) return Promise.resolve({ status: 200, text: challengeIn(body) })
      const answer = Promise.withResolvers<OutsideAnswer>()
      times.push(timeoutMs)
      held.set(url, [...(held.get(url) ?? []), answer])
      return answer.promise
    },
  }
}

describe('attempts beside each other', () => {
  const slow = 'https://slow.test/'
  const quick = 'https://quick.test/'
  /** Begins the attempts that were sent and have not begun. */
  function beginAttempts(): Promise<void>[] {
    const fresh = platform.sent.slice(tried).map(({ envelope }) => deliver(app, platform, envelope))
    tried = platform.sent.length
    return fresh
  }
  const placeMany = async (count: number, prefix = 'o'): Promise<void> => {
    for (let at = 0; at < count; at++)
      await happen('order.placed', { ...placed, orderId: `${prefix}-${at}` }, `${prefix}-${at}`)
  }
  const begun = (url: string, count: number) =>
    vi.waitFor(() => expect(posts.open.get(url)).toHaveLength(count), { interval: 1 })
  let posts: ReturnType<typeof openHeldPosts>
  beforeEach(() => {
    posts = openHeldPosts()
    open('any', { postOutside: posts.postOutside })
  })

  it('at an endpoint that hangs are eight, then one; the others come later, and another endpoint waits for none', async () => {
    const { endpointId } = await register({ url: slow, types: ['order.placed'] })
    await register({ url: quick, types: ['order.completed'] }, 'key-2')
    await placeMany(50)
    const hanging = beginAttempts()
    await begun(slow, 8)
    const deferred = platform.sent.slice(50)
    await vi.waitFor(() => expect(platform.sent).toHaveLength(50 + 42), { interval: 1 })
    // It answered its challenge in no time, so it is taken for a quick one.
    for (const { notBeforeMs } of deferred) {
      expect(notBeforeMs! - platform.now()).toBeGreaterThanOrEqual(500)
      expect(notBeforeMs! - platform.now()).toBeLessThanOrEqual(1_000)
    }
    expect(posts.open.get(slow)).toHaveLength(8)

    tried = platform.sent.length
    await happen('order.completed', { orderId: 'o-0' })
    const [arriving] = beginAttempts()
    await begun(quick, 1)
    posts.open.get(quick)![0]!.resolve({ status: 204 })
    await arriving
    for (const { resolve } of posts.open.get(slow)!) resolve({ failure: 'no answer within 10 s' })
    await Promise.all(hanging)

    // The endpoint fails now: of the deferred attempts one is made.
    tried = 50
    const later = platform.sent.slice(50, 92).map(({ envelope }) => deliver(app, platform, envelope))
    await begun(slow, 9)
    await vi.waitFor(() => expect(platform.sent.length).toBeGreaterThanOrEqual(92 + 1 + 8 + 41), { interval: 1 })
    expect(posts.open.get(slow)).toHaveLength(9)
    posts.open.get(slow)![8]!.resolve({ status: 204 })
    await Promise.all(later)
    const attempts = (await deliveries(endpointId)).map((one) => one['attempts'] as number)
    expect(attempts.filter((count) => count === 1)).toHaveLength(9)
    expect(attempts.filter((count) => count === 0)).toHaveLength(41)
    // Cloud Tasks takes a name once: a wait with the name of the attempt would be none.
    expect(new Set(platform.sent.map(({ envelope }) => envelope.id)).size).toBe(platform.sent.length)
  })

  it('at a quick receiver that gives no answer for two seconds end, and are made once more with all of their time', async () => {
    const { endpointId } = await register({ url: slow })
    await placeMany(1)
    const [short] = beginAttempts()
    await begun(slow, 1)
    posts.open.get(slow)![0]!.resolve({ failure: 'no answer within 2 s', isTimeout: true })
    await short
    // It is no attempt, and the endpoint does not fail.
    expect(await deliveries(endpointId)).toMatchObject([{ status: 'waiting', attempts: 0 }])
    expect((await listed())[0]).not.toHaveProperty('failingSince')
    expect(platform.sent.at(-1)!.notBeforeMs! - platform.now()).toBeLessThanOrEqual(1_000)
    // Another webhook arrives meanwhile, so that the receiver is quick again.
    const [again] = platform.sent.slice(tried)
    await placeMany(1, 'other')
    tried += 1
    const [other] = beginAttempts()
    await begun(slow, 2)
    posts.open.get(slow)![1]!.resolve({ status: 204 })
    await other
    const second = deliver(app, platform, again!.envelope)
    await begun(slow, 3)
    posts.open.get(slow)![2]!.resolve({ failure: 'no answer within 10 s', isTimeout: true })
    await second
    expect(posts.times).toEqual([2_000, undefined, undefined])
    const attempts = (await deliveries(endpointId)).map((one) => [one['status'], one['attempts']])
    expect(new Set(attempts.map(String))).toEqual(new Set(['waiting,1', 'delivered,1']))
    expect((await listed())[0]).toHaveProperty('failingSince')
  })

  it('leave no time of failure behind if a later one succeeds, whichever began first', async () => {
    await register({ url: slow })
    await placeMany(2)
    const [first, second] = beginAttempts()
    await begun(slow, 2)
    const [long, short] = posts.open.get(slow)!
    short!.resolve({ status: 500 })
    await second
    expect(await listed()).toMatchObject([{ failingSince: '2026-01-01T00:00:00.000Z' }])
    platform.advance(1_000)
    long!.resolve({ status: 204 })
    await first
    expect((await listed())[0]).not.toHaveProperty('failingSince')
  })

  it('keep the time of a failure that came after a success, whichever is recorded first', async () => {
    await register({ url: slow })
    await placeMany(2)
    const [first, second] = beginAttempts()
    await begun(slow, 2)
    const { update } = platform.documents
    const answered = Promise.withResolvers<void>()
    const recorded = Promise.withResolvers<void>()
    platform.documents.update = async (...parameters) => {
      platform.documents.update = update
      answered.resolve()
      await recorded.promise
      return update(...parameters)
    }
    posts.open.get(slow)![0]!.resolve({ status: 204 })
    await answered.promise
    platform.advance(1_000)
    posts.open.get(slow)![1]!.resolve({ status: 500 })
    await second
    recorded.resolve()
    await first
    expect(await listed()).toMatchObject([{ failingSince: '2026-01-01T00:00:01.000Z' }])
  })
})

describe('an endpoint', () => {
  const at = '2026-01-01T00:00:00.000Z'

  it('is the same for the same key, and the key stands for no other', async () => {
    const first = await registerOnly()
    expect(await registerOnly()).toEqual(first)
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
    const fourth = await rotate('key-3')
    for (const former of ['key-1', 'key-2']) expect(await rotate(former)).toBe(fourth)
    await happen('order.placed', placed)
    await runAttempts()
    const [{ headers }] = receiver.received as [Receiver['received'][number]]
    expect(headers['webhook-signature']!.split(' ')).toHaveLength(2)
  })

  it('remembers a hundred rotations, so that the record of them has an end', () => {
    const customer = registered(
      {},
      { endpointId: 'w', request: { url: 'https://a.test/' }, secret: 's', key: 'k', at },
    )!
    let after = customer
    for (let n = 0; n < 150; n++) after = rotated(after, 'w', { secret: `s-${n}`, key: `k-${n}`, atMs: n }) ?? after
    expect(after.endpoints!['w']!.rotations).toHaveLength(100)
    expect(after.endpoints!['w']!.secrets.map(({ secret }) => secret)).toEqual(['s-149', 's-148'])
    expect(rotated(after, 'w', { secret: 'again', key: 'k-50', atMs: 200 })).toBeUndefined()
  })

  it('that is deleted gets nothing more, and is not found', async () => {
    const { endpointId } = await register()
    receiver.answer(500)
    await happen('order.placed', placed)
    await runAttempts(1)
    expect((await request('DELETE', `/${endpointId}`)).status).toBe(204)
    // The gateway's client may not have received the first answer.
    expect((await request('DELETE', `/${endpointId}`)).status).toBe(204)
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
    for (const [method, path, body] of [
      ['POST', '/verification', undefined],
      ['GET', '/deliveries', undefined],
      ['POST', '/replay', { since: '2026-01-01T00:00:00Z' }],
      ['POST', '/secret', { idempotencyKey: 'key-2' }],
    ] as const)
      expect(await request(method, `/${endpointId}${path}`, body)).toMatchObject({ status: 404 })
  })

  it.each(['before', 'after'])('stays deleted if its registration is repeated %s the deletion', async (when) => {
    const { endpointId, secret } = await registerOnly()
    if (when === 'before') expect(await registerOnly()).toMatchObject({ endpointId, secret })
    await request('DELETE', `/${endpointId}`)
    const again = { idempotencyKey: 'key-1', body: { url: receiver.url } }
    expect(await request('POST', '', again)).toMatchObject({ status: 409, body: { code: 'idempotency-key-reused' } })
    expect(await listed()).toEqual([])
    expect((await register({}, 'key-2')).endpointId).not.toBe(endpointId)
  })

  it('may be deleted a thousand times in 400 days, so that the record of them has an end', async () => {
    const on = (day: number) => new Date(Date.parse(at) + day * DAY_MS).toISOString()
    const registration = (day: number) =>
      ({
        endpointId: `w-${day}`,
        request: { url: 'https://a.test/' },
        secret: 's',
        key: `k-${day}`,
        at: on(day),
      }) as const
    let customer: Customer = { deleted: Object.fromEntries(Array.from({ length: 999 }, (_, n) => [`old-${n}`, on(0)])) }
    customer = deleted(registered(customer, registration(1))!, 'w-1', on(1))!
    expect(() => registered(customer, registration(399))).toThrow('may delete 1000 endpoints in 400 days')
    customer = deleted(registered(customer, registration(400))!, 'w-400', on(400))!
    expect(Object.keys(customer.deleted!)).toEqual(['w-1', 'w-400'])
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

it('a second copy of an attempt that ends after a replay has begun changes nothing of the replay', async () => {
  const posts = openHeldPosts()
  open('any', { postOutside: posts.postOutside })
  const { endpointId } = await register()
  await happen('order.placed', placed)
  const [{ envelope }] = platform.sent as [(typeof platform.sent)[number]]
  // Cloud Tasks may deliver a task twice.
  const copies = [1, 2].map(() => deliver(app, platform, envelope))
  await vi.waitFor(() => expect(posts.open.get(receiver.url)).toHaveLength(2), { interval: 1 })
  const [first, second] = posts.open.get(receiver.url)!
  first!.resolve({ status: 410 })
  await Promise.race(copies)
  tried = platform.sent.length
  await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
  second!.resolve({ status: 410 })
  await Promise.all(copies)
  expect(await deliveries(endpointId)).toMatchObject([{ status: 'waiting', attempts: 0 }])
})

it.each([
  ['one of several', 1, 'waiting'],
  ['the last one', RETRY_AFTER_SECONDS.length + 1, 'failed'],
])('an attempt, %s, of which one copy is refused and the other taken, has arrived', async (_, attempt, before) => {
  const posts = openHeldPosts()
  open('any', { postOutside: posts.postOutside })
  const { endpointId } = await register()
  await happen('order.placed', placed)
  const [{ envelope }] = platform.sent as [(typeof platform.sent)[number]]
  const task = { ...envelope, data: { ...(envelope.data as object), attempt } }
  // Cloud Tasks may deliver a task twice.
  const copies = [1, 2].map(() => deliver(app, platform, task))
  await vi.waitFor(() => expect(posts.open.get(receiver.url)).toHaveLength(2), { interval: 1 })
  const [first, second] = posts.open.get(receiver.url)!
  first!.resolve({ status: 500 })
  await Promise.race(copies)
  expect(await deliveries(endpointId)).toMatchObject([{ status: before, attempts: attempt }])
  const sent = platform.sent.length
  second!.resolve({ status: 200 })
  await Promise.all(copies)
  const taken = { status: 'delivered', attempts: attempt, deliveredAt: expect.any(String) }
  expect(await deliveries(endpointId)).toMatchObject([taken])
  // The next attempt has no work, and a replay finds nothing that failed.
  tried = sent - (before === 'waiting' ? 1 : 0)
  await runAttempts()
  expect(posts.open.get(receiver.url)).toHaveLength(2)
  expect(await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })).toMatchObject({
    body: { replayed: 0 },
  })
  expect(await deliveries(endpointId)).toMatchObject([taken])
})

it('a replay beside an event that found the endpoint disabled leaves it not unsent', async () => {
  for (const isRepeated of [false, true]) {
    open()
    const { endpointId } = await register()
    receiver.answer(410)
    await happen('order.placed', placed)
    await runAttempts()
    receiver.answer(200)
    receiver.received.length = 0
    // The replay enables the endpoint and finds no more, before the delivery of the event is there.
    const { create } = platform.documents
    platform.documents.create = async (...parameters) => {
      platform.documents.create = create
      await request('POST', `/${endpointId}/replay`, { since: '2026-01-02T00:00:00Z' })
      const isNew = await create(...parameters)
      if (isRepeated) throw new Error('The instance ended.')
      return isNew
    }
    const completed = happen('order.completed', { orderId })
    if (isRepeated) {
      await expect(completed).rejects.toThrow('The instance ended.')
      await happen('order.completed', { orderId })
    } else await completed
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
    // Another delivery of the event sends nothing more.
    await happen('order.completed', { orderId })
    await runAttempts()
    expect(receiver.received).toHaveLength(1)
  }
})

it('what failed before the time of the replay that enabled the endpoint is not sent when its event comes again', async () => {
  const { endpointId } = await register()
  receiver.answer(410)
  await happen('order.placed', placed)
  await runAttempts()
  receiver.answer(200)
  receiver.received.length = 0
  const confirmed = { ...ordersContracts.events['order.confirmed'].example, orderId }
  await happen('order.confirmed', confirmed)
  platform.advance(60_000)
  // With an offset, as a client may write it: 00:00:30 UTC.
  await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T09:00:30+09:00' })
  await happen('order.confirmed', confirmed)
  await runAttempts()
  expect(receiver.received).toEqual([])
  // Later events are sent, and by another replay those that it left out.
  await happen('order.completed', { orderId })
  await request('POST', `/${endpointId}/replay`, { since: '2026-01-01T00:00:00Z' })
  await runAttempts()
  expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type).toSorted()).toEqual([
    'order.completed',
    'order.confirmed',
    'order.placed',
  ])
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
