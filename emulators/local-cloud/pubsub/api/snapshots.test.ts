import { describe, expect, it } from 'vitest'
import { protoTime } from '../../core/proto-values.ts'
import {
  fakeCloud,
  type FakeCloud,
  publishText,
  pullNow,
  refusal,
  SUBSCRIPTION,
  TOPIC,
  withSubscription,
  seconds,
} from '../fake-cloud.testing.ts'

const NAME = 'projects/p/snapshots/before-deploy'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const create = (cloud: FakeCloud, more: object = {}) =>
  cloud.core.subscriber.createSnapshot({ name: NAME, subscription: SUBSCRIPTION, ...more })
const seek = (cloud: FakeCloud, subscription = SUBSCRIPTION) =>
  cloud.core.subscriber.seek({ subscription, snapshot: NAME })
const acknowledge = async (cloud: FakeCloud, ...wanted: string[]): Promise<void> => {
  const ackIds = (await pullNow(cloud)).filter(({ text }) => wanted.includes(text)).map(({ ackId }) => ackId)
  cloud.core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds })
}
const texts = async (cloud: FakeCloud, subscription?: string) =>
  (await pullNow(cloud, 1000, subscription)).map(({ text }) => text)

describe('a snapshot', () => {
  it('brings back the messages that were not acknowledged, and those published later', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    for (const text of ['done', 'open']) publishText(cloud, text)
    await acknowledge(cloud, 'done')
    create(cloud)
    publishText(cloud, 'later')
    await cloud.clock.advance(10_000)
    await acknowledge(cloud, 'open', 'later')
    expect(cloud.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
    seek(cloud)
    expect(await texts(cloud)).toEqual(['open', 'later'])
    const after = cloud.killed()
    await acknowledge(after, 'open', 'later')
    publishText(after, 'latest')
    await acknowledge(after, 'latest')
    expect(after.core.backlog(SUBSCRIPTION).undelivered).toBe(0)
    seek(after)
    expect(await texts(after)).toEqual(['open', 'later', 'latest'])
    const killedAgain = after.killed()
    killedAgain.core.subscriber.deleteSnapshot({ snapshot: NAME })
    await acknowledge(killedAgain, 'open', 'later', 'latest')
    expect(killedAgain.core.retainedMessageCount()).toBe(0)
  })

  it('acknowledges what it does not hold, and serves another subscription of the topic through its filter', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'old', { attributes: { kind: 'x' } })
    publishText(cloud, 'other', { attributes: { kind: 'y' } })
    await acknowledge(cloud, 'old')
    const second = 'projects/p/subscriptions/second'
    cloud.core.subscriber.createSubscription({ name: second, topic: TOPIC, filter: 'attributes.kind = "x"' })
    create(cloud)
    publishText(cloud, 'new', { attributes: { kind: 'x' } })
    seek(cloud, second)
    expect(await texts(cloud, second)).toEqual(['new'])
    seek(cloud)
    expect(await texts(cloud)).toEqual(['other', 'new'])
  })

  it('keeps what it holds when its topic is deleted, and takes nothing of a later topic of that name', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    create(cloud)
    publishText(cloud, 'a')
    await acknowledge(cloud, 'a')
    cloud.core.publisher.deleteTopic({ topic: TOPIC })
    cloud.core.publisher.createTopic({ name: TOPIC })
    publishText(cloud, 'b')
    const after = cloud.killed()
    expect(after.core.subscriber.getSnapshot({ snapshot: NAME })).toMatchObject({ topic: '_deleted-topic_' })
    seek(after)
    expect(await texts(after)).toEqual(['a'])
  })

  it('expires 7 days after its oldest message, also after a restart, and releases its messages', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }), { expirationPolicy: {} })
    const startMs = cloud.clock.now()
    publishText(cloud, 'a')
    await cloud.clock.advance(3 * DAY_MS)
    expect(create(cloud, { labels: { team: 'x' } })).toEqual({
      name: NAME,
      topic: TOPIC,
      labels: { team: 'x' },
      expireTime: protoTime(startMs + 7 * DAY_MS),
    })
    publishText(cloud, 'b')
    await acknowledge(cloud, 'a', 'b')
    const after = cloud.killed()
    await after.clock.advance(4 * DAY_MS - 1)
    expect(after.core.resourceExists(NAME)).toBe(true)
    expect(after.core.retainedMessageCount()).toBe(2)
    await after.clock.advance(1)
    expect(after.core.resourceExists(NAME)).toBe(false)
    expect(after.core.retainedMessageCount()).toBe(0)
  })

  it('is updated by mask, and lives as long as it then says', async () => {
    const cloud = withSubscription(fakeCloud())
    create(cloud)
    const update = (fields: object, ...paths: string[]) =>
      cloud.core.subscriber.updateSnapshot({ snapshot: { name: NAME, ...fields }, updateMask: { paths } })
    const expireTime = protoTime(cloud.clock.now() + HOUR_MS)
    expect(update({ labels: { a: 'b' }, expireTime }, 'labels', 'expire_time')).toMatchObject({
      labels: { a: 'b' },
      expireTime,
    })
    expect(() => update({ expireTime: protoTime(cloud.clock.now() + 8 * DAY_MS) }, 'expire_time')).toThrow(
      refusal('INVALID_ARGUMENT', 'it must be within the next 7 days'),
    )
    expect(() => update({}, 'topic')).toThrow(
      refusal('INVALID_ARGUMENT', "'topic' field in the Snapshot is not mutable"),
    )
    await cloud.clock.advance(HOUR_MS)
    expect(() => seek(cloud)).toThrow(refusal('NOT_FOUND', 'Resource not found (resource=before-deploy).'))
  })

  it('is refused when it is taken, when its subscription is missing, and when its backlog is too old', async () => {
    const cloud = withSubscription(fakeCloud(), { expirationPolicy: {} })
    create(cloud)
    expect(() => create(cloud)).toThrow(refusal('ALREADY_EXISTS', '(resource=before-deploy)'))
    expect(() => create(cloud, { name: 'projects/p/topics/abc' })).toThrow(
      refusal('INVALID_ARGUMENT', 'Invalid resource name'),
    )
    expect(() => create(cloud, { subscription: 'projects/p/subscriptions/none' })).toThrow(refusal('NOT_FOUND', 'none'))
    expect(create(cloud, { name: '' })).toMatchObject({ name: expect.stringMatching(/^projects\/p\/snapshots\/s-/) })
    publishText(cloud, 'old')
    await cloud.clock.advance(7 * DAY_MS - HOUR_MS + 1)
    expect(() => create(cloud, { name: `${NAME}-2` })).toThrow(refusal('FAILED_PRECONDITION', 'too old'))
  })

  it('of another topic is refused by a seek, which changes nothing', async () => {
    const cloud = withSubscription(fakeCloud())
    create(cloud)
    const other = 'projects/p/topics/other'
    const subscription = 'projects/p/subscriptions/other'
    cloud.core.publisher.createTopic({ name: other })
    cloud.core.subscriber.createSubscription({ name: subscription, topic: other })
    expect(() => seek(cloud, subscription)).toThrow(refusal('INVALID_ARGUMENT', 'seek to a snapshot of the same topic'))
  })

  it('is listed in its project, and under its topic', () => {
    const cloud = withSubscription(fakeCloud())
    for (const id of ['aaa', 'bbb', 'ccc']) create(cloud, { name: `projects/p/snapshots/${id}` })
    create(cloud, { name: 'projects/other/snapshots/ddd' })
    const first = cloud.core.subscriber.listSnapshots({ project: 'projects/p', pageSize: 2 }) as {
      nextPageToken: string
    }
    expect(first).toMatchObject({
      snapshots: [{ name: 'projects/p/snapshots/aaa' }, { name: 'projects/p/snapshots/bbb' }],
    })
    const { nextPageToken: pageToken } = first
    expect(cloud.core.subscriber.listSnapshots({ project: 'projects/p', pageToken })).toMatchObject({
      snapshots: [{ name: 'projects/p/snapshots/ccc' }],
      nextPageToken: '',
    })
    cloud.core.publisher.createTopic({ name: 'projects/p/topics/empty' })
    expect(cloud.core.publisher.listTopicSnapshots({ topic: 'projects/p/topics/empty' })).toMatchObject({
      snapshots: [],
    })
    expect(cloud.core.publisher.listTopicSnapshots({ topic: TOPIC })).toMatchObject({
      snapshots: ['projects/other/snapshots/ddd', ...['aaa', 'bbb', 'ccc'].map((id) => `projects/p/snapshots/${id}`)],
    })
  })
})

describe('a seek with a topic that retains', () => {
  it('to a time before the snapshot brings back what the snapshot has not', async () => {
    const cloud = withSubscription(fakeCloud(), { retainAckedMessages: true, messageRetentionDuration: seconds(3600) })
    const startMs = cloud.clock.now()
    publishText(cloud, 'done')
    await acknowledge(cloud, 'done')
    create(cloud)
    cloud.core.subscriber.seek({ subscription: SUBSCRIPTION, time: protoTime(startMs) })
    expect(await texts(cloud)).toEqual(['done'])
    seek(cloud)
    expect(await texts(cloud)).toEqual([])
  })
})
