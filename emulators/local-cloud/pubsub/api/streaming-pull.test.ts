import { describe, expect, it } from 'vitest'
import { fakeCloud, publishText, SUBSCRIPTION, TOPIC, withSubscription, type FakeCloud } from '../fake-cloud.testing.ts'
import type { StreamingPullRequest } from './streaming-pull.ts'

interface Response {
  readonly receivedMessages?: { ackId: string; message: { data: Buffer } }[]
  readonly acknowledgeConfirmation?: object
  readonly modifyAckDeadlineConfirmation?: object
}

/** A client's side of one stream. */
function stream(cloud: FakeCloud, first: StreamingPullRequest = {}) {
  const inbox: StreamingPullRequest[] = [{ subscription: SUBSCRIPTION, streamAckDeadlineSeconds: 10, ...first }]
  let wake = () => {}
  let open = true
  async function* requests() {
    while (open) {
      for (let request = inbox.shift(); request; request = inbox.shift()) yield request
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const responses: Response[] = []
  const hangUp = new AbortController()
  const ended = cloud.core.streamingPull(requests(), (response) => responses.push(response as Response), {
    signal: hangUp.signal,
  })
  ended.catch(() => {})
  return {
    ended,
    hangUp: () => hangUp.abort(),
    async send(request: StreamingPullRequest) {
      inbox.push(request)
      wake()
      await cloud.clock.settle()
    },
    async close() {
      open = false
      wake()
      await ended
    },
    responses,
    get received() {
      return responses.flatMap(({ receivedMessages = [] }) => receivedMessages)
    },
    get texts() {
      return this.received.map(({ message }) => message.data.toString())
    },
  }
}

describe('streaming pull', () => {
  it('stops at the limit of outstanding messages and continues with each acknowledgement', async () => {
    const cloud = withSubscription(fakeCloud())
    for (const text of ['a', 'b', 'c', 'd']) publishText(cloud, text)
    const client = stream(cloud, { maxOutstandingMessages: '2' })
    await cloud.clock.settle()
    expect(client.texts).toEqual(['a', 'b'])
    await client.send({ ackIds: [client.received[0]!.ackId] })
    expect(client.texts).toEqual(['a', 'b', 'c'])
    cloud.core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds: [client.received[1]!.ackId] })
    expect(client.texts).toEqual(['a', 'b', 'c', 'd'])
    await client.close()
  })

  it('stops at the limit of outstanding bytes', async () => {
    const cloud = withSubscription(fakeCloud())
    for (let n = 0; n < 5; n++) publishText(cloud, 'x'.repeat(980))
    const client = stream(cloud, { maxOutstandingBytes: '2000' })
    await cloud.clock.settle()
    expect(client.received).toHaveLength(2)
  })

  it('sends many messages in one response, and shares them between streams', async () => {
    const cloud = withSubscription(fakeCloud())
    const streams = [stream(cloud), stream(cloud), stream(cloud), stream(cloud), stream(cloud)]
    await cloud.clock.settle()
    const messages = Array.from({ length: 100 }, (_, n) => ({ data: Buffer.from(String(n)) }))
    cloud.core.publisher.publish({ topic: TOPIC, messages })
    expect(streams.map(({ received }) => received.length)).toEqual([20, 20, 20, 20, 20])
    expect(streams[0]!.responses.filter(({ receivedMessages }) => receivedMessages)).toHaveLength(1)
  })

  it("answers a ping with an empty response that has the subscription's properties", async () => {
    const cloud = withSubscription(fakeCloud(), { enableMessageOrdering: true })
    const client = stream(cloud)
    await cloud.clock.settle()
    const before = client.responses.length
    await client.send({})
    expect(client.responses.slice(before)).toEqual([
      { subscriptionProperties: { exactlyOnceDeliveryEnabled: false, messageOrderingEnabled: true } },
    ])
  })

  it('uses the deadline of the stream, extends deadlines and nacks messages', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    const client = stream(cloud, { streamAckDeadlineSeconds: 60 })
    await cloud.clock.advance(59_999)
    expect(client.received).toHaveLength(1)
    await client.send({ modifyDeadlineAckIds: [client.received[0]!.ackId], modifyDeadlineSeconds: [30] })
    await cloud.clock.advance(29_999)
    expect(client.received).toHaveLength(1)
    await cloud.clock.advance(1)
    expect(client.received).toHaveLength(2)
    await client.send({ modifyDeadlineAckIds: [client.received[1]!.ackId], modifyDeadlineSeconds: [0] })
    expect(client.received).toHaveLength(3)
  })

  it('confirms acknowledgements and extensions under exactly-once delivery', async () => {
    const cloud = withSubscription(fakeCloud(), { enableExactlyOnceDelivery: true })
    publishText(cloud, 'a')
    const client = stream(cloud)
    await cloud.clock.settle()
    const { ackId } = client.received[0]!
    await client.send({ modifyDeadlineAckIds: [ackId], modifyDeadlineSeconds: [20] })
    await client.send({ ackIds: [ackId, '0.a.1'] })
    const ok = { ackIds: [ackId], temporaryFailedAckIds: [] }
    expect(client.responses.at(-2)).toMatchObject({ modifyAckDeadlineConfirmation: { ...ok, invalidAckIds: [] } })
    expect(client.responses.at(-1)).toMatchObject({ acknowledgeConfirmation: { ...ok, invalidAckIds: ['0.a.1'] } })
  })

  it.each([
    ['a subscription later', {}, { subscription: SUBSCRIPTION }, 'subscription must only be set in the first'],
    ['a client id later', {}, { clientId: 'c' }, 'client_id must only be set'],
    ['a limit later', {}, { maxOutstandingMessages: '5' }, 'max_outstanding_messages must only be set'],
    ['a protocol version later', {}, { protocolVersion: '1' }, 'protocol_version must only be set'],
    ['unequal arrays', {}, { modifyDeadlineAckIds: ['0.a.1'], modifyDeadlineSeconds: [] }, '(1 and 0 were given)'],
    ['no deadline', { streamAckDeadlineSeconds: 0 }, {}, 'The value for stream_ack_deadline_seconds is too small'],
    ['a long deadline', { streamAckDeadlineSeconds: 601 }, {}, 'stream_ack_deadline_seconds is too large'],
    [
      'an unknown subscription',
      { subscription: 'projects/p/subscriptions/none' },
      {},
      'Resource not found (resource=none)',
    ],
  ])('ends with an error on %s', async (_, first, later, message) => {
    const client = stream(withSubscription(fakeCloud()), first)
    await client.send(later)
    await expect(client.ended).rejects.toThrow(message)
  })

  it.each([
    ['unequal arrays', { modifyDeadlineAckIds: ['0.a.1'], modifyDeadlineSeconds: [] }],
    ['a malformed ack id', { ackIds: ['none'] }],
    ['an extension that is too long', { modifyDeadlineAckIds: ['0.a.1'], modifyDeadlineSeconds: [601] }],
  ])('leases no message when its first request is invalid: %s', async (_, invalid) => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'before')
    const refused = stream(cloud, invalid)
    await expect(refused.ended).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(refused.received).toEqual([])
    const next = stream(cloud)
    await cloud.clock.settle()
    for (const text of ['1', '2', '3']) publishText(cloud, text)
    expect(next.texts).toEqual(['before', '1', '2', '3'])
    await next.close()
  })

  it('ends when the subscription is deleted or becomes a push subscription', async () => {
    const cloud = withSubscription(fakeCloud())
    const client = stream(cloud)
    await cloud.clock.settle()
    cloud.core.subscriber.modifyPushConfig({
      subscription: SUBSCRIPTION,
      pushConfig: { pushEndpoint: 'http://x.test' },
    })
    await expect(client.ended).rejects.toThrow('not supported for this subscription type')
    cloud.core.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig: {} })
    const second = stream(cloud)
    await cloud.clock.settle()
    cloud.core.subscriber.deleteSubscription({ subscription: SUBSCRIPTION })
    await expect(second.ended).rejects.toThrow('Resource not found')
  })

  it('redelivers outstanding messages after their deadline when the client disconnects', async () => {
    const cloud = withSubscription(fakeCloud())
    publishText(cloud, 'a')
    const client = stream(cloud)
    await cloud.clock.settle()
    client.hangUp()
    await client.ended
    const second = stream(cloud)
    await cloud.clock.advance(9_999)
    expect(second.received).toHaveLength(0)
    await cloud.clock.advance(1)
    expect(second.texts).toEqual(['a'])
  })

  it('delivers the messages of an ordering key on one stream', async () => {
    const cloud = withSubscription(fakeCloud(), { enableMessageOrdering: true })
    const streams = [stream(cloud), stream(cloud)]
    await cloud.clock.settle()
    for (let n = 0; n < 10; n++) publishText(cloud, String(n), { orderingKey: 'k' })
    expect(streams.map(({ received }) => received.length).toSorted((a, b) => a - b)).toEqual([0, 10])
    const one = streams.find(({ received }) => received.length > 0)!
    expect(one.texts).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })
})
