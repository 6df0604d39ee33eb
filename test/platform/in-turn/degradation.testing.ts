/** The platform while a part of it is unavailable: the remaining answers, the waiting work, and the commands of operators. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { references } from '../../../functions/shop/cli/references.ts'
import type { TelemetryCore } from 'local-google-cloud/telemetry'
import { keyCheck } from '../../../emulators/partner-server.ts'
import { createCarrier } from '../../../functions/shop/local/carrier/server.ts'
import { notifications } from '../../../functions/notifications/service.ts'
import { queueName, stuckEvent, subscriptionName } from '../../../shared/base/names.ts'
import { type Ended, run } from '../../support/command.ts'
import { envelope } from '../../support/envelope.ts'
import { googleClients, type GoogleClients } from '../../support/google-clients.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { secretValue } from '../../support/secret-value.ts'
import { completed, spansOf, tree } from '../../support/spans.ts'
import { stateOf, type State } from '../../support/state.ts'

let dataDirectory: string
let platform: TestPlatform
let google: GoogleClients
let state: State
let carrier: Awaited<ReturnType<typeof createCarrier>> | undefined
let orderId: string
let order: object
const stopped = new Set<number>()

beforeAll(async () => {
  ;({ platform, dataDirectory } = platformInTurn())
  google = googleClients(platform)
  state = stateOf(platform)
  await state.seeded()
  order = { currency: 'EUR', lines: [one], ...(await references(platform.customer())) }
  orderId = await platform.place(one)
  await platform.followed(platform.customer(), orderId)
}, 120_000)
afterAll(async () => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT')
  await google?.close()
  await state?.close()
  await carrier?.close()
}, 30_000)

const one = { sku: 'TEA-001', quantity: 1 }

const ops = (...args: string[]): Promise<Ended> => run('cli/ops.ts', args, dataDirectory)

async function whileHanging(service: string, assertions: () => Promise<void>): Promise<void> {
  const pids = platform.run
    .processes()
    .filter((one) => one.service === service)
    .map(({ pid }) => pid)
  expect(pids.length).toBeGreaterThan(0)
  for (const pid of pids) {
    stopped.add(pid)
    process.kill(pid, 'SIGSTOP')
  }
  try {
    await assertions()
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
    stopped.clear()
  }
}
async function send(method: string, path: string, body?: object) {
  const { token } = await platform.identity.mint({ sub: 'customer-1', roles: ['customer'] })
  const startedMs = performance.now()
  const response = await fetch(`${platform.running.publicUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
    tookMs: performance.now() - startedMs,
  }
}

describe('while history hangs', { timeout: 60_000 }, () => {
  it('an order is returned with its timeline marked as unavailable, and orders are placed', async () => {
    await whileHanging('history', async () => {
      const answer = await send('GET', `/v1/orders/${orderId}`)
      expect(answer).toMatchObject({
        status: 200,
        body: { orderId, status: 'completed', totalMinor: 1190, timeline: { unavailable: true } },
      })
      // The timeout of history is two seconds, of the request twenty-five.
      expect(answer.tookMs).toBeLessThan(15_000)
      expect((await send('POST', '/v1/orders', order)).status).toBe(201)
    })
    await vi.waitUntil(
      async () => {
        const { body } = await send('GET', `/v1/orders/${orderId}`)
        return 'entries' in (body['timeline'] as object)
      },
      { timeout: 20_000, interval: 200 },
    )
  })
})

describe('while orders hangs', { timeout: 90_000 }, () => {
  it('requests that need it get 503 with Retry-After, others are answered, and readiness is degraded', async () => {
    await whileHanging('orders', async () => {
      const answer = await send('GET', `/v1/orders/${orderId}`)
      expect([answer.status, answer.headers.get('retry-after'), answer.body['code']]).toEqual([503, '1', 'unavailable'])
      expect((await send('GET', '/v2/products/TEA-001')).status).toBe(200)
      // Consecutive failures open the circuit of orders, so the answer comes at once.
      await Promise.all(Array.from({ length: 8 }, () => send('GET', `/v1/orders/${orderId}`)))
      const ready = await fetch(`${platform.running.publicUrl}/health/ready`)
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'degraded' }])
    })
    await vi.waitUntil(async () => (await send('GET', `/v1/orders/${orderId}`)).status === 200, {
      timeout: 20_000,
      interval: 200,
    })
  })
})

describe('while the queue of payments is paused', () => {
  const ORDERS = 5
  const orderBy = (...args: string[]): Promise<Ended> => run('functions/shop/cli/order.ts', args, dataDirectory)

  it('five orders are listed, the queue is named while one is followed, and they go on when it is resumed', async () => {
    const queue = `/v2/projects/${platform.running.projectId}/locations/${platform.running.region}/queues/${queueName('payments')}`
    await platform.cloud.api('POST', `${queue}:pause`, {})
    const ids: string[] = []
    for (let count = 0; count < ORDERS; count++) {
      const { stdout } = await orderBy('--sku', 'TEA-001', '--timeout', '1')
      ids.push(/^(o-\S+) answered after/m.exec(stdout)![1]!)
    }
    await expect
      .poll(async () => (await ops('queues')).stdout, { timeout: 60_000 })
      .toMatch(new RegExp(`^queue +payments +paused +${ORDERS} +\\d+ s`, 'm'))
    const waiting = await orderBy('--follow', ids[0]!, '--timeout', '6')
    expect(waiting.code).toBe(1)
    // The events that have happened, although the order has not ended; then the step that it waits for, and why.
    expect(waiting.stdout).toMatch(/order\.placed +orders/)
    expect(waiting.stdout).toMatch(
      /waits for obtain-payment \(attempt 1, \d+ s left\): the queue payments is paused, 5 tasks wait/,
    )
    expect(waiting.stderr).toContain(`npm run order -- --follow ${ids[0]} follows it further`)
    expect((await ops('stuck')).stdout).toContain('The queue payments is paused, and 5 tasks wait')
    const { stdout: metrics } = await run('cli/metrics.ts', [], dataDirectory)
    expect(metrics).toMatch(new RegExp(`^Waiting now\n[\\s\\S]*^queue +payments +paused +${ORDERS} `, 'm'))

    await platform.cloud.api('POST', `${queue}:resume`, {})
    for (const id of ids) expect(await orderBy('--follow', id)).toMatchObject({ code: 0, stderr: '' })
    expect((await ops('queues')).stdout).not.toMatch(/paused|failing/)
  }, 240_000)
})

describe('while inventory accepts no commands', { timeout: 60_000 }, () => {
  const report = (orderId: string): Promise<string> =>
    google.pubsub.topic(stuckEvent).publishMessage({
      json: envelope(stuckEvent, {
        source: 'orders',
        subject: orderId,
        correlationId: orderId,
        data: {
          sagaId: orderId,
          step: 'compensate reserve-stock',
          attempt: 5,
          reason: 'the compensation is not answered',
        },
      }),
    })

  const sagaOf = async (orderId: string): Promise<{ waitsFor: { step: string; attempt: number }[] }> =>
    (
      await platform
        .staff()
        .send<{ waitsFor: { step: string; attempt: number }[] }>('GET', `/v1/orders/${orderId}/saga`)
    ).body
  const waitingFor = (orderId: string, step: string, attempt: number): Promise<unknown> =>
    vi.waitUntil(async () => {
      const [wait] = (await sagaOf(orderId)).waitsFor
      return wait?.step === step && wait.attempt === attempt
    }, 20_000)

  it('a stuck saga is listed with step, attempt, age and reason, retried by an operator, and no longer listed after it has continued', async () => {
    const queue = (name: string) => ({ name: state.tasks.queuePath(platform.running.projectId, 'europe-west1', name) })
    await state.tasks.pauseQueue(queue('payments'))
    const orderId = await platform.place(one, { card: 'card-stolen' })
    await waitingFor(orderId, 'obtain-payment', 1)
    // From here on no stock is released.
    await state.tasks.pauseQueue(queue('inventory'))
    await state.tasks.resumeQueue(queue('payments'))
    for (let attempt = 1; attempt < 5; attempt++) {
      await waitingFor(orderId, 'compensate reserve-stock', attempt)
      const { code, stdout } = await ops('retry', orderId, '--reason', 'is inventory back?', '--actor', 'jo')
      expect([code, stdout]).toEqual([0, `${orderId}: retry of compensate reserve-stock requested\n`])
    }
    await waitingFor(orderId, 'compensate reserve-stock', 5)
    await report(orderId)
    const stuck = (): Promise<Ended> => ops('stuck', '--json')
    await vi.waitUntil(async () => (await stuck()).stdout.includes(orderId), 20_000)
    // Listing does not remove the report.
    expect(JSON.parse((await stuck()).stdout)).toEqual([
      {
        service: 'orders',
        sagaId: orderId,
        status: 'rejected',
        stuck: true,
        waitsFor: [{ step: 'compensate reserve-stock', attempt: 5, until: expect.any(String) }],
        reason: 'the compensation is not answered',
        since: expect.any(String),
      },
    ])
    expect((await ops('stuck')).stdout).toMatch(
      new RegExp(`${orderId} +rejected +compensate reserve-stock +5 +\\d+ s .*the compensation is not answered`),
    )
    const { stdout: log } = await run(
      'cli/logs.ts',
      ['orders', '--no-follow', '--json', '--lines', '500'],
      dataDirectory,
    )
    const line = log.split('\n').findLast((one) => one.includes('saga.retried'))!
    expect(JSON.parse(line)).toMatchObject({ actor: 'staff:jo', reason: 'is inventory back?', correlationId: orderId })

    await state.tasks.resumeQueue(queue('inventory'))
    await vi.waitUntil(async () => (await sagaOf(orderId)).waitsFor.length === 0, 20_000)
    expect((await ops('stuck')).stdout).toBe('No saga is stuck.\n')
    const over = await ops('retry', orderId, '--reason', 'x')
    expect([over.code, over.stderr]).toEqual([1, `${orderId} is rejected and has no pending step.\n`])
  })
})

describe('while notifications has no subscriptions', { timeout: 60_000 }, () => {
  it('orders complete without new sends, and sends continue after the subscriptions are restored', async () => {
    const wanted = new Set<unknown>(notifications.on.map((type) => subscriptionName('notifications', type)))
    const subscriptions = platform.provisioned.filter(
      ({ resource: { type, attributes } }) => type === 'google_pubsub_subscription' && wanted.has(attributes['name']),
    )
    expect(subscriptions).toHaveLength(wanted.size)
    const complete = async (): Promise<string> => {
      const id = await platform.place(one)
      expect(await platform.followed(platform.customer(), id)).toMatchObject({ status: 'completed' })
      return id
    }
    // No message of earlier orders is outstanding.
    await expect.poll(async () => (await state.sends(orderId)).length, { timeout: 10_000 }).toBe(5)
    const pushes = (): number =>
      platform.cloud.requestLog().filter(({ kind, resource }) => kind === 'ingress' && resource === 'notifications')
        .length
    try {
      for (const { resource } of subscriptions)
        await google.pubsub.subscription(String(resource.attributes['name'])).delete()
      const before = pushes()
      const id = await complete()
      const published = 'SELECT id FROM analytics.event_log WHERE correlation_id = @id'
      await expect.poll(async () => (await google.rows(published, { id })).length, { timeout: 10_000 }).toBe(11)
      expect([await state.sends(id), pushes()]).toEqual([[], before])
    } finally {
      for (const { resource, provisioner } of subscriptions) await provisioner.create(resource, platform.api)
    }
    const id = await complete()
    await expect.poll(async () => (await state.sends(id)).length, { timeout: 10_000 }).toBe(5)
  })
})

describe('while the carrier is unavailable', () => {
  it(
    'a step of an order is retried until the carrier is available, and its trace has a span for each attempt under the same parent',
    { timeout: 60_000 },
    async () => {
      const retriesOf = (): number =>
        platform.cloud
          .core<TelemetryCore>('telemetry')
          .metrics.list()
          .filter(({ name, service }) => name === 'millrace_retries' && service === 'shipping')
          .reduce((all, { value }) => all + value, 0)
      const before = retriesOf()
      // The carrier is unavailable: the release is recorded without its booking, and the command for that answers 503.
      await platform.carrier.close()
      const orderId = await platform.place(one)
      const booked = () =>
        platform.cloud
          .requestLog()
          .filter(({ kind, target, status }) => kind === 'task' && target?.endsWith('/BookCarrier') && status === 503)
      await expect.poll(() => booked().length, { timeout: 20_000 }).toBeGreaterThan(0)
      const key = await secretValue(platform.running, 'carrier-key')
      carrier = await createCarrier({
        port: platform.ports.partner('carrier'),
        verify: keyCheck(() => [key]),
        webhookUrl: `http://127.0.0.1:${platform.ports.service('gateway')}/v1/webhooks/carrier`,
      })
      expect((await platform.followed(platform.customer(), orderId)).status).toBe('completed')
      const failures = booked().length
      // Each failed attempt has the span of its delivery, since a question to the carrier has none. The last one also queries the
      // address and books.
      const spans = await spansOf(platform, orderId, completed.length + failures + 3)
      tree(spans)
      const attempts = spans.filter(({ name }) => name === 'process BookCarrier')
      expect(attempts.map(({ attributes }) => attributes['millrace.attempt'])).toEqual(
        Array.from({ length: failures + 1 }, (_, index) => index + 1),
      )
      expect(new Set(attempts.map(({ parentSpanId }) => parentSpanId)).size).toBe(1)
      expect(attempts.map(({ error }) => error !== undefined)).toEqual([...attempts.slice(1).map(() => true), false])
      await expect.poll(retriesOf, { timeout: 10_000 }).toBe(before + failures)
    },
  )
})
