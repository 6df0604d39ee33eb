/** The pull of a worker against the local Pub/Sub: what it acknowledges, when, and what it gives back. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { pubsub } from 'local-google-cloud/pubsub'
import { makeSubscriber } from '../../shared/gcp/clients.ts'
import { type PulledMessage, type Puller, startPulling } from '../../shared/gcp/puller.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }
const LONG = { timeout: 20_000 }

type Client = Awaited<ReturnType<typeof makeSubscriber>>

let cloud: LocalCloud
let client: Client
beforeAll(async () => {
  cloud = await createLocalCloud({ plugins: [pubsub], project, iam: 'off' })
  client = await makeSubscriber(cloud.ownerHost)
})
afterAll(async () => {
  await client.close()
  await cloud.close()
})

interface Handled {
  readonly text: string
  readonly attempt: number
  readonly attributes: Readonly<Record<string, string>>
  readonly subscription: string
  end(isDone: boolean): void
}

const pullers: Puller[] = []
/** Messages that are handled wait for the test. */
const handled: Handled[] = []
const interruptions: string[] = []
const failures: string[] = []
const texts = (): string[] => handled.map(({ text }) => text)
let topics = 0

async function pulling(gatherMs = 0): Promise<{ topic: string; subscription: string }> {
  const { topic, subscription } = await subscribed()
  pull([subscription], gatherMs)
  return { topic, subscription }
}
async function subscribed(): Promise<{ topic: string; subscription: string }> {
  const name = `projects/${project.id}/topics/pulled-${topics++}`
  const subscription = name.replace('/topics/', '/subscriptions/')
  const letters = `${name}-letters`
  for (const one of [name, letters]) await cloud.api('PUT', `/v1/${one}`, {})
  await cloud.api('PUT', `/v1/${letters.replace('/topics/', '/subscriptions/')}`, { topic: letters })
  await cloud.api('PUT', `/v1/${subscription}`, {
    topic: name,
    ackDeadlineSeconds: 60,
    deadLetterPolicy: { deadLetterTopic: letters, maxDeliveryAttempts: 5 },
  })
  return { topic: name, subscription }
}
function pull(subscriptions: readonly string[], gatherMs: number, maxBytes?: number): void {
  pullers.push(
    startPulling({
      client,
      subscriptions,
      gatherMs,
      extendMs: 10,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      handle: (from, message) =>
        message.data.toString() === 'broken' && message.attempt === 1
          ? Promise.reject(new Error('The framework failed.'))
          : new Promise((resolve) => handled.push(held(from, message, resolve))),
      failed: (from, error) => failures.push(`${from}: ${(error as Error).message}`),
      interrupted: (from, error) => interruptions.push(`${from}: ${error.message}`),
    }),
  )
}
const held = (
  subscription: string,
  { data, attempt, attributes }: PulledMessage,
  end: (isDone: boolean) => void,
): Handled => ({ text: data.toString(), attempt, attributes, subscription, end })

const publish = (topic: string, ...all: string[]): Promise<unknown> =>
  cloud.api('POST', `/v1/${topic}:publish`, {
    messages: all.map((text) => ({
      data: Buffer.from(text).toString('base64'),
      attributes: { text: text.slice(0, 9) },
    })),
  })
/** Of a subscription: those that are not acknowledged. */
const unacknowledged = async (subscription: string): Promise<number> => {
  const { subscriptions } = (await cloud.api('GET', '/_local/pubsub/subscriptions')) as {
    subscriptions: readonly { name: string; waiting: number }[]
  }
  return subscriptions.find(({ name }) => name === subscription)!.waiting
}

/** Answers with messages. */
const pulls = (): number => cloud.counters()['pubsub.pullRequests'] ?? 0

afterEach(async () => {
  for (const { end } of handled) end(true)
  await Promise.all(pullers.splice(0).map((one) => one.stop()))
  handled.length = 0
  interruptions.length = 0
  failures.length = 0
})

it('large messages of several subscriptions share a bound of bytes, and the others come when these are handled', async () => {
  const [one, other] = [await subscribed(), await subscribed()]
  const large = (name: string): string => name.repeat(100_000)
  for (const { topic } of [one, other]) await publish(topic, ...['a', 'b', 'c', 'd'].map(large))
  // Two of each are above half of it.
  pull([one.subscription, other.subscription], 0, 390_000)
  const names = (): string =>
    texts()
      .map((text) => text.charAt(0))
      .toSorted()
      .join('')
  await expect.poll(names, LONG).toBe('aabb')
  for (const { end } of handled) end(true)
  await expect.poll(names, LONG).toBe('aabbccdd')
  for (const { end } of handled) end(true)
  await expect.poll(() => unacknowledged(one.subscription), LONG).toBe(0)
})

describe('a message', () => {
  it('is acknowledged when its handling has ended well, and not before', async () => {
    const { topic, subscription } = await pulling()
    await publish(topic, 'a', 'b')
    await expect.poll(texts, LONG).toEqual(['a', 'b'])
    expect(handled[0]).toMatchObject({ attempt: 1, attributes: { text: 'a' }, subscription })
    expect(await unacknowledged(subscription)).toBe(2)
    handled[0]!.end(true)
    await expect.poll(() => unacknowledged(subscription), LONG).toBe(1)
    handled[1]!.end(true)
    await expect.poll(() => unacknowledged(subscription), LONG).toBe(0)
  })

  it('whose handling failed comes again alone, with its attempt, and becomes a dead letter at the last', async () => {
    const { topic, subscription } = await pulling()
    await publish(topic, 'good', 'bad', 'better')
    await expect.poll(texts, LONG).toEqual(['good', 'bad', 'better'])
    for (const { text, end } of handled) end(text !== 'bad')
    for (let attempt = 2; attempt <= 5; attempt++) {
      await expect.poll(() => handled.length, LONG).toBe(attempt + 2)
      expect(handled.at(-1)).toMatchObject({ text: 'bad', attempt })
      handled.at(-1)!.end(false)
    }
    await expect.poll(() => unacknowledged(`${subscription}-letters`), LONG).toBe(1)
    expect(await unacknowledged(subscription)).toBe(0)
    expect(handled).toHaveLength(7)
  })

  it('whose handling rejects comes again alone, and is reported', async () => {
    const { topic, subscription } = await pulling()
    await publish(topic, 'good', 'broken')
    await expect.poll(texts, LONG).toEqual(['good', 'broken'])
    expect(handled.at(-1)).toMatchObject({ attempt: 2 })
    expect(failures).toEqual([`${subscription}: The framework failed.`])
    for (const { end } of handled) end(true)
    await expect.poll(() => unacknowledged(subscription), LONG).toBe(0)
  })

  it('is handled with the others that come within the time, whatever their subscription', async () => {
    const [one, other] = [await subscribed(), await subscribed()]
    const before = pulls()
    pull([one.subscription, other.subscription], 2_000)
    for (const [index, { topic }] of [one, other, one].entries()) {
      await publish(topic, String(index))
      await expect.poll(pulls, LONG).toBe(before + index + 1)
    }
    expect(texts()).toEqual([])
    await expect.poll(() => handled.length, { ...LONG, interval: 0 }).toBeGreaterThan(0)
    expect(texts()).toEqual(['0', '1', '2'])
  })
})

describe('stopping', () => {
  it('handles and acknowledges what was taken, and gives back what comes then', async () => {
    const { topic, subscription } = await pulling(60_000)
    const before = pulls()
    await publish(topic, 'taken')
    // The time in which others would be taken with it does not end in this test.
    await expect.poll(pulls, LONG).toBeGreaterThan(before)
    const stopped = pullers.pop()!.stop()
    await expect.poll(texts, LONG).toEqual(['taken'])
    await publish(topic, 'late')
    await expect.poll(pulls, LONG).toBe(before + 2)
    let isStopped = false
    void stopped.then(() => (isStopped = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isStopped).toBe(false)
    handled[0]!.end(true)
    await stopped
    expect(texts()).toEqual(['taken'])
    await expect.poll(() => unacknowledged(subscription), LONG).toBe(1)
  })
})

describe('a stream that ends', () => {
  it('is opened again, and the acknowledgements that it could not take are sent by the next', async () => {
    const { topic, subscription } = await pulling()
    await publish(topic, 'a')
    await expect.poll(texts, LONG).toEqual(['a'])
    // A subscription whose delivery changes ends its streams.
    await cloud.api('POST', `/v1/${subscription}:modifyPushConfig`, {
      pushConfig: { pushEndpoint: 'https://example.com/elsewhere' },
    })
    await expect.poll(() => interruptions.length, LONG).toBeGreaterThan(0)
    handled[0]!.end(true)
    await cloud.api('POST', `/v1/${subscription}:modifyPushConfig`, { pushConfig: {} })
    await expect.poll(() => unacknowledged(subscription), LONG).toBe(0)
    await publish(topic, 'b')
    await expect.poll(() => texts().at(-1), LONG).toBe('b')
  })
})
