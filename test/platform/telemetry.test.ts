/** One order is one trace, across every service that has a part in it, and its logs say so. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OrderView } from '../../functions/shop/cli/order-view.ts'
import { references, type TestCard } from '../../functions/shop/cli/references.ts'
import type { IamCore } from 'local-google-cloud/iam'
import { createCarrier } from '../../functions/shop/local/carrier/server.ts'
import type { SpanRecord, TelemetryCore } from 'local-google-cloud/telemetry'
import { announce, run, temporaryDirectory } from '../support/command.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const data = temporaryDirectory()
let platform: TestPlatform
let reopened: Awaited<ReturnType<typeof createCarrier>> | undefined
beforeAll(async () => {
  platform = await startTestPlatform({ dataDirectory: data.path })
  announce(platform, data.path)
}, 120_000)
afterAll(async () => {
  await reopened?.close()
  await platform.close()
  data.remove()
}, 30_000)

const order = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 1 }],
}
const place = async (card: TestCard = 'card-ok'): Promise<string> => {
  const { body } = await platform.customer().send<{ orderId: string }>('POST', '/v1/orders', {
    key: crypto.randomUUID(),
    body: { ...order, ...(await references(platform.customer(), card)) },
  })
  return body.orderId
}
/** By a client that has a trace of its own. */
const placeIn = async (traceparent: string): Promise<string> => {
  const customer = { sub: 'customer-1', roles: ['customer'] }
  const response = await fetch(`${platform.running.gatewayUrl}/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(await platform.identity.mint(customer)).token}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
      traceparent,
    },
    body: JSON.stringify({ ...order, ...(await references(platform.customer())) }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { orderId: string }).orderId
}
/** How many of this file's orders have ended, by outcome. */
const outcomes: Record<string, number> = {}
const ended = async (orderId: string): Promise<OrderView> => {
  const order = await platform.followed(platform.customer(), orderId)
  outcomes[order.status] = (outcomes[order.status] ?? 0) + 1
  return order
}

const telemetry = (): TelemetryCore => platform.cloud.core<TelemetryCore>('telemetry')
const tracesOf = (orderId: string) => telemetry().traces.list({ correlationId: orderId, limit: 10 })
/** The spans of the order's one trace, as soon as all are there. */
const spansOf = async (orderId: string, count: number): Promise<SpanRecord[]> => {
  await expect.poll(() => tracesOf(orderId).map(({ spans }) => spans), { timeout: 20_000 }).toEqual([count])
  return telemetry().traces.spansOf(tracesOf(orderId)[0]!.traceId)
}
const named = (spans: readonly SpanRecord[]): string[] =>
  spans.map(({ service, name }) => `${service}: ${name}`).toSorted()

/** Names of the spans that are reached from the root, each by its parent. */
function tree(spans: readonly SpanRecord[]): string[] {
  const roots = spans.filter(({ parentSpanId }) => !spans.some(({ spanId }) => spanId === parentSpanId))
  expect(roots.map(({ service, name }) => `${service}: ${name}`)).toEqual(['gateway: POST /v1/orders'])
  const under = (parent: SpanRecord): SpanRecord[] =>
    spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId).flatMap((child) => [child, ...under(child)])
  return named([roots[0]!, ...under(roots[0]!)])
}

interface Line {
  readonly severity: string
  readonly message: string
  readonly service: string
  readonly correlationId?: string
  readonly 'logging.googleapis.com/trace'?: string
  readonly 'logging.googleapis.com/spanId'?: string
}

function logsOf(orderId: string): Line[] {
  const folder = join(data.path, 'logs')
  return readdirSync(folder)
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line.includes(orderId))
    .map((line) => JSON.parse(line) as Line)
}

const upToTheReply = [
  'gateway: POST /v1/orders',
  'orders: POST /orders',
  'customers: GET /references/:vault',
  'history: process order.placed',
  'notifications: process order.placed',
  'inventory: process ReserveStock',
  'history: process stock.reserved',
  'orders: process stock.reserved',
  'payments: process AuthorizePayment',
  'payments: payment-provider.authorize',
]
const completed = [
  ...upToTheReply,
  'history: process payment.authorized',
  'orders: process payment.authorized',
  'history: process order.confirmed',
  'notifications: process order.confirmed',
  'history: process order.released',
  'shipping: process order.released',
  'history: process shipment.created',
  'shipping: process BookCarrier',
  'customers: GET /addresses/:ref',
  'shipping: carrier.book',
  'history: process shipment.dispatched',
  'notifications: process shipment.dispatched',
  'orders: process shipment.dispatched',
  'payments: process shipment.dispatched',
  'payments: payment-provider.capture',
  'history: process payment.captured',
  'orders: process payment.captured',
  'inventory: process shipment.dispatched',
  'history: process stock.committed',
  'orders: process stock.committed',
  'history: process order.completed',
  'notifications: process order.completed',
].toSorted()
const declined = [
  ...upToTheReply,
  'history: process payment.declined',
  'orders: process payment.declined',
  'history: process order.rejected',
  'notifications: process order.rejected',
  'inventory: process ReleaseStock',
  'history: process stock.released',
  'orders: process stock.released',
].toSorted()

describe('an order', () => {
  it(
    'that completes is one tree of 32 spans, from the POST to the last who hears of it',
    { timeout: 90_000 },
    async () => {
      const billedBefore = platform.cloud.counters()
      const orderId = await place()
      expect((await ended(orderId)).status).toBe('completed')
      const spans = await spansOf(orderId, completed.length)
      expect(named(spans)).toEqual(completed)
      expect(tree(spans)).toEqual(completed)
      expect(spans.filter(({ error }) => error !== undefined)).toEqual([])
      expect(new Set(spans.flatMap(({ attributes }) => attributes['millrace.attempt'] ?? []))).toEqual(new Set([1]))

      const billed = platform.cloud.counters()
      expect(billed['trace.spans']! - billedBefore['trace.spans']!).toBeGreaterThanOrEqual(spans.length)
      expect(billed['logging.bytes']! - billedBefore['logging.bytes']!).toBeGreaterThan(1_000)
    },
  )

  it("goes on with its client's trace, by HTTP, Pub/Sub and tasks", { timeout: 60_000 }, async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const orderId = await placeIn(`00-${traceId}-00f067aa0ba902b7-01`)
    await ended(orderId)
    const spans = await spansOf(orderId, completed.length)
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
    // Its span is not among them: of the client's only the trace is taken.
    expect(tree(spans)).toEqual(completed)
    const systems = spans.flatMap(({ attributes }) => attributes['messaging.system'] ?? [])
    expect(new Set(systems)).toEqual(new Set(['gcp_pubsub', 'gcp_tasks']))
    const told = logsOf(orderId).map((line) => line['logging.googleapis.com/trace'])
    expect(new Set(told)).toEqual(new Set([`projects/${platform.running.projectId}/traces/${traceId}`]))
  })

  it('begins a trace when its client has none that can be one', { timeout: 60_000 }, async () => {
    const broken = [
      '00-4BF92F3577B34DA6A3CE929D0E0E4737-00f067aa0ba902b7-01',
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    ]
    const orderIds = await Promise.all(broken.map(placeIn))
    const traceIds = []
    for (const orderId of orderIds) {
      await ended(orderId)
      const spans = await spansOf(orderId, completed.length)
      expect(tree(spans)).toEqual(completed)
      traceIds.push(spans[0]!.traceId)
    }
    expect(new Set(traceIds).size).toBe(2)
    for (const traceId of traceIds) {
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
      expect(broken.join().toLowerCase()).not.toContain(traceId)
    }
  })

  it('whose card is declined is one tree of 17, the compensation included', { timeout: 60_000 }, async () => {
    const orderId = await place('card-declined')
    expect((await ended(orderId)).status).toBe('rejected')
    const spans = await spansOf(orderId, declined.length)
    expect(tree(spans)).toEqual(declined)
  })

  it('is described by log lines with its trace, each at the span that wrote it', { timeout: 60_000 }, async () => {
    const orderId = await place()
    await ended(orderId)
    const spans = await spansOf(orderId, completed.length)
    const { traceId } = spans[0]!
    const lines = logsOf(orderId)
    expect(lines.map((line) => line['logging.googleapis.com/trace'])).toEqual(
      lines.map(() => `projects/${platform.running.projectId}/traces/${traceId}`),
    )
    expect(new Set(lines.map(({ correlationId }) => correlationId))).toEqual(new Set([orderId]))
    const consumers = spans.filter(({ kind }) => kind === 'consumer')
    const untold = consumers.filter(
      ({ spanId, service, name }) =>
        !lines.some(
          (line) =>
            line['logging.googleapis.com/spanId'] === spanId &&
            line.service === service &&
            name === `process ${line.message}`,
        ),
    )
    expect(named(untold)).toEqual([])
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'saga.ended', outcome: 'completed', severity: 'INFO' }),
    )
  })

  it('of which a step is answered 503 once shows both attempts side by side', { timeout: 60_000 }, async () => {
    const retriesOf = (): number =>
      telemetry()
        .metrics.list()
        .filter(({ name, service }) => name === 'millrace.retries' && service === 'shipping')
        .reduce((all, { value }) => all + value, 0)
    const before = retriesOf()
    // Nobody is there: shipping can not book, and answers 503.
    await platform.carrier.close()
    const orderId = await place()
    const booked = () =>
      platform.cloud
        .requestLog()
        .filter(({ kind, target, status }) => kind === 'task' && target?.endsWith('/BookCarrier') && status === 503)
    await expect.poll(() => booked().length, { timeout: 20_000 }).toBeGreaterThan(0)
    const { verifyIdToken } = platform.cloud.core<IamCore>('iam')
    const port = platform.ports.partner('carrier')
    const audience = `http://127.0.0.1:${port}`
    reopened = await createCarrier({ port, verify: (token) => verifyIdToken(token, { audience }) })
    expect((await ended(orderId)).status).toBe('completed')
    const failures = booked().length
    // Of each attempt: the delivery, the question for the address, the call of the carrier.
    const spans = await spansOf(orderId, completed.length + 3 * failures)
    tree(spans)
    const attempts = spans.filter(({ name }) => name === 'process BookCarrier')
    expect(attempts.map(({ attributes }) => attributes['millrace.attempt'])).toEqual(
      Array.from({ length: failures + 1 }, (_, index) => index + 1),
    )
    expect(new Set(attempts.map(({ parentSpanId }) => parentSpanId)).size).toBe(1)
    expect(attempts.map(({ error }) => error !== undefined)).toEqual([...attempts.slice(1).map(() => true), false])
    await expect.poll(retriesOf, { timeout: 10_000 }).toBe(before + failures)
  })
})

it('counts orders by outcome, with the time that they took', { timeout: 60_000 }, async () => {
  const orders = (): Record<string, number> =>
    Object.fromEntries(
      telemetry()
        .metrics.list()
        .filter(({ name }) => name === 'millrace.orders')
        .map(({ attributes, value }) => [String(attributes['outcome']), value]),
    )
  await ended(await place())
  await ended(await place('card-declined'))
  await expect.poll(orders, { timeout: 10_000 }).toEqual(outcomes)
  const durations = telemetry()
    .metrics.list()
    .filter(({ name }) => name === 'millrace.saga.duration')
  expect(Object.fromEntries(durations.map(({ attributes, count }) => [attributes['outcome'], count]))).toEqual(orders())
})

describe('npm run trace', () => {
  const trace = (...args: string[]) => run('cli/trace.ts', args, data.path)

  it('prints the last order as a waterfall with its logs, and any other by its id', { timeout: 90_000 }, async () => {
    const first = await place('card-declined')
    await ended(first)
    await spansOf(first, declined.length)
    const last = await place()
    await ended(last)
    await spansOf(last, completed.length)

    const { code, stdout } = await trace()
    expect(code).toBe(0)
    expect(stdout).toContain(`${last}: trace ${tracesOf(last)[0]!.traceId}, 32 spans of 8 services\n`)
    expect(stdout).toMatch(/^gateway +POST \/v1\/orders +0 ms +\d+ ms +[█·]{30} +ok$/m)
    expect(stdout).toMatch(/^notifications +process order\.completed .* #1 +ok\n +INFO order\.completed$/m)
    expect(stdout).toMatch(/INFO saga\.ended saga=checkout outcome=completed seconds=[\d.]+/)

    const { traceId, spans } = JSON.parse((await trace(first, '--json')).stdout) as {
      traceId: string
      spans: (SpanRecord & { logs: { message: string }[] })[]
    }
    expect(traceId).toBe(tracesOf(first)[0]!.traceId)
    expect(named(spans)).toEqual(declined)
    expect(spans.find(({ name }) => name === 'process ReleaseStock')!.logs.map(({ message }) => message)).toEqual([
      'ReleaseStock',
    ])
  })

  it('says in one line what it does not know', { timeout: 30_000 }, async () => {
    const { code, stderr } = await trace('o-nobody')
    expect([code, stderr]).toEqual([
      1,
      'There is no trace of "o-nobody": npm run trace without an id shows the last order\'s.\n',
    ])
  })

  it.each(['cli/trace.ts', 'cli/metrics.ts'])(
    '%s says how to start when nothing runs',
    { timeout: 30_000 },
    async (file) => {
      const empty = temporaryDirectory()
      try {
        expect(await run(file, [], empty.path)).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('start it with npm start'),
        })
        expect((await run(file, ['--help'], empty.path)).stdout).toContain('--json')
      } finally {
        empty.remove()
      }
    },
  )
})

it('npm run metrics prints what was measured', { timeout: 30_000 }, async () => {
  const { code, stdout } = await run('cli/metrics.ts', [], data.path)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^completed +\d+ +\d.*s +\d.*s$/m)
  expect(stdout).toMatch(/^gateway +POST \/v1\/orders +201 +\d+ /m)
  const metrics = JSON.parse((await run('cli/metrics.ts', ['--json'], data.path)).stdout) as { name: string }[]
  expect(metrics.map(({ name }) => name)).toContain('millrace.orders')
})
