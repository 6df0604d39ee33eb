import { describe, expect, it } from 'vitest'
import type { Send } from '../../core/send.ts'
import {
  fakeCloud,
  publishText,
  SUBSCRIPTION,
  TOPIC,
  withSubscription,
  type FakeCloud,
  seconds,
} from '../fake-cloud.testing.ts'

const ENDPOINT = 'https://hall.example/events/seat.sold'
const pushTo = (more: object = {}) => ({ pushConfig: { pushEndpoint: ENDPOINT, ...more } })

interface Seen {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeMs: number
}

/** An endpoint that answers with these statuses in turn, and then always with the last one; 0 never answers. */
function endpoint(...statuses: number[]) {
  const seen: Seen[] = []
  const state = { cloud: undefined as FakeCloud | undefined, open: 0, maxOpen: 0 }
  const fetcher: Send = async (url, { headers, body = '', signal }) => {
    seen.push({
      url,
      headers,
      body: Buffer.from(body).toString(),
      timeMs: state.cloud!.clock.now(),
    })
    const status = statuses.length > 1 ? statuses.shift()! : statuses[0]!
    state.maxOpen = Math.max(state.maxOpen, ++state.open)
    try {
      if (status === 0)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      await new Promise((resolve) => setImmediate(resolve))
      return new Response(null, { status })
    } finally {
      state.open--
    }
  }
  const cloud = fakeCloud({ fetch: fetcher, onDisk: true })
  state.cloud = cloud
  return { cloud, seen, state }
}

describe('push', () => {
  it("sends Google's wrapper once, with a token for the endpoint, and logs the request", async () => {
    const { cloud, seen } = endpoint(204)
    const email = 'hall-push@p.iam.gserviceaccount.com'
    withSubscription(cloud, pushTo({ oidcToken: { serviceAccountEmail: email } }))
    const id = publishText(cloud, '{"a":1}', { attributes: { type: 'seat.sold' }, orderingKey: 'o1' })
    await cloud.clock.advance(60_000)
    expect(seen).toHaveLength(1)
    expect(seen[0]!.url).toBe(ENDPOINT)
    expect(seen[0]!.headers).toMatchObject({
      authorization: `Bearer token-of-${email}-for-${ENDPOINT}`,
      'content-type': 'application/json',
    })
    expect(JSON.parse(seen[0]!.body)).toEqual({
      message: {
        attributes: { type: 'seat.sold' },
        data: Buffer.from('{"a":1}').toString('base64'),
        messageId: id,
        message_id: id,
        orderingKey: 'o1',
        publishTime: '2026-01-01T00:00:00.000Z',
        publish_time: '2026-01-01T00:00:00.000Z',
      },
      subscription: SUBSCRIPTION,
    })
    expect(cloud.requests).toEqual([
      expect.objectContaining({
        kind: 'push',
        resource: SUBSCRIPTION,
        target: ENDPOINT,
        status: 204,
        email,
        attempt: 1,
        messageId: id,
      }),
    ])
    expect(cloud.core.retainedMessageCount()).toBe(0)
    expect(cloud.counts.get('pubsub.deliveryBytes')).toBe(1000)
  })

  it('lists the work that waits: how much, since when, until when, and why the last attempt failed', async () => {
    const { cloud } = endpoint(503, 503, 204)
    const startMs = cloud.clock.now()
    withSubscription(cloud, { ...pushTo(), retryPolicy: { minimumBackoff: seconds(10), maximumBackoff: seconds(10) } })
    publishText(cloud, 'a')
    await cloud.clock.settle()
    publishText(cloud, 'b')
    const waiting = { name: SUBSCRIPTION, topic: TOPIC, kind: 'push' }
    expect(cloud.core.backlogs()).toEqual([
      {
        ...waiting,
        waiting: 2,
        oldestMs: startMs,
        nextAttemptMs: startMs + 10_000,
        attempts: 1,
        lastError: 'HTTP status code 503',
      },
    ])
    await cloud.clock.advance(30_000)
    expect(cloud.core.backlogs()).toEqual([{ ...waiting, waiting: 0, attempts: 0 }])
  })

  it('uses the configured audience in its token', async () => {
    const { cloud, seen } = endpoint(200)
    const oidcToken = { serviceAccountEmail: 'a@p', audience: 'https://hall.example' }
    withSubscription(cloud, pushTo({ oidcToken }))
    publishText(cloud, 'a')
    await cloud.clock.settle()
    expect(seen[0]!.headers['authorization']).toBe('Bearer token-of-a@p-for-https://hall.example')
  })

  it.each([102, 200, 201, 202, 204])('counts %i as acknowledged', async (status) => {
    const cloud = fakeCloud({
      fetch: () => Promise.resolve({ status, headers: new Headers() }),
    })
    withSubscription(cloud, pushTo())
    publishText(cloud, 'a')
    await cloud.clock.settle()
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
  })

  it.each([203, 302, 400, 429, 500, 503])('counts %i as a nack', async (status) => {
    const { cloud, seen } = endpoint(status, 200)
    withSubscription(cloud, pushTo())
    publishText(cloud, 'a')
    await cloud.clock.advance(99)
    expect(seen).toHaveLength(1)
    expect(cloud.counts.get('pubsub.pushNon2xx')).toBe(1)
    await cloud.clock.advance(1)
    expect(seen).toHaveLength(2)
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
  })

  it('backs off from 100 ms to 60 s without a retry policy, and as a retry policy says', async () => {
    const gaps = async (settings: object): Promise<number[]> => {
      const { cloud, seen } = endpoint(500)
      withSubscription(cloud, { ...pushTo(), ...settings })
      publishText(cloud, 'a')
      await cloud.clock.advance(300_000)
      return seen.slice(1).map(({ timeMs }, at) => timeMs - seen[at]!.timeMs)
    }
    const doubling = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000]
    expect(await gaps({})).toEqual(doubling)
    const policy = { retryPolicy: { minimumBackoff: seconds(1), maximumBackoff: seconds(100) } }
    expect(await gaps(policy)).toEqual([1, 2, 4, 8, 16, 32, 64, 100].map((seconds) => seconds * 1000))
  })

  it('aborts a request at the ack deadline and sends again', async () => {
    const { cloud, seen } = endpoint(0, 200)
    withSubscription(cloud, { ...pushTo(), ackDeadlineSeconds: 20 })
    publishText(cloud, 'a')
    await cloud.clock.advance(20_000)
    expect(cloud.requests).toEqual([expect.objectContaining({ status: 0, attempt: 1 })])
    await cloud.clock.advance(100)
    expect(seen).toHaveLength(2)
    expect(cloud.requests[1]).toMatchObject({ status: 200, attempt: 2 })
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })

  it('dead-letters a message after the maximum attempts, and counts attempts in the wrapper', async () => {
    const { cloud, seen } = endpoint(500)
    const dead = 'projects/p/topics/dead'
    cloud.core.publisher.createTopic({ name: dead })
    cloud.core.subscriber.createSubscription({ name: 'projects/p/subscriptions/dead', topic: dead })
    withSubscription(cloud, { ...pushTo(), deadLetterPolicy: { deadLetterTopic: dead, maxDeliveryAttempts: 5 } })
    publishText(cloud, 'poison')
    await cloud.clock.advance(600_000)
    expect(seen.map(({ body }) => (JSON.parse(body) as { deliveryAttempt: number }).deliveryAttempt)).toEqual([
      1, 2, 3, 4, 5,
    ])
    expect(cloud.core.backlog('projects/p/subscriptions/dead').undelivered).toBe(1)
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
    expect(cloud.counts.get('pubsub.redeliveries')).toBe(4)
  })

  it('sends concurrently up to its window, and halves the window after a failure', async () => {
    const { cloud, state, seen } = endpoint(204)
    withSubscription(cloud, pushTo())
    const messages = Array.from({ length: 1000 }, (_, n) => ({ data: Buffer.from(String(n)) }))
    cloud.core.publisher.publish({ topic: TOPIC, messages })
    expect(state.maxOpen).toBe(64)
    await cloud.clock.settle()
    expect(seen).toHaveLength(1000)
    expect(state.maxOpen).toBeGreaterThan(64)
    expect(state.maxOpen).toBeLessThanOrEqual(1000)

    const failing = endpoint(503)
    withSubscription(failing.cloud, pushTo())
    failing.cloud.core.publisher.publish({ topic: TOPIC, messages })
    await failing.cloud.clock.advance(5_000)
    failing.state.maxOpen = 0
    await failing.cloud.clock.advance(5_000)
    expect(failing.state.maxOpen).toBeLessThanOrEqual(4)
  })

  it('sends the messages of an ordering key one after the other', async () => {
    const { cloud, state, seen } = endpoint(204, 500, 204)
    withSubscription(cloud, { ...pushTo(), enableMessageOrdering: true })
    for (const text of ['1', '2', '3']) publishText(cloud, text, { orderingKey: 'k' })
    await cloud.clock.advance(1_000)
    expect(state.maxOpen).toBe(1)
    const data = seen.map(({ body }) => (JSON.parse(body) as { message: { data: string } }).message.data)
    expect(data.map((text) => Buffer.from(text, 'base64').toString())).toEqual(['1', '2', '2', '3'])
  })

  it('sends unwrapped data, with metadata as headers if configured', async () => {
    const { cloud, seen } = endpoint(204)
    withSubscription(cloud, pushTo({ noWrapper: { writeMetadata: true } }))
    const id = publishText(cloud, 'raw', { attributes: { Type: 'x', 'no header': 'y' } })
    await cloud.clock.settle()
    expect(seen[0]!.body).toBe('raw')
    expect(seen[0]!.headers).toMatchObject({
      'x-goog-pubsub-subscription-name': SUBSCRIPTION,
      'x-goog-pubsub-message-id': id,
      'x-goog-pubsub-publish-time': '2026-01-01T00:00:00.000Z',
      type: 'x',
    })
    cloud.core.subscriber.modifyPushConfig({
      subscription: SUBSCRIPTION,
      pushConfig: { pushEndpoint: `${ENDPOINT}/2`, noWrapper: { writeMetadata: false } },
    })
    publishText(cloud, 'bare', { attributes: { type: 'x' } })
    await cloud.clock.settle()
    expect(seen[1]).toMatchObject({ url: `${ENDPOINT}/2`, body: 'bare' })
    expect(Object.keys(seen[1]!.headers).toSorted()).toEqual(['accept', 'user-agent'])
  })

  it('redelivers unacknowledged messages after the process was killed', async () => {
    const { cloud, seen, state } = endpoint(0, 200)
    withSubscription(cloud, pushTo())
    const id = publishText(cloud, 'a')
    await cloud.clock.settle()
    const after = cloud.killed()
    state.cloud = after
    await after.clock.settle()
    expect(seen).toHaveLength(2)
    expect(seen[1]!.body).toContain(id)
    expect(after.core.retainedMessageCount()).toBe(0)
    expect(after.killed().core.retainedMessageCount()).toBe(0)
  })
})
