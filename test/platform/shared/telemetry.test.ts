/** One order is one trace across all of its services, and its log lines carry the trace. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SpanRecord } from 'local-google-cloud/telemetry'
import { signIn } from '../../../cli/api.ts'
import { fitnessLimits } from '../../../cli/check/fitness-limits.ts'
import type { OrderView } from '../../../functions/shop/cli/order-view.ts'
import { references, type TestCard } from '../../../functions/shop/cli/references.ts'
import { run, temporaryDirectory } from '../../support/command.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { completed, declined, named, requestsWithin, spansOf, tracesOf, tree } from '../../support/spans.ts'

const platform = joinPlatform('telemetry')
const directory = platform.running.dataDirectory
const line = { sku: 'TELEMETRY-1', quantity: 1 }

beforeAll(() => platform.sell({ sku: line.sku, unitMinor: 1190 }), 60_000)

const place = (card?: TestCard): Promise<string> => platform.place(line, card ? { card } : {})
/** Places an order as a client with its own trace. */
const placeIn = async (traceparent: string): Promise<string> => {
  const customer = { sub: 'telemetry', roles: ['customer'] }
  const response = await fetch(`${platform.running.publicUrl}/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(await signIn(platform.running, customer)).token}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
      traceparent,
    },
    body: JSON.stringify({ currency: 'EUR', lines: [line], ...(await references(platform.customer())) }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { orderId: string }).orderId
}
const ended = (orderId: string): Promise<OrderView> => platform.followed(platform.customer(), orderId)

/** The first order and its spans, for the next tests. */
let completedOrder = ''
let completedSpans: readonly SpanRecord[] = []

const counters = () => platform.local<Record<string, number>>('counters')

interface Line {
  readonly severity: string
  readonly message: string
  readonly service: string
  readonly correlationId?: string
  readonly 'logging.googleapis.com/trace'?: string
  readonly 'logging.googleapis.com/spanId'?: string
}

function logsOf(orderId: string): Line[] {
  const folder = join(directory, 'logs')
  return readdirSync(folder)
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line.includes(orderId))
    .map((line) => JSON.parse(line) as Line)
}

describe('an order', () => {
  it(
    'that completes is one tree of 46 spans, besides the questions to the carrier, from the POST to the last subscriber',
    { timeout: 90_000 },
    async () => {
      const billedBefore = await counters()
      const orderId = await place()
      expect((await ended(orderId)).status).toBe('completed')
      const spans = await spansOf(platform, orderId, completed.length)
      expect(named(spans)).toEqual(completed)
      expect(tree(spans)).toEqual(completed)
      completedOrder = orderId
      completedSpans = spans
      expect(spans.filter(({ error }) => error !== undefined)).toEqual([])
      expect(new Set(spans.flatMap(({ attributes }) => attributes['millrace.attempt'] ?? []))).toEqual(new Set([1]))

      const billed = await counters()
      expect(billed['trace.spans']! - billedBefore['trace.spans']!).toBeGreaterThanOrEqual(spans.length)
      expect(billed['logging.bytes']! - billedBefore['logging.bytes']!).toBeGreaterThan(1_000)
    },
  )

  it('no request of an order waits for more requests than the limit of the architecture', () => {
    const { max } = fitnessLimits.requestsPerRequest
    const beyond = (spans: readonly SpanRecord[]) => [...requestsWithin(spans)].filter(([, requests]) => requests > max)
    expect(requestsWithin(completedSpans).get('gateway: POST /v1/orders')).toBe(2)
    expect(beyond(completedSpans)).toEqual([])
    // Planted: the first of two requests of one name asks once for each row of a list.
    const parent = completedSpans.find(({ name }) => name === 'POST /v1/webhooks/carrier')!
    const children = Array.from({ length: max }, (_, at) => ({
      ...parent,
      spanId: `planted-${at}`,
      parentSpanId: parent.spanId,
      name: 'GET /stock/:sku',
    }))
    expect(beyond([parent, ...children, ...completedSpans.filter((span) => span !== parent)])).toEqual([
      ['gateway: POST /v1/webhooks/carrier', max + 1],
    ])
  })

  it('that is read is answered by two requests behind its own', async () => {
    const traceId = crypto.randomUUID().replaceAll('-', '')
    await fetch(`${platform.running.publicUrl}/v1/orders/${completedOrder}`, {
      headers: {
        authorization: `Bearer ${(await signIn(platform.running, { sub: 'telemetry', roles: ['customer'] })).token}`,
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
    })
    const counted = async () =>
      requestsWithin((await platform.local<{ spans: SpanRecord[] }>(`traces/${traceId}`)).spans)
    await expect
      .poll(async () => Object.fromEntries(await counted()), { timeout: 20_000 })
      .toEqual({
        'gateway: GET /v1/orders/:orderId': 2,
        'history: GET /orders/:orderId/timeline': 0,
        'orders: GET /orders/:orderId': 0,
      })
  })

  it("continues its client's trace through HTTP, Pub/Sub and tasks", { timeout: 60_000 }, async () => {
    const traceId = crypto.randomUUID().replaceAll('-', '')
    const orderId = await placeIn(`00-${traceId}-00f067aa0ba902b7-01`)
    await ended(orderId)
    const spans = await spansOf(platform, orderId, completed.length)
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
    // The platform continues the client's trace and does not store the client's span.
    expect(tree(spans)).toEqual(completed)
    const systems = spans.flatMap(({ attributes }) => attributes['messaging.system'] ?? [])
    expect(new Set(systems)).toEqual(new Set(['gcp_pubsub', 'gcp_tasks']))
    const traces = logsOf(orderId).map((line) => line['logging.googleapis.com/trace'])
    expect(new Set(traces)).toEqual(new Set([`projects/${platform.running.projectId}/traces/${traceId}`]))
  })

  it("begins a trace when its client's is malformed", { timeout: 60_000 }, async () => {
    const broken = [
      '00-4BF92F3577B34DA6A3CE929D0E0E4737-00f067aa0ba902b7-01',
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    ]
    const orderIds = await Promise.all(broken.map(placeIn))
    const traceIds = []
    for (const orderId of orderIds) {
      await ended(orderId)
      const spans = await spansOf(platform, orderId, completed.length)
      expect(tree(spans)).toEqual(completed)
      traceIds.push(spans[0]!.traceId)
    }
    expect(new Set(traceIds).size).toBe(2)
    for (const traceId of traceIds) {
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
      expect(broken.join().toLowerCase()).not.toContain(traceId)
    }
  })

  it('whose card is declined is one tree of 19 spans, the compensation included', { timeout: 60_000 }, async () => {
    const orderId = await place('card-stolen')
    expect((await ended(orderId)).status).toBe('rejected')
    const spans = await spansOf(platform, orderId, declined.length)
    expect(tree(spans)).toEqual(declined)
  })

  it('has log lines with its trace, each with the span that wrote it', { timeout: 60_000 }, async () => {
    const orderId = await place()
    await ended(orderId)
    const spans = await spansOf(platform, orderId, completed.length)
    const { traceId } = spans[0]!
    const lines = logsOf(orderId)
    expect(lines.map((line) => line['logging.googleapis.com/trace'])).toEqual(
      lines.map(() => `projects/${platform.running.projectId}/traces/${traceId}`),
    )
    expect(new Set(lines.map(({ correlationId }) => correlationId))).toEqual(new Set([orderId]))
    const consumers = spans.filter(({ kind }) => kind === 'consumer')
    const withoutSpan = consumers.filter(
      ({ spanId, service, name }) =>
        !lines.some(
          (line) =>
            line['logging.googleapis.com/spanId'] === spanId &&
            line.service === service &&
            name === `process ${line.message}`,
        ),
    )
    expect(named(withoutSpan)).toEqual([])
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'saga.ended', outcome: 'completed', severity: 'INFO' }),
    )
  })
})

describe('npm run trace', () => {
  const trace = (...args: string[]) => run('cli/trace.ts', args, directory)

  it('prints an order as a waterfall with its logs, or as JSON', { timeout: 90_000 }, async () => {
    const first = await place('card-stolen')
    await ended(first)
    await spansOf(platform, first, declined.length)
    const second = await place()
    await ended(second)
    await spansOf(platform, second, completed.length)

    const { code, stdout } = await trace(second)
    expect(code).toBe(0)
    const [{ traceId: shown, spans: count }] = (await tracesOf(platform, second)) as [
      { traceId: string; spans: number },
    ]
    expect([47, 48]).toContain(count)
    expect(stdout).toContain(`${second}: trace ${shown}, ${count} spans of 9 services\n`)
    expect(stdout).toMatch(/^gateway +POST \/v1\/orders +0 ms +\d+ ms +[█·]{30} +ok$/m)
    expect(stdout).toMatch(/^notifications +process order\.completed .* #1 +ok\n +INFO order\.completed$/m)
    expect(stdout).toMatch(/INFO saga\.ended saga=checkout outcome=completed seconds=[\d.]+/)

    const { traceId, spans } = JSON.parse((await trace(first, '--json')).stdout) as {
      traceId: string
      spans: (SpanRecord & { logs: { message: string }[] })[]
    }
    expect(traceId).toBe((await tracesOf(platform, first))[0]!.traceId)
    expect(named(spans)).toEqual(declined)
    expect(spans.find(({ name }) => name === 'process ReleaseStock')!.logs.map(({ message }) => message)).toEqual([
      'ReleaseStock',
    ])
  })

  it('reports an unknown id in one line', async () => {
    const { code, stderr } = await trace('o-unknown')
    expect([code, stderr]).toEqual([
      1,
      'There is no trace of "o-unknown": npm run trace without an id shows the last order\'s.\n',
    ])
  })

  it.each(['cli/trace.ts', 'cli/metrics.ts'])(
    '%s names npm start when Millrace does not run',
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

it('npm run metrics prints the recorded metrics', async () => {
  const { code, stdout } = await run('cli/metrics.ts', [], directory)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^checkout +completed +\d+ +\d.*s +\d.*s$/m)
  expect(stdout).toMatch(/^gateway +POST \/v1\/orders +201 +\d+ /m)
  const metrics = JSON.parse((await run('cli/metrics.ts', ['--json'], directory)).stdout) as { name: string }[]
  expect(metrics.map(({ name }) => name)).toContain('millrace_saga_duration')
})
