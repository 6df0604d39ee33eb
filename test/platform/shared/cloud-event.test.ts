/** Notifications receives CloudEvents, which the functions framework makes of pushes: the send log has an entry for each envelope. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RequestLogEntry } from 'local-google-cloud'
import { subscriptionName } from '../../../shared/base/names.ts'
import { googleClients } from '../../support/google-clients.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { stateOf } from '../../support/state.ts'

const platform = joinPlatform('cloud-event')
const google = googleClients(platform)
const state = stateOf(platform)
const SKU = 'CLOUD-EVENT-1'
const notifiedTypes = [
  'order.placed',
  'order.confirmed',
  'shipment.dispatched',
  'shipment.delivered',
  'order.completed',
]

beforeAll(() => platform.sell({ sku: SKU, unitMinor: 1190 }), 60_000)
afterAll(async () => {
  await google.close()
  await state.close()
})

async function ordered(): Promise<string> {
  const orderId = await platform.place({ sku: SKU, quantity: 1 })
  await platform.followed(platform.customer(), orderId)
  return orderId
}

/** The published events of an order in BigQuery: envelope and Pub/Sub's message id. */
const published = (orderId: string) =>
  google.rows<{ id: string; type: string; messageId: string; json: string }>(
    `
      SELECT JSON_VALUE(data, '$.id') AS id, JSON_VALUE(data, '$.type') AS type, message_id AS messageId,
        TO_JSON_STRING(data) AS json
      FROM (
        SELECT data, message_id, publish_time FROM events.orders
        UNION ALL SELECT data, message_id, publish_time FROM events.shipping
      )
      WHERE publish_time >= TIMESTAMP '2020-01-01' AND JSON_VALUE(data, '$.correlationId') = @orderId`,
    { orderId },
  )
/** Waits for the seven events of orders and shipping about a completed order: placed, confirmed, released, completed; created, dispatched, delivered. */
const allPublished = (orderId: string): Promise<Awaited<ReturnType<typeof published>>> =>
  vi.waitFor(
    async () => {
      const rows = await published(orderId)
      expect(rows).toHaveLength(7)
      return rows
    },
    { timeout: 10_000 },
  )

describe('the send log', () => {
  it('has one document for the order, with an entry for each envelope under its id', async () => {
    const orderId = await ordered()
    const events = (await allPublished(orderId)).filter(({ type }) => notifiedTypes.includes(type))
    await expect.poll(async () => (await state.sends(orderId)).length, { timeout: 10_000 }).toBe(notifiedTypes.length)
    const sends = await state.sends(orderId)
    expect(sends.map(({ id, eventType }) => ({ id, eventType }))).toEqual(
      expect.arrayContaining(events.map(({ id, type }) => ({ id, eventType: type }))),
    )
  })

  it('does not change when the same envelope arrives in another message', async () => {
    const orderId = await ordered()
    const { json } = (await allPublished(orderId)).find(({ type }) => type === 'order.confirmed')!
    await expect.poll(async () => (await state.sends(orderId)).length, { timeout: 10_000 }).toBe(notifiedTypes.length)
    const before = await state.sends(orderId)
    const messageId = await google.pubsub.topic('order.confirmed').publishMessage({ data: Buffer.from(json) })
    const subscription = `projects/${platform.running.projectId}/subscriptions/${subscriptionName('notifications', 'order.confirmed')}`
    const push = async () =>
      (await platform.local<RequestLogEntry[]>('request-log')).find(
        (one) => one.kind === 'push' && one.resource === subscription && one.messageId === messageId,
      )
    await expect.poll(async () => (await push())?.status, { timeout: 10_000 }).toBe(204)
    expect(await state.sends(orderId)).toEqual(before)
  })
})
