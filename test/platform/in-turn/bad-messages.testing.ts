/** Invalid messages and tasks are dead-lettered unchanged, with the reason, or wait for a later revision; unknown callers are rejected; no state changes. */

import type { Message, Subscription } from '@google-cloud/pubsub'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountEmail, deadLetterName, eventPath, pushAccountId, queueName } from '../../../shared/base/names.ts'
import { envelope } from '../../support/envelope.ts'
import { googleClients, type GoogleClients } from '../../support/google-clients.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { stateOf, type State } from '../../support/state.ts'

let platform: TestPlatform
let state: State
let google: GoogleClients
let kept: Subscription[] = []
const deadLetters: Message[] = []

beforeAll(async () => {
  platform = platformInTurn().platform
  state = stateOf(platform)
  google = googleClients(platform)
  kept = ['orders', 'notifications'].map((consumer) => google.pubsub.subscription(deadLetterName(consumer)))
  for (const subscription of kept)
    subscription.on('message', (message: Message) => {
      deadLetters.push(message)
      message.ack()
    })
  await state.seeded()
}, 120_000)
afterAll(async () => {
  await Promise.all(kept.map((subscription) => subscription.close()))
  await google?.close()
  await state?.close()
}, 30_000)

/** Publishes like `npm run publish`. */
const byHand = (changes: object = {}): object =>
  envelope('price.changed', { sequence: 0, data: { sku: 'TEA-001', unitMinor: 1, currency: 'EUR' }, ...changes })

/** Waits until exactly these bytes are among the dead letters, once. */
async function deadLetterOf(data: Buffer): Promise<Message['attributes']> {
  const found = (): Message[] => deadLetters.filter((one) => one.data.equals(data))
  await expect.poll(() => found().length, { timeout: 10_000 }).toBe(1)
  return found()[0]!.attributes
}

describe('a bad message', () => {
  const taken = { sku: 'TEA-001', currency: 'EUR' }
  it.each<[string, string, unknown, RegExp]>([
    ['that is not JSON', 'price.changed', 'unit price: 1', /^not JSON: /],
    ['of bytes that are not UTF-8', 'price.changed', Buffer.from([0xff, 0x00, 0xfe]), /^not JSON: /],
    ['without an envelope', 'price.changed', { hello: 'world' }, /^not an envelope: id: .*; type: /],
    ['with data and no envelope', 'price.changed', { ...taken, unitMinor: 1 }, /^not an envelope: /],
    ['with an unknown field in its envelope', 'price.changed', byHand({ priority: 1 }), /^not an envelope: .*priority/],
    [
      'of an unknown type',
      'price.changed',
      byHand({ type: 'price.invented' }),
      /^the type in the envelope is price\.invented, not price\.changed$/,
    ],
    ['of a later version', 'price.changed', byHand({ version: 99 }), /version 99, which is newer than 2$/],
    ['of version zero', 'price.changed', byHand({ version: 0 }), /^not an envelope: version: /],
    [
      'that breaks its contract',
      'price.changed',
      byHand({ data: { ...taken, unitMinor: -1 } }),
      /^price\.changed breaks its contract: unitMinor: /,
    ],
    [
      'published by hand to a topic of a service',
      'payment.declined',
      byHand({ type: 'payment.declined', data: { orderId: 'o-1', paymentId: 'p-1', code: 'card-declined' } }),
      /^payment\.declined has sequence 0: it was published by hand/,
    ],
  ])('%s', async (_, topic, given, reason) => {
    const before = await state.all()
    const text = Buffer.isBuffer(given) ? given : typeof given === 'string' ? given : JSON.stringify(given)
    const data = Buffer.from(text as string)
    await google.pubsub.topic(topic).publishMessage({ data })
    const attributes = await deadLetterOf(data)
    expect(attributes).toMatchObject({ type: topic, consumer: 'orders', reason: expect.stringMatching(reason) })
    expect(await state.all()).toEqual(before)
  })

  it('without an envelope is dead-lettered unchanged by a CloudEvent function too', async () => {
    const data = Buffer.from(JSON.stringify({ hello: 'notifications' }))
    await google.pubsub.topic('order.rejected').publishMessage({ data })
    expect(await deadLetterOf(data)).toMatchObject({
      type: 'order.rejected',
      consumer: 'notifications',
      reason: expect.stringMatching(/^not an envelope/),
    })
  })

  it('to a topic of an unknown event is refused', async () => {
    const publish = google.pubsub.topic('price.invented').publishMessage({ json: byHand({ type: 'price.invented' }) })
    await expect(publish).rejects.toMatchObject({ code: 5 })
  })

  it("that is malformed does not break BigQuery's views", async () => {
    const orderId = await platform.place({ sku: 'TEA-001', quantity: 1 })
    const nonsense = [
      {
        id: 'nonsense',
        version: 'one',
        sequence: 'first',
        time: 'never',
        type: 'order.placed',
        data: { lines: 'none', totalMinor: 'much', placedAt: 'once' },
      },
      { time: 'never', type: 'order.placed', correlationId: 7 },
      ['a', 'list'],
      'a text',
      null,
    ]
    const topic = google.pubsub.topic('order.placed')
    await Promise.all(nonsense.map((json) => topic.publishMessage({ data: Buffer.from(JSON.stringify(json)) })))
    await platform.followed(platform.customer(), orderId)
    const { rows } = google
    const raw = `SELECT message_id FROM events.orders WHERE publish_time >= TIMESTAMP '2020-01-01' AND subscription_name LIKE '%order.placed'`
    await expect.poll(async () => (await rows(raw)).length, { timeout: 10_000 }).toBe(nonsense.length + 1)
    await expect
      .poll(() => rows(`SELECT order_id, status, total_minor FROM analytics.orders`), { timeout: 10_000 })
      .toEqual([{ order_id: orderId, status: 'completed', total_minor: 1190 }])
    const view = async (name: string): Promise<unknown> =>
      JSON.parse(JSON.stringify(await rows(`SELECT * FROM analytics.${name}`)))
    const log = (await view('event_log')) as { id: string | null; type: string }[]
    expect(log.filter(({ id }) => id === null)).toEqual([])
    expect(log.filter(({ id }) => id === 'nonsense')).toMatchObject([{ version: null, sequence: null, time: null }])
    expect(log.filter(({ id, type }) => type === 'order.placed' && id !== 'nonsense')).toHaveLength(1)
    const lines = (await view('order_lines')) as { line_id: string | null }[]
    // The order whose lines are no list has one, without a line.
    expect(lines.filter(({ line_id }) => line_id === null)).toMatchObject([
      { order_id: null, sku: null, quantity: null },
    ])
    expect(lines.filter(({ line_id }) => line_id !== null)).toEqual([
      {
        order_id: orderId,
        line_id: '1',
        sku: 'TEA-001',
        quantity: 1,
        unit_minor: 1190,
        unit_price: '11.9',
        currency: 'EUR',
      },
    ])
    const funnel = (await view('funnel')) as { stage: string; orders: number }[]
    expect(funnel.map(({ orders }) => orders)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
    expect(await view('revenue_by_day')).toMatchObject([
      { currency: 'EUR', orders: 1, revenue_minor: '1190', revenue: '11.9' },
    ])
    expect(await view('units_by_sku')).toEqual([
      { sku: 'TEA-001', currency: 'EUR', units: 1, revenue_minor: '1190', revenue: '11.9' },
    ])
    expect(await view('saga_durations')).toMatchObject([{ order_id: orderId, status: 'completed' }])
  })
})

describe('a bad task', () => {
  const sent = async (path: string, body: string, account = 'orders'): Promise<{ name: string; data: Buffer }> => {
    const { projectId } = platform.running
    const url = `http://127.0.0.1:${platform.ports.service('orders')}`
    const [task] = await state.tasks.createTask({
      parent: state.tasks.queuePath(projectId, 'europe-west1', queueName('orders')),
      task: {
        httpRequest: {
          url: `${url}${path}`,
          httpMethod: 'POST',
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(body),
          oidcToken: { serviceAccountEmail: accountEmail(account, projectId), audience: url },
        },
      },
    })
    return { name: task.name!.split('/').at(-1)!, data: Buffer.from(body) }
  }
  const command = (changes: object): string =>
    JSON.stringify(byHand({ type: 'ContinueCheckout', source: 'orders', data: {}, ...changes }))

  it.each<[string, () => string, RegExp]>([
    ['whose body has no envelope', () => '{"orderId":"o-1"}', /^not an envelope: /],
    ['whose body is not JSON', () => 'retry', /^not JSON: /],
    [
      'with a command of another name',
      () => command({ type: 'ReserveStock' }),
      /^the type in the envelope is ReserveStock, not RetryCheckout$/,
    ],
    [
      'that breaks its contract',
      () => command({ type: 'RetryCheckout' }),
      /^RetryCheckout breaks its contract: orderId/,
    ],
  ])('%s', async (_, bodyOf, reason) => {
    const before = await state.all()
    const { data } = await sent('/commands/RetryCheckout', bodyOf())
    const attributes = await deadLetterOf(data)
    expect(attributes).toMatchObject({
      type: 'RetryCheckout',
      consumer: 'orders',
      reason: expect.stringMatching(reason),
    })
    // A dead-lettered task is acknowledged, so Cloud Tasks does not retry it.
    await expect.poll(() => state.all(), { timeout: 5_000 }).toEqual(before)
  })

  const expectWaiting = async (path: string, body: string, status: number, account?: string): Promise<void> => {
    const { name, data } = await sent(path, body, account)
    const attempts = (): unknown[] =>
      platform.cloud.requestLog().filter((one) => one.kind === 'task' && one.messageId === name)
    await expect.poll(() => attempts()[0], { timeout: 5_000 }).toMatchObject({ status })
    const { projectId } = platform.running
    await state.tasks.deleteTask({ name: state.tasks.taskPath(projectId, 'europe-west1', 'orders', name) })
    expect(deadLetters.some((one) => one.data.equals(data))).toBe(false)
  }

  it.each<[string, string, () => string]>([
    [
      'for an unknown command, which a later revision may have sent',
      'ShredOrder',
      () => command({ type: 'ShredOrder' }),
    ],
    ['for a timer, whose body has no envelope', 'ContinueCheckout', () => '{"orderId":"o-2"}'],
    ['for a timer, which breaks its contract', 'ContinueCheckout', () => command({})],
    ['for a timer of a later version', 'ContinueCheckout', () => command({ version: 2, data: { orderId: 'o-1' } })],
  ])('%s, stays in the queue', async (_, name, bodyOf) => {
    const before = await state.all()
    await expectWaiting(`/commands/${name}`, bodyOf(), 503)
    await expect.poll(() => state.all(), { timeout: 5_000 }).toEqual(before)
  })

  it('of an account that may not call stays in the queue and is not executed', async () => {
    await expectWaiting('/commands/ContinueCheckout', command({}), 403, 'history')
  })
})

describe('a direct call of a service', () => {
  const urlOf = (service: string): string => `http://127.0.0.1:${platform.ports.service(service)}`
  /** The headers of a push of Pub/Sub. */
  const pushToken = (consumer: string): Promise<string> =>
    platform.cloud.core<{ mintIdToken(o: object): Promise<string> }>('iam').mintIdToken({
      email: accountEmail(pushAccountId(consumer), platform.running.projectId),
      audience: urlOf(consumer),
    })
  const call = async (url: string, token?: string, body?: object): Promise<Response> =>
    fetch(url, {
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
      headers: {
        'content-type': 'application/json',
        // Services send the token in both headers; the ingress removes only the signature of the first.
        ...(token ? { 'x-serverless-authorization': `Bearer ${token}`, authorization: `Bearer ${token}` } : {}),
      },
    })
  const place = {
    sub: 'customer-1',
    importer: true,
    idempotencyKey: 'direct',
    order: {
      currency: 'EUR',
      lines: [{ sku: 'TEA-001', quantity: 1, unitMinor: 1 }],
      addressRef: 'a',
      paymentMethodRef: 'pm-1',
    },
  }

  it.each(['catalog', 'orders', 'inventory', 'payments', 'shipping', 'history', 'notifications', 'customers'])(
    '%s refuses callers without a token, with a token for another service, or without the grant',
    async (service) => {
      const before = await state.all()
      const path = `${urlOf(service)}/orders`
      expect((await call(path, undefined, place)).status).toBe(403)
      expect((await call(path, 'abc', place)).status).toBe(401)
      expect((await call(path, await platform.idToken('gateway', urlOf('gateway')), place)).status).toBe(401)
      const customer = await platform.identity.mint({ sub: 'customer-1', roles: ['importer'] })
      expect((await call(path, customer.token, place)).status).toBe(401)
      // Notifications sends no commands, so it may call no other service.
      expect((await call(path, await platform.idToken('notifications', urlOf(service)), place)).status).toBe(403)
      expect(await state.all()).toEqual(before)
    },
  )

  it('refuses an account at the paths of other accounts', async () => {
    const before = await state.all()
    // The gateway may place orders, and not deliver events or continue checkouts; a subscriber's push account the reverse.
    const gateway = await platform.idToken('gateway', urlOf('orders'))
    expect((await call(`${urlOf('orders')}/orders/o-none`, gateway)).status).toBe(404)
    for (const path of ['/events/price.changed', '/commands/ContinueCheckout']) {
      const answer = await call(`${urlOf('orders')}${path}`, gateway, {})
      expect(answer.status).toBe(403)
      expect(await answer.json()).toMatchObject({ code: 'caller-not-allowed' })
    }
    const pushed = await pushToken('orders')
    expect((await call(`${urlOf('orders')}/orders`, pushed, place)).status).toBe(403)
    for (const command of ['ContinueCheckout', 'ShredOrder'])
      expect((await call(`${urlOf('orders')}/commands/${command}`, pushed, {})).status).toBe(403)
    expect(await state.all()).toEqual(before)
  })

  /** The token in the only header that Pub/Sub sets. */
  const push = async (consumer: string, path: string, body: object): Promise<number> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${await pushToken(consumer)}` }
    return (await fetch(`${urlOf(consumer)}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status
  }

  // Orders receives by HTTP, notifications by the functions framework as CloudEvents.
  describe.each([
    ['orders', 'price.changed'],
    ['notifications', 'order.rejected'],
  ])('of Pub/Sub to %s', (consumer, type) => {
    it.each<[string, object]>([
      ['unrelated JSON', { unrelated: consumer }],
      ['a CloudEvent of something else', { specversion: '1.0', type: 'com.example', source: 'x', id: '1', data: {} }],
    ])('with %s is dead-lettered, and not only acknowledged', async (_, given) => {
      const before = await state.all()
      const body = { ...given, nonce: crypto.randomUUID() }
      expect(await push(consumer, eventPath(type), body)).toBe(204)
      const attributes = await deadLetterOf(Buffer.from(JSON.stringify(body)))
      expect(attributes).toMatchObject({
        type,
        consumer,
        reason: expect.stringMatching(/^not a Pub\/Sub push message/),
      })
      expect(await state.all()).toEqual(before)
    })
  })

  it('to notifications at the path of another subscription is refused', async () => {
    const before = await state.all()
    expect(await push('notifications', '/', { unrelated: true })).toBe(401)
    expect(await push('notifications', eventPath('stock.reserved'), {})).toBe(401)
    expect(await state.all()).toEqual(before)
  })
})
