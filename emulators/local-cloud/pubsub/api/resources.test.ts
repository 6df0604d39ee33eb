import { describe, expect, it } from 'vitest'
import {
  fakeCloud,
  publishText,
  pullNow,
  refusal,
  SUBSCRIPTION,
  TOPIC,
  withSubscription,
  seconds,
} from '../fake-cloud.testing.ts'

const cloudWithTopic = () => {
  const cloud = fakeCloud()
  cloud.core.publisher.createTopic({ name: TOPIC })
  return cloud
}

describe('topics', () => {
  it.each([
    'projects/p/topics/ab',
    'projects/p/topics/1abc',
    'projects/p/topics/google',
    'projects/p/topics/a b c',
    `projects/p/topics/a${'x'.repeat(255)}`,
    'projects/p/subscriptions/abc',
    'abc',
    '',
    'projects//topics/abc',
  ])('refuse the name "%s"', (name) => {
    expect(() => fakeCloud().core.publisher.createTopic({ name })).toThrow(
      refusal(
        'INVALID_ARGUMENT',
        `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs`,
      ),
    )
  })

  it('are created once, updated by mask, listed in pages, and deleted', () => {
    const { core } = cloudWithTopic()
    expect(() => core.publisher.createTopic({ name: TOPIC })).toThrow(
      refusal('ALREADY_EXISTS', 'Resource already exists in the project (resource=seat.sold).'),
    )
    core.publisher.updateTopic({
      topic: { name: TOPIC, labels: { team: 'shop' }, messageRetentionDuration: { seconds: '600' } },
      updateMask: { paths: ['labels', 'message_retention_duration'] },
    })
    expect(core.publisher.getTopic({ topic: TOPIC })).toMatchObject({
      labels: { team: 'shop' },
      messageRetentionDuration: { seconds: '600', nanos: 0 },
    })
    for (const id of ['aaa', 'bbb', 'zzz']) core.publisher.createTopic({ name: `projects/p/topics/${id}` })
    core.publisher.createTopic({ name: 'projects/other/topics/mmm' })
    const first = core.publisher.listTopics({ project: 'projects/p', pageSize: 2 }) as { nextPageToken: string }
    expect(first).toMatchObject({ topics: [{ name: 'projects/p/topics/aaa' }, { name: 'projects/p/topics/bbb' }] })
    const rest = core.publisher.listTopics({ project: 'projects/p', pageSize: 2, pageToken: first.nextPageToken })
    expect(rest).toMatchObject({ topics: [{ name: TOPIC }, { name: 'projects/p/topics/zzz' }], nextPageToken: '' })
    core.publisher.deleteTopic({ topic: TOPIC })
    expect(() => core.publisher.getTopic({ topic: TOPIC })).toThrow(
      refusal('NOT_FOUND', 'Resource not found (resource=seat.sold).'),
    )
  })

  it('leave their subscriptions with their messages when they are deleted', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    publishText(cloud, 'kept')
    cloud.core.publisher.deleteTopic({ topic: TOPIC })
    expect(cloud.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      topic: '_deleted-topic_',
    })
    const after = cloud.killed()
    expect(after.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      topic: '_deleted-topic_',
    })
    expect(await pullNow(after)).toHaveLength(1)
    after.core.publisher.createTopic({ name: TOPIC })
    publishText(after, 'not for it')
    expect(await pullNow(after)).toHaveLength(0)
  })

  it('refuse unsupported fields by name, and masks that Google refuses', () => {
    const { core } = cloudWithTopic()
    expect(() =>
      core.publisher.createTopic({ name: 'projects/p/topics/abc', messageTransforms: [{ disabled: true }] }),
    ).toThrow(refusal('UNIMPLEMENTED', 'messageTransforms'))
    expect(() => core.publisher.updateTopic({ topic: { name: TOPIC }, updateMask: { paths: [] } })).toThrow(
      refusal('INVALID_ARGUMENT', 'The update_mask in the UpdateTopicRequest must be set'),
    )
    expect(() => core.publisher.updateTopic({ topic: { name: TOPIC }, updateMask: { paths: ['name'] } })).toThrow(
      refusal('INVALID_ARGUMENT', "the 'name' field in the Topic is not mutable"),
    )
  })
})

describe('publish', () => {
  const data = Buffer.from('x')
  it.each([
    [[], 'The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.'],
    [
      Array.from({ length: 1001 }, () => ({ data })),
      'The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000.',
    ],
    [[{}], 'One or more messages in the publish request is empty.'],
    [[{ data: Buffer.alloc(10_000_001) }], 'The value for request_size is too large.'],
    [
      [{ data, attributes: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, ''])) }],
      'attribute_count',
    ],
    [[{ data, attributes: { ['k'.repeat(257)]: '' } }], 'attribute_key_size'],
    [[{ data, attributes: { k: 'v'.repeat(1025) } }], 'attribute_value_size'],
    [[{ data, attributes: { googclient: 'v' } }], "must not begin with 'goog'"],
    [[{ data, orderingKey: 'k'.repeat(1025) }], 'ordering_key_size'],
  ])('refuses %#', (messages, message) => {
    const { core } = cloudWithTopic()
    expect(() => core.publisher.publish({ topic: TOPIC, messages })).toThrow(refusal('INVALID_ARGUMENT', message))
  })

  it('refuses a request as a whole when one of its messages is invalid', async () => {
    const cloud = withSubscription(fakeCloud())
    expect(() => cloud.core.publisher.publish({ topic: TOPIC, messages: [{ data }, {}] })).toThrow('is empty')
    expect(await pullNow(cloud)).toEqual([])
  })

  it('returns ids that are unique also after a restart, and counts bytes as billed', () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    const id = publishText(cloud, 'x')
    cloud.core.publisher.publish({ topic: TOPIC, messages: [{ data: Buffer.alloc(2000), attributes: { ab: 'c' } }] })
    expect(cloud.counts.get('pubsub.publishBytes')).toBe(1000 + 2000 + 3 + 20)
    expect(cloud.counts.get('pubsub.messages.published')).toBe(2)
    const after = cloud.killed()
    expect(Number(publishText(after, 'y'))).toBeGreaterThan(Number(id) + 1)
    expect(() => publishText(fakeCloud(), 'x')).toThrow(
      refusal('NOT_FOUND', 'Resource not found (resource=seat.sold).'),
    )
  })

  it('delivers messages that match the filter, and bills those that it drops', async () => {
    const cloud = withSubscription(fakeCloud(), { filter: 'attributes.kind = "a"' })
    publishText(cloud, 'no', { attributes: { kind: 'b' } })
    publishText(cloud, 'yes', { attributes: { kind: 'a' } })
    expect(await pullNow(cloud)).toMatchObject([{ text: 'yes' }])
    expect(cloud.counts.get('pubsub.deliveryBytes')).toBe(2 + 5 + 20 + 1000)
    expect(cloud.core.retainedMessageCount()).toBe(1)
  })

  it('stores no message of a topic without subscriptions', () => {
    const cloud = cloudWithTopic()
    publishText(cloud, 'x')
    expect(cloud.core.retainedMessageCount()).toBe(0)
  })
})

describe('subscriptions', () => {
  it("have Google's defaults", () => {
    const cloud = withSubscription(fakeCloud())
    expect(cloud.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toEqual({
      name: SUBSCRIPTION,
      topic: TOPIC,
      pushConfig: {},
      ackDeadlineSeconds: 10,
      retainAckedMessages: false,
      messageRetentionDuration: { seconds: '604800', nanos: 0 },
      labels: {},
      enableMessageOrdering: false,
      expirationPolicy: { ttl: { seconds: '2678400', nanos: 0 } },
      filter: '',
      detached: false,
      enableExactlyOnceDelivery: false,
      state: 'ACTIVE',
    })
  })

  it.each([
    [
      { ackDeadlineSeconds: 9 },
      'The value for ack_deadline_seconds is too small. You passed 9 in the request, but the minimum value is 10.',
    ],
    [{ ackDeadlineSeconds: 601 }, 'maximum value is 600'],
    [{ messageRetentionDuration: seconds(599) }, 'You passed 599s in the request, but the minimum value is 600s.'],
    [{ messageRetentionDuration: seconds(2678401) }, 'maximum value is 2678400s'],
    [{ expirationPolicy: { ttl: seconds(3600) } }, 'minimum value is 86400s'],
    [{ retryPolicy: { minimumBackoff: seconds(601) } }, 'minimum_backoff'],
    [{ retryPolicy: { minimumBackoff: seconds(20), maximumBackoff: seconds(10) } }, 'must not exceed'],
    [
      { deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 4 } },
      'The value for max_delivery_attempts is too small. You passed 4',
    ],
    [{ deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 101 } }, 'maximum value is 100'],
    [{ deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/none' } }, 'The dead letter topic does not exist'],
    [{ filter: 'attributes' }, 'Invalid filter string'],
    [{ labels: { Upper: 'x' } }, 'Invalid label key "Upper"'],
    [{ pushConfig: { pushEndpoint: 'ftp://x' } }, 'Invalid push endpoint given (endpoint=ftp://x)'],
    [
      { pushConfig: { pushEndpoint: 'http://x', oidcToken: { serviceAccountEmail: '' } } },
      'Invalid service account email',
    ],
    [{ pushConfig: { pushEndpoint: 'http://x' }, enableExactlyOnceDelivery: true }, 'only supported for pull'],
    [{ topic: 'projects/p/topics/none' }, 'Resource not found (resource=none).'],
    [{ cloudStorageConfig: { bucket: 'b' } }, 'cloudStorageConfig'],
  ])('refuse %j', (settings, message) => {
    const cloud = cloudWithTopic()
    expect(() => cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC, ...settings })).toThrow(
      message,
    )
    expect(cloud.core.resourceExists(SUBSCRIPTION)).toBe(false)
  })

  it('treat 0 attempts in a dead-letter policy as 5', () => {
    const cloud = withSubscription(fakeCloud(), {
      deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts: 0 },
    })
    expect(cloud.core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      deadLetterPolicy: { maxDeliveryAttempts: 5 },
    })
  })

  it('are changed by mask, except topic, filter and ordering', () => {
    const { core } = withSubscription(fakeCloud())
    const update = (fields: object, ...paths: string[]) =>
      core.subscriber.updateSubscription({ subscription: { name: SUBSCRIPTION, ...fields }, updateMask: { paths } })
    update(
      { ackDeadlineSeconds: 60, retryPolicy: { minimumBackoff: seconds(1) }, labels: { a: 'b' } },
      'ack_deadline_seconds',
      'retry_policy',
    )
    expect(core.subscriber.getSubscription({ subscription: SUBSCRIPTION })).toMatchObject({
      ackDeadlineSeconds: 60,
      labels: {},
      retryPolicy: { minimumBackoff: { seconds: '1', nanos: 0 }, maximumBackoff: { seconds: '600', nanos: 0 } },
    })
    for (const field of ['filter', 'topic', 'enable_message_ordering']) {
      expect(() => update({}, field)).toThrow(refusal('INVALID_ARGUMENT', 'is not mutable'))
    }
  })

  it('with a push endpoint cannot be pulled until it is removed', async () => {
    const cloud = withSubscription(fakeCloud(), { pushConfig: { pushEndpoint: 'http://127.0.0.1:1/' } })
    await expect(pullNow(cloud)).rejects.toThrow('This method is not supported for this subscription type.')
    cloud.core.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig: {} })
    publishText(cloud, 'a')
    expect(await pullNow(cloud)).toHaveLength(1)
  })

  it('refuse unknown ack ids, and ignore stale ones', async () => {
    const { core } = withSubscription(fakeCloud())
    const ack = (...ackIds: string[]) => core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds })
    expect(() => ack('nonsense!')).toThrow('You have passed an invalid ack ID to the service (ack_id=nonsense!).')
    expect(() => ack()).toThrow('You have not specified an ack ID in the request.')
    expect(ack('0000000000000001.abc.1')).toEqual({})
    expect(() =>
      core.subscriber.modifyAckDeadline({ subscription: SUBSCRIPTION, ackIds: ['0.a.1'], ackDeadlineSeconds: 601 }),
    ).toThrow('maximum value is 600')
  })

  it('end a waiting pull when they are deleted, and delete their messages', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    await pullNow(cloud)
    const waiting = cloud.core.subscriber.pull(
      { subscription: SUBSCRIPTION, maxMessages: 1 },
      { signal: new AbortController().signal },
    )
    cloud.core.subscriber.deleteSubscription({ subscription: SUBSCRIPTION })
    await expect(waiting).rejects.toThrow('Resource not found')
    expect(cloud.core.retainedMessageCount()).toBe(0)
    expect(cloud.core.publisher.listTopicSubscriptions({ topic: TOPIC })).toMatchObject({ subscriptions: [] })
    expect(cloud.clock.pending).toBe(0)
  })

  it('that are recreated under the same name get no message of the earlier one', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    publishText(cloud, 'old')
    cloud.core.subscriber.deleteSubscription({ subscription: SUBSCRIPTION })
    cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC })
    expect(await pullNow(cloud.killed())).toEqual([])
  })
})
