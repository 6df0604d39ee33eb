import { describe, expect, it } from 'vitest'
import { protoTime } from '../../core/proto-values.ts'
import {
  fakeCloud,
  publishText,
  pullNow,
  SUBSCRIPTION,
  TOPIC,
  withSubscription,
  type FakeCloud,
  seconds,
} from '../fake-cloud.testing.ts'

const ack = (cloud: FakeCloud, ...ackIds: string[]) =>
  cloud.core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds })
const extend = (cloud: FakeCloud, seconds: number, ...ackIds: string[]) =>
  cloud.core.subscriber.modifyAckDeadline({ subscription: SUBSCRIPTION, ackIds, ackDeadlineSeconds: seconds })
const texts = async (cloud: FakeCloud, max?: number) => (await pullNow(cloud, max)).map(({ text }) => text)

describe('a pulled message', () => {
  it('is not redelivered while it is outstanding, and is redelivered with a new ack id after its deadline', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    const [first] = await pullNow(cloud)
    await cloud.clock.advance(9_999)
    expect(await pullNow(cloud)).toEqual([])
    await cloud.clock.advance(1)
    const [second] = await pullNow(cloud)
    expect(second).toMatchObject({ text: 'a', id: first!.id })
    expect(second!.ackId).not.toBe(first!.ackId)
    ack(cloud, second!.ackId)
    await cloud.clock.advance(60_000)
    expect(await pullNow(cloud)).toEqual([])
    expect(cloud.core.retainedMessageCount()).toBe(0)
    expect(cloud.counts.get('pubsub.redeliveries')).toBe(1)
  })

  it('stays outstanding as long as its deadline is extended, counted from the request', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    const [first] = await pullNow(cloud)
    await cloud.clock.advance(9_000)
    extend(cloud, 30, first!.ackId)
    await cloud.clock.advance(29_999)
    expect(await pullNow(cloud)).toEqual([])
    await cloud.clock.advance(1)
    expect(await texts(cloud)).toEqual(['a'])
  })

  it('is redelivered at once when it is nacked without a retry policy', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    const [first] = await pullNow(cloud)
    extend(cloud, 0, first!.ackId)
    expect(await texts(cloud)).toEqual(['a'])
  })

  it('that is only read and given back waits, and has not failed, but under a dead-letter policy it has', async () => {
    const dead = 'projects/p/topics/dead'
    for (const [settings, attempts] of [
      [{}, 0],
      [{ deadLetterPolicy: { deadLetterTopic: dead, maxDeliveryAttempts: 5 } }, 1],
    ] as const) {
      const cloud = fakeCloud()
      cloud.core.publisher.createTopic({ name: dead })
      withSubscription(cloud, settings)
      publishText(cloud, 'a')
      const [pulled] = await pullNow(cloud)
      extend(cloud, 0, pulled!.ackId)
      expect(cloud.core.backlogs()).toMatchObject([{ kind: 'pull', waiting: 1, attempts }])
    }
  })

  it('can be acknowledged late before its next delivery, and a superseded ack id is ignored', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'late')
    const [late] = await pullNow(cloud)
    await cloud.clock.advance(10_000)
    ack(cloud, late!.ackId)
    expect(await pullNow(cloud)).toEqual([])

    publishText(cloud, 'superseded')
    const [old] = await pullNow(cloud)
    await cloud.clock.advance(10_000)
    await pullNow(cloud)
    ack(cloud, old!.ackId)
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(1)
  })

  it('is returned to a pull that waited for it, and a disconnected pull gets no message', async () => {
    const cloud = withSubscription(fakeCloud())
    const caller = new AbortController()
    const pull = () =>
      cloud.core.subscriber.pull({ subscription: SUBSCRIPTION, maxMessages: 5 }, { signal: caller.signal })
    const waiting = pull()
    publishText(cloud, 'a')
    expect((await waiting).receivedMessages).toHaveLength(1)
    const given = pull()
    caller.abort()
    expect((await given).receivedMessages).toEqual([])
    expect(cloud.core.backlog(SUBSCRIPTION).outstanding).toBe(1)
  })

  it('is deleted when it is older than the retention', async () => {
    const cloud = withSubscription(fakeCloud(), { messageRetentionDuration: seconds(600) })
    publishText(cloud, 'old')
    await cloud.clock.advance(300_000)
    publishText(cloud, 'young')
    await cloud.clock.advance(300_000)
    expect(await texts(cloud)).toEqual(['young'])
    expect(cloud.core.retainedMessageCount()).toBe(1)
  })
})

describe('a retry policy', () => {
  it('doubles the wait from minimum to maximum, per message, on nack and on expiry', async () => {
    const cloud = withSubscription(fakeCloud(), {
      retryPolicy: { minimumBackoff: seconds(10), maximumBackoff: seconds(60) },
    })
    publishText(cloud, 'a')
    for (const waitMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      const [one] = await pullNow(cloud)
      extend(cloud, 0, one!.ackId)
      await cloud.clock.advance(waitMs - 1)
      expect(await pullNow(cloud)).toEqual([])
      await cloud.clock.advance(1)
    }
    expect(await texts(cloud)).toEqual(['a'])
    await cloud.clock.advance(10_000 + 59_999)
    publishText(cloud, 'b')
    expect(await texts(cloud)).toEqual(['b'])
    await cloud.clock.advance(1)
    expect(await texts(cloud)).toEqual(['a'])
  })
})

describe('a dead-letter policy', () => {
  const DEAD = 'projects/p/topics/dead-letters'
  const dead = { name: 'projects/p/subscriptions/dead-letters', topic: DEAD }

  const failing = (): FakeCloud => {
    const cloud = fakeCloud({ onDisk: true })
    cloud.core.publisher.createTopic({ name: DEAD })
    cloud.core.subscriber.createSubscription(dead)
    return withSubscription(cloud, { deadLetterPolicy: { deadLetterTopic: DEAD, maxDeliveryAttempts: 5 } })
  }

  it('counts attempts and forwards a copy with its origin after the last', async () => {
    const cloud = failing()
    publishText(cloud, 'poison', { attributes: { type: 'seat.sold' } })
    for (const attempt of [1, 2, 3, 4, 5]) {
      const [one] = await pullNow(cloud)
      expect(one!.deliveryAttempt).toBe(attempt)
      if (attempt % 2) extend(cloud, 0, one!.ackId)
      else await cloud.clock.advance(10_000)
    }
    expect(await pullNow(cloud)).toEqual([])
    const [copy] = await pullNow(cloud, 10, dead.name)
    expect(copy).toMatchObject({
      text: 'poison',
      deliveryAttempt: 0,
      attributes: {
        type: 'seat.sold',
        CloudPubSubDeadLetterSourceDeliveryCount: '5',
        CloudPubSubDeadLetterSourceSubscription: 'hall.seat.sold',
        CloudPubSubDeadLetterSourceSubscriptionProject: 'p',
        CloudPubSubDeadLetterSourceTopicPublishTime: '2026-01-01T00:00:00.000+00:00',
      },
    })
    expect(cloud.counts.get('pubsub.deadLettered')).toBe(1)
  })

  it('keeps its count of attempts over a restart', async () => {
    let cloud = failing()
    publishText(cloud, 'poison')
    for (const attempt of [1, 2, 3, 4, 5]) {
      const [one] = await pullNow(cloud)
      expect(one!.deliveryAttempt).toBe(attempt)
      extend(cloud, 0, one!.ackId)
      cloud = cloud.killed()
    }
    expect(await pullNow(cloud)).toEqual([])
    expect(await pullNow(cloud, 10, dead.name)).toHaveLength(1)
  })

  it('keeps the message while the dead-letter topic is missing', async () => {
    const cloud = failing()
    cloud.core.publisher.deleteTopic({ topic: DEAD })
    publishText(cloud, 'poison')
    for (const attempt of [1, 2, 3, 4, 5, 6, 7]) {
      const [one] = await pullNow(cloud)
      expect(one!.deliveryAttempt).toBe(attempt)
      extend(cloud, 0, one!.ackId)
    }
  })
})

describe('exactly-once delivery', () => {
  it('refuses stale and expired ack ids by name, and accepts the others', async () => {
    const cloud = withSubscription(fakeCloud(), { enableExactlyOnceDelivery: true })
    publishText(cloud, 'a')
    const [first] = await pullNow(cloud)
    await cloud.clock.advance(10_000)
    publishText(cloud, 'b')
    const again = await pullNow(cloud)
    expect(again.map(({ text }) => text).toSorted()).toEqual(['a', 'b'])
    const failure = { metadata: { [first!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' } }
    expect(() => ack(cloud, first!.ackId, ...again.map(({ ackId }) => ackId))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: [expect.objectContaining(failure)] }),
    )
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
  })
})

describe('ordering keys', () => {
  const ordered = () => withSubscription(fakeCloud(), { enableMessageOrdering: true })

  it('keep the order of a key, and do not delay other keys', async () => {
    const cloud = ordered()
    for (const text of ['a1', 'a2', 'b1', 'a3']) publishText(cloud, text, { orderingKey: text[0] })
    const [a1] = await pullNow(cloud, 1)
    expect(a1!.text).toBe('a1')
    // While a1 is outstanding at one subscriber, no other gets the key.
    expect(await texts(cloud)).toEqual(['b1'])
    ack(cloud, a1!.ackId)
    expect(await texts(cloud)).toEqual(['a2', 'a3'])
  })

  it('redeliver all later messages of the key, the acknowledged ones included', async () => {
    const cloud = ordered()
    for (const text of ['a1', 'a2', 'a3']) publishText(cloud, text, { orderingKey: 'a' })
    const [a1, a2, a3] = await pullNow(cloud)
    ack(cloud, a3!.ackId)
    extend(cloud, 0, a1!.ackId)
    ack(cloud, a2!.ackId)
    expect(cloud.core.retainedMessageCount()).toBe(3)
    const again = await pullNow(cloud)
    expect(again.map(({ text }) => text)).toEqual(['a1', 'a3'])
    ack(cloud, ...again.map(({ ackId }) => ackId))
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })

  it('delay the whole key during a backoff', async () => {
    const cloud = withSubscription(fakeCloud(), {
      enableMessageOrdering: true,
      retryPolicy: { minimumBackoff: seconds(10) },
    })
    for (const text of ['a1', 'a2', 'b1']) publishText(cloud, text, { orderingKey: text[0] })
    const [a1] = await pullNow(cloud, 1)
    extend(cloud, 0, a1!.ackId)
    expect(await texts(cloud)).toEqual(['b1'])
    await cloud.clock.advance(10_000)
    expect(await texts(cloud)).toEqual(['a1', 'a2'])
  })
})

describe('seek', () => {
  const seek = (cloud: FakeCloud, timeMs: number) =>
    cloud.core.subscriber.seek({ subscription: SUBSCRIPTION, time: protoTime(timeMs) })

  it('to the present drops the backlog; to the past redelivers retained messages', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }), { retainAckedMessages: true })
    const startMs = cloud.clock.now()
    for (const text of ['a', 'b', 'c']) {
      publishText(cloud, text)
      await cloud.clock.advance(1_000)
    }
    const all = await pullNow(cloud)
    ack(cloud, ...all.slice(0, 2).map(({ ackId }) => ackId))
    seek(cloud, cloud.clock.now())
    expect(await pullNow(cloud)).toEqual([])
    seek(cloud, startMs + 1_000)
    expect(await texts(cloud)).toEqual(['b', 'c'])
    const after = cloud.killed()
    expect(await texts(after)).toEqual(['b', 'c'])
    seek(after, startMs)
    expect(await texts(after)).toEqual(['a', 'b', 'c'])
  })

  it('redelivers no message beyond the retention, in any order of acknowledgement', async () => {
    const retained = { retainAckedMessages: true, messageRetentionDuration: seconds(600) }
    const cloud = withSubscription(fakeCloud(), retained)
    const startMs = cloud.clock.now()
    publishText(cloud, 'old')
    const [old] = await pullNow(cloud)
    await cloud.clock.advance(5_000)
    publishText(cloud, 'young')
    const [young] = await pullNow(cloud)
    ack(cloud, young!.ackId, old!.ackId)
    await cloud.clock.advance(595_000)
    seek(cloud, startMs)
    const again = await pullNow(cloud)
    expect(again.map(({ text }) => text)).toEqual(['young'])
    ack(cloud, again[0]!.ackId)
    expect(cloud.core.retainedMessageCount()).toBe(1)
    await cloud.clock.advance(5_000)
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })

  it('delivers messages that the topic retained before the subscription existed', async () => {
    const cloud = fakeCloud()
    cloud.core.publisher.createTopic({ name: TOPIC, messageRetentionDuration: seconds(3600) })
    publishText(cloud, 'before')
    cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC })
    expect(await pullNow(cloud)).toEqual([])
    seek(cloud, cloud.clock.now())
    expect(await texts(cloud)).toEqual(['before'])
    await cloud.clock.advance(3_600_000)
    ack(cloud, ...(await pullNow(cloud)).map(({ ackId }) => ackId))
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })
})

describe('expiration', () => {
  it('deletes a subscription that was unused for its ttl, and not before', async () => {
    const cloud = withSubscription(fakeCloud(), { expirationPolicy: { ttl: seconds(86400) } })
    publishText(cloud, 'a')
    await cloud.clock.advance(86_000_000)
    await pullNow(cloud)
    await cloud.clock.advance(86_399_999)
    expect(cloud.core.resourceExists(SUBSCRIPTION)).toBe(true)
    await cloud.clock.advance(1)
    expect(cloud.core.resourceExists(SUBSCRIPTION)).toBe(false)
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })

  it('never deletes a subscription without a ttl', async () => {
    const cloud = withSubscription(fakeCloud(), { expirationPolicy: {} })
    await cloud.clock.advance(400 * 86_400_000)
    expect(cloud.core.resourceExists(SUBSCRIPTION)).toBe(true)
  })
})

it.each([
  ['a message that is published', (cloud: FakeCloud) => publishText(cloud, 'late')],
  ['a nack', (cloud: FakeCloud, ackId: string) => extend(cloud, 0, ackId)],
  ['an extended deadline', (cloud: FakeCloud, ackId: string) => extend(cloud, 60, ackId)],
  ['an acknowledgement', (cloud: FakeCloud, ackId: string) => ack(cloud, ackId)],
])('%s after the end of Pub/Sub sets no timer, which would keep its process alive', async (_, act) => {
  const cloud = fakeCloud()
  cloud.core.publisher.createTopic({ name: TOPIC, messageRetentionDuration: { seconds: 600 } })
  const subscription = { name: SUBSCRIPTION, topic: TOPIC, retainAckedMessages: true }
  cloud.core.subscriber.createSubscription({
    ...subscription,
    retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 60 } },
  })
  publishText(cloud, 'before')
  const [held] = await pullNow(cloud)
  cloud.core.stop()
  expect(cloud.clock.pending).toBe(0)
  act(cloud, held!.ackId)
  expect(cloud.clock.pending).toBe(0)
})
