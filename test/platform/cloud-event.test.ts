/** Notifications hear CloudEvents: the send log ties the envelope to the event that the functions framework made of the push. */

import { BigQuery } from '@google-cloud/bigquery'
import { PubSub, type Message } from '@google-cloud/pubsub'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { OrderView } from '../../functions/shop/cli/order-view.ts'
import { references } from '../../functions/shop/cli/references.ts'
import { notifications } from '../../functions/notifications/service.ts'
import { accountEmail, deadLetterName, eventPath, pushAccountId, subscriptionName } from '../../shared/base/names.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { stateOf, type State } from '../support/state.ts'

let platform: TestPlatform
let state: State
let pubsub: PubSub
let bigquery: BigQuery
const told = ['order.placed', 'order.confirmed', 'shipment.dispatched', 'order.completed']

beforeAll(async () => {
  platform = await startTestPlatform()
  state = stateOf(platform)
  const { projectId, apiHost } = platform.running
  vi.stubEnv('PUBSUB_EMULATOR_HOST', apiHost)
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${apiHost}`)
  pubsub = new PubSub({ projectId })
  bigquery = new BigQuery({ projectId })
  await vi.waitUntil(async () => (await state.collection('orders', 'prices')).length === 4, { timeout: 20_000 })
}, 120_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await pubsub?.close()
  await state?.close()
  await platform?.close()
}, 30_000)

async function ordered(): Promise<OrderView> {
  const api = platform.customer()
  const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
    key: crypto.randomUUID(),
    body: {
      currency: 'EUR',
      lines: [{ sku: 'TEA-001', quantity: 1 }],
      ...(await references(api)),
    },
  })
  return platform.followed(api, body.orderId)
}

const sendsOf = async (orderId: string): Promise<Record<string, unknown>[]> =>
  (await state.collection('notifications', 'sends')).filter((one) => one['orderId'] === orderId)

/** The published events of an order: envelope and Pub/Sub's message id, as BigQuery received them. */
async function published(orderId: string): Promise<{ id: string; type: string; messageId: string; json: string }[]> {
  const [rows] = await bigquery.query({
    query: `
      SELECT JSON_VALUE(data, '$.id') AS id, JSON_VALUE(data, '$.type') AS type, message_id AS messageId,
        TO_JSON_STRING(data) AS json
      FROM (SELECT data, message_id FROM events.orders UNION ALL SELECT data, message_id FROM events.shipping)
      WHERE JSON_VALUE(data, '$.correlationId') = @orderId`,
    params: { orderId },
  })
  return rows as { id: string; type: string; messageId: string; json: string }[]
}
/** Orders and shipping say six things about an order that completes: placed, confirmed, released, completed; created, dispatched. */
const allPublished = (orderId: string): Promise<Awaited<ReturnType<typeof published>>> =>
  vi.waitFor(
    async () => {
      const rows = await published(orderId)
      expect(rows).toHaveLength(6)
      return rows
    },
    { timeout: 10_000 },
  )

describe('the send log', () => {
  it(
    "is keyed by the envelope's id and holds the CloudEvent's, which is the message's",
    { timeout: 30_000 },
    async () => {
      const { orderId } = await ordered()
      const events = (await allPublished(orderId)).filter(({ type }) => told.includes(type))
      await expect.poll(async () => (await sendsOf(orderId)).length, { timeout: 10_000 }).toBe(told.length)
      const sends = await sendsOf(orderId)
      expect(
        sends.map(({ id, eventType, messageId, cloudEventId }) => ({ id, eventType, messageId, cloudEventId })),
      ).toEqual(
        expect.arrayContaining(
          events.map(({ id, type, messageId }) => ({ id, eventType: type, messageId, cloudEventId: messageId })),
        ),
      )
    },
  )

  it('stays as it is when the same envelope comes in another message', { timeout: 30_000 }, async () => {
    const { orderId } = await ordered()
    const { json } = (await allPublished(orderId)).find(({ type }) => type === 'order.confirmed')!
    await expect.poll(async () => (await sendsOf(orderId)).length, { timeout: 10_000 }).toBe(told.length)
    const before = await sendsOf(orderId)
    const messageId = await pubsub.topic('order.confirmed').publishMessage({ data: Buffer.from(json) })
    const subscription = `projects/${platform.running.projectId}/subscriptions/${subscriptionName('notifications', 'order.confirmed')}`
    await expect
      .poll(
        () =>
          platform.cloud
            .requestLog()
            .find((one) => one.kind === 'push' && one.resource === subscription && one.messageId === messageId)?.status,
        { timeout: 10_000 },
      )
      .toBe(204)
    expect(await sendsOf(orderId)).toEqual(before)
  })

  it('stays empty without the subscriptions, and fills again with them', { timeout: 60_000 }, async () => {
    const wanted = new Set<unknown>(notifications.on.map((type) => subscriptionName('notifications', type)))
    const subscriptions = platform.provisioned.filter(
      ({ resource: { type, attributes } }) => type === 'google_pubsub_subscription' && wanted.has(attributes['name']),
    )
    expect(subscriptions).toHaveLength(wanted.size)
    const waiting = platform.cloud.requestLog().length
    try {
      for (const { resource } of subscriptions) await pubsub.subscription(String(resource.attributes['name'])).delete()
      const { orderId } = await ordered()
      await allPublished(orderId)
      expect(await sendsOf(orderId)).toEqual([])
      const since = platform.cloud.requestLog().slice(waiting)
      expect(since.filter(({ kind, resource }) => kind === 'ingress' && resource === 'notifications')).toEqual([])
    } finally {
      for (const { resource, provisioner } of subscriptions) await provisioner.create(resource, platform.api)
    }
    const { orderId } = await ordered()
    await expect.poll(async () => (await sendsOf(orderId)).length, { timeout: 10_000 }).toBe(told.length)
  })
})

describe('what is no event', () => {
  const post = async (path: string, body: unknown, signed = true): Promise<number> => {
    const url = `http://127.0.0.1:${platform.ports.service('notifications')}`
    const token = await platform.cloud.core<{ mintIdToken(o: object): Promise<string> }>('iam').mintIdToken({
      email: accountEmail(pushAccountId('notifications'), platform.running.projectId),
      audience: url,
    })
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(signed ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    })
    return response.status
  }
  const path = eventPath('order.placed')
  /** Pulls, by the official client, until the message with these bytes is there. */
  const deadLetter = async (data: string): Promise<Message> => {
    const kept = pubsub.subscription(deadLetterName('notifications'))
    try {
      return await new Promise((resolve, reject) =>
        kept
          .on('message', (message: Message) => {
            message.ack()
            if (message.data.toString() === data) resolve(message)
          })
          .on('error', reject),
      )
    } finally {
      await kept.close()
    }
  }

  it.each<[string, unknown, RegExp]>([
    ['unrelated JSON', { unrelated: true }, /^not a Pub\/Sub push message/],
    [
      'a CloudEvent of something else',
      { specversion: '1.0', type: 'com.example', source: 'x', id: '1', data: {} },
      /^not a Pub\/Sub push message/,
    ],
  ])('%s is dead-lettered, not swallowed', async (_, body, reason) => {
    const before = await state.all()
    expect(await post(path, body)).toBe(204)
    const { attributes } = await deadLetter(JSON.stringify(body))
    expect(attributes).toMatchObject({
      type: 'order.placed',
      listener: 'notifications',
      reason: expect.stringMatching(reason),
    })
    expect(await state.all()).toEqual(before)
  })

  it('a push of something that is no envelope is dead-lettered with its own bytes', async () => {
    const data = JSON.stringify({ hello: 'world' })
    await pubsub.topic('order.rejected').publishMessage({ data: Buffer.from(data) })
    const { attributes } = await deadLetter(data)
    expect(attributes).toMatchObject({ type: 'order.rejected', reason: expect.stringMatching(/^not an envelope/) })
  })

  it('nor a place for it: Pub/Sub reaches no other path, and unsigned requests are refused', async () => {
    const before = await state.all()
    expect(await post('/', { unrelated: true })).toBe(401)
    expect(await post(eventPath('stock.reserved'), {})).toBe(401)
    expect(await post(path, { unrelated: true }, false)).toBe(403)
    expect(await state.all()).toEqual(before)
  })
})
