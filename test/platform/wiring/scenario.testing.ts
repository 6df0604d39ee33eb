/** A scenario of one completed and one declined order that uses and checks every connection of the platform. */

import { BigQuery } from '@google-cloud/bigquery'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import type { Api } from '../../../cli/api.ts'
import { business } from '../../../functions/index.ts'
import { hasEnded, type OrderView } from '../../../functions/shop/cli/order-view.ts'
import { references, type TestCard } from '../../../functions/shop/cli/references.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { sentIn } from '../../support/sends.ts'

const POLL_INTERVAL_MS = 25

const success = [
  'order.placed',
  'stock.reserved',
  'payment.authorized',
  'order.confirmed',
  'order.released',
  'shipment.created',
  'shipment.dispatched',
  'payment.captured',
  'stock.committed',
  'order.completed',
]
const decline = ['order.placed', 'stock.reserved', 'payment.declined', 'order.rejected', 'stock.released']
const notified = new Set([
  'order.placed',
  'order.rejected',
  'order.confirmed',
  'order.completed',
  'shipment.dispatched',
])

/**
 * Publishes a product, stocks it, orders it with a good and with a bad card, and waits until order, history, BigQuery
 * and the send log have all of their events.
 * @throws Error that names the missing result after the limit.
 */
export async function runScenario(platform: TestPlatform, withinMs: number): Promise<void> {
  const deadlineMs = Date.now() + withinMs
  const sku = `WIRE-${crypto.randomUUID().slice(0, 8)}`
  const staff = platform.staff()
  const waitFor = <T>(what: string, read: () => Promise<T | undefined>): Promise<T> => until(what, deadlineMs, read)

  await waitFor('product accepted', () =>
    sent(staff, '/v1/products', sku, { sku, name: sku, unitMinor: 100, currency: 'EUR' }),
  )
  await waitFor('product published', () => got(staff, `/v2/products/${sku}`))
  await waitFor('price accepted', () =>
    sent(staff, '/v1/prices', `${sku}-price`, { sku, unitMinor: 110, currency: 'EUR' }),
  )
  const { deliveryId } = await waitFor('stock accepted', () =>
    sent<{ deliveryId: string }>(staff, '/v1/stock', sku, { lines: [{ sku, quantity: 10 }] }),
  )
  await waitFor('delivery booked', () => got(staff, `/v1/deliveries/${deliveryId}`))
  await waitFor('price changed', async () => {
    const product = await got<{ prices: readonly { unitMinor: number }[] }>(staff, `/v2/products/${sku}`)
    return product?.prices[0]?.unitMinor === 110 ? product : undefined
  })
  await waitFor('events of the catalog in BigQuery', async () =>
    (await eventTypes(platform, sku)).length === 3 ? true : undefined,
  )
  await publishPrice(platform, sku)
  await Promise.all([
    ordered(platform, sku, 'card-ok', success, waitFor),
    ordered(platform, sku, 'card-stolen', decline, waitFor),
  ])
  const bigquery = new BigQuery({ projectId: platform.running.projectId })
  for (const view of viewsOf(platform))
    await waitFor(`view ${view}`, () =>
      bigquery.query(`SELECT * FROM analytics.${view} LIMIT 1`).catch(() => undefined),
    )
}

/** The business's views that the stacks of this platform declare. */
const viewsOf = ({ provisioned }: TestPlatform): string[] =>
  business.views.names.filter((name) =>
    provisioned.some(
      ({ resource: { type, attributes } }) =>
        type === 'google_bigquery_table' && attributes['table_id'] === name && attributes['view'] !== undefined,
    ),
  )

type WaitFor = <T>(what: string, read: () => Promise<T | undefined>) => Promise<T>

async function ordered(
  platform: TestPlatform,
  sku: string,
  card: TestCard,
  expected: readonly string[],
  waitFor: WaitFor,
): Promise<void> {
  const api = platform.customer()
  const own = await waitFor(`address and ${card} kept`, () => references(api, card))
  const body = {
    currency: 'EUR',
    lines: [{ sku, quantity: 1 }],
    ...own,
    expectedTotalMinor: 120,
  }
  const { orderId } = await waitFor(`order with ${card} placed`, () =>
    sent<{ orderId: string }>(api, '/v1/orders', `${sku}-${card}`, body),
  )
  await waitFor(`${expected.join(', ')} in the history of ${orderId}`, async () => {
    const order = await got<OrderView>(api, `/v1/orders/${orderId}`)
    const recorded = new Set(order?.timeline.entries?.map(({ type }) => type))
    return order && hasEnded(order) && expected.every((type) => recorded.has(type)) ? order : undefined
  })
  await waitFor(`every event of ${orderId} in BigQuery`, async () => {
    const stored = new Set(await eventTypes(platform, orderId))
    return expected.every((type) => stored.has(type)) ? true : undefined
  })
  const firestore = new Firestore({ projectId: platform.running.projectId, databaseId: 'notifications' })
  try {
    await waitFor(`notifications of ${orderId} sent`, async () => {
      const sends = sentIn([(await firestore.collection('sends').doc(orderId).get()).data() ?? { sends: {} }])
      const types = new Set(sends.map(({ eventType }) => eventType))
      return expected.filter((type) => notified.has(type)).every((type) => types.has(type)) ? true : undefined
    })
  } finally {
    await firestore.terminate()
  }
}

/** Publishes a price by hand: only the replica of prices receives it, so an order at this price proves its subscription. */
async function publishPrice({ running }: TestPlatform, sku: string): Promise<void> {
  const pubsub = new PubSub({ projectId: running.projectId })
  const data = { sku, unitMinor: 120, currency: 'EUR' }
  const envelope = {
    id: crypto.randomUUID(),
    type: 'price.changed',
    version: 1,
    source: 'cli',
    subject: sku,
    sequence: 0,
    time: new Date().toISOString(),
    correlationId: sku,
    causationId: 'cli',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    actor: 'staff:wiring',
    data,
  }
  await pubsub
    .topic('price.changed')
    .publishMessage({ json: envelope })
    .catch(() => undefined)
  await pubsub.close()
}

async function eventTypes(platform: TestPlatform, correlationId: string): Promise<string[]> {
  try {
    const [rows] = await new BigQuery({ projectId: platform.running.projectId }).query({
      query: 'SELECT type FROM analytics.event_log WHERE correlation_id = @correlationId',
      params: { correlationId },
    })
    return (rows as { type: string }[]).map(({ type }) => type)
  } catch {
    // A removed table or view counts as not there yet.
    return []
  }
}

async function sent<T = unknown>(api: Api, path: string, key: string, body: unknown): Promise<T | undefined> {
  try {
    return (await api.send<T>('POST', path, { key, body })).body
  } catch {
    return undefined
  }
}

async function got<T = unknown>(api: Api, path: string): Promise<T | undefined> {
  try {
    return (await api.send<T>('GET', path)).body
  } catch {
    return undefined
  }
}

async function until<T>(what: string, deadlineMs: number, read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const leftMs = deadlineMs - Date.now()
    // A read may hang on a removed resource, so it is limited to the remaining time.
    const seen = leftMs > 0 ? await Promise.race([read().catch(() => undefined), pause(leftMs)]) : undefined
    if (seen !== undefined) return seen
    if (Date.now() >= deadlineMs) throw new Error(`no ${what}`)
    await pause(POLL_INTERVAL_MS)
  }
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms))
}
