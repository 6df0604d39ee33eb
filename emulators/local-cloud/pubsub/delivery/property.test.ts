import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/seeded.testing.ts'
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

const DEAD_TOPIC = 'projects/p/topics/dead'
const DEAD = 'projects/p/subscriptions/dead'
const OTHER = 'projects/p/subscriptions/other'

interface World {
  cloud: FakeCloud
  readonly published: Set<string>
  readonly acked: Set<string>
  /** Acknowledged before an earlier message of their key: they are completed together with it. */
  readonly ackedEarly: Set<string>
  held: { ackId: string; text: string }[]
}

function makeWorld(random: (below: number) => number): World {
  const cloud = fakeCloud({ onDisk: true })
  cloud.core.publisher.createTopic({ name: DEAD_TOPIC })
  cloud.core.subscriber.createSubscription({ name: DEAD, topic: DEAD_TOPIC })
  withSubscription(cloud, {
    enableMessageOrdering: random(2) === 0,
    deadLetterPolicy: { deadLetterTopic: DEAD_TOPIC, maxDeliveryAttempts: 5 },
    ...(random(2) === 0 && { retryPolicy: { minimumBackoff: seconds(1), maximumBackoff: seconds(10) } }),
    ...(random(2) === 0 && { enableExactlyOnceDelivery: true }),
  })
  cloud.core.subscriber.createSubscription({ name: OTHER, topic: TOPIC })
  return { cloud, published: new Set(), acked: new Set(), ackedEarly: new Set(), held: [] }
}

async function step(world: World, random: (below: number) => number): Promise<void> {
  const { cloud, published, acked } = world
  const take = () => world.held.splice(random(world.held.length), 1)[0]!
  const choice = random(100)
  if (choice < 35) {
    const text = `m${published.size}`
    publishText(cloud, text, random(2) === 0 ? { orderingKey: `k${random(3)}` } : {})
    published.add(text)
  } else if (choice < 55) {
    world.held.push(...(await pullNow(cloud, 1 + random(5))))
  } else if (choice < 75 && world.held.length > 0) {
    const { ackId, text } = take()
    const before = cloud.core.backlog(SUBSCRIPTION).undelivered
    try {
      cloud.core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds: [ackId] })
    } catch {
      return // stale, under exactly-once
    }
    if (cloud.core.backlog(SUBSCRIPTION).undelivered < before) acked.add(text)
    else world.ackedEarly.add(text)
  } else if (choice < 88 && world.held.length > 0) {
    const { ackId } = take()
    try {
      cloud.core.subscriber.modifyAckDeadline({
        subscription: SUBSCRIPTION,
        ackIds: [ackId],
        ackDeadlineSeconds: random(2) * 20,
      })
    } catch {
      // stale, under exactly-once
    }
  } else if (choice < 97) {
    await cloud.clock.advance(random(8_000))
  } else {
    world.cloud = cloud.killed()
  }
}

function journalRecords({ journal, directory }: FakeCloud): number {
  journal.flush()
  const lines = readFileSync(join(directory!, 'journal.jsonl'), 'utf8').trimEnd().split('\n')
  return lines.flatMap((line) => JSON.parse(line) as unknown[]).length
}

/** Pulls and acknowledges all messages that a subscription still holds; each round removes some, so it ends. */
async function drain(cloud: FakeCloud, subscription: string): Promise<string[]> {
  const texts: string[] = []
  while (cloud.core.backlog(subscription).undelivered > 0) {
    await cloud.clock.advance(30_000)
    const batch = await pullNow(cloud, 1000, subscription)
    texts.push(...batch.map(({ text }) => text))
    if (batch.length > 0) cloud.core.subscriber.acknowledge({ subscription, ackIds: batch.map(({ ackId }) => ackId) })
  }
  return texts
}

describe('random actions of subscribers, with kills of the process', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'leave every message acknowledged, held or dead-lettered: seed %i',
    async (seed) => {
      const random = seeded(seed)
      const world = makeWorld(random)
      for (let n = 0; n < 120; n++) await step(world, random)
      const { cloud, published, acked } = world
      const left = await drain(cloud, SUBSCRIPTION)
      const dead = await drain(cloud, DEAD)
      const accounted = new Set([...acked, ...left, ...dead])
      expect([...published].filter((text) => !accounted.has(text) && !world.ackedEarly.has(text))).toEqual([])
      // The other subscription is not affected by the actions on the first.
      expect((await drain(cloud, OTHER)).toSorted()).toEqual([...published].toSorted())
      expect(cloud.core.retainedMessageCount()).toBe(0)
      expect(cloud.killed().core.retainedMessageCount()).toBe(0)
    },
  )

  it('write one journal record per message and one per completion', async () => {
    const cloud = withSubscription(fakeCloud({ onDisk: true }))
    publishText(cloud, 'first takes a block of ids')
    const before = journalRecords(cloud)
    for (let n = 0; n < 100; n++) publishText(cloud, String(n))
    expect(journalRecords(cloud) - before).toBe(100)
    const ackIds = (await pullNow(cloud)).map(({ ackId }) => ackId)
    cloud.core.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds })
    expect(journalRecords(cloud) - before).toBe(201)
  })
})
