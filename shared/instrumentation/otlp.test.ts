import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { metrics } from '../signals/metrics.ts'
import { otlpSink } from './otlp.ts'
import type { FinishedSpan } from '../signals/span.ts'

interface ReceivedRequest {
  readonly path: string
  readonly type: string
  // The tests assert parts of OTLP's JSON, so it is not typed.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** `answering`: it sends no answer before this resolves. */
async function collector(
  status = 200,
  answering = Promise.resolve(),
): Promise<{ endpoint: string; received: ReceivedRequest[] }> {
  const received: ReceivedRequest[] = []
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
    request.on('end', () => {
      received.push({ path: request.url!, type: request.headers['content-type']!, body: JSON.parse(body) })
      void answering.then(() => response.writeHead(status, { 'content-type': 'application/json' }).end('{}'))
    })
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** Without a delay nothing is sent before the close. */
function sinkTo(endpoint: string, delayMs = 60_000) {
  const logs: string[] = []
  const dropped: unknown[] = []
  const sink = otlpSink({
    service: 'orders',
    version: 'orders-00001',
    endpoint,
    spanDelayMs: delayMs,
    metricIntervalMs: delayMs,
    log(_severity, event, fields) {
      logs.push(event)
      if (event === 'telemetry.dropped') dropped.push(fields)
    },
  })
  return { sink, logs, dropped }
}

const span: FinishedSpan = {
  name: 'process order.placed',
  kind: 'consumer',
  context: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true },
  parentSpanId: 'aaaaaaaaaaaaaaaa',
  startMs: 1_767_225_600_000,
  endMs: 1_767_225_600_012.5,
  attributes: { 'millrace.attempt': 2 },
  events: [{ name: 'committed', atMs: 1_767_225_600_001, attributes: {} }],
  error: 'later',
}

describe('telemetry', () => {
  it('reaches the collector before the process ends, without delaying requests', { timeout: 30_000 }, async () => {
    const { endpoint, received } = await collector()
    const { sink, logs } = sinkTo(endpoint)
    sink.span(span)
    sink.measure(metrics.deadLetters, 1, { service: 'orders', type: 'x' })
    sink.measure(metrics.deadLetters, 2, { service: 'orders', type: 'x' })
    sink.measure(metrics.sagaDuration, 0.3, { saga: 'checkout', outcome: 'completed' })
    expect(received).toEqual([])
    await sink.close()

    const traces = received.find(({ path }) => path === '/v1/traces')!.body.resourceSpans[0]
    expect(traces.resource.attributes).toEqual(
      expect.arrayContaining([
        { key: 'service.name', value: { stringValue: 'orders' } },
        { key: 'service.version', value: { stringValue: 'orders-00001' } },
      ]),
    )
    expect(traces.scopeSpans[0].spans).toMatchObject([
      {
        traceId: span.context.traceId,
        spanId: span.context.spanId,
        parentSpanId: 'aaaaaaaaaaaaaaaa',
        name: 'process order.placed',
        kind: 5,
        startTimeUnixNano: '1767225600000000000',
        endTimeUnixNano: '1767225600012500000',
        attributes: [{ key: 'millrace.attempt', value: { intValue: 2 } }],
        status: { code: 2, message: 'later' },
      },
    ])
    const { metrics: sent } = received.find(({ path }) => path === '/v1/metrics')!.body.resourceMetrics[0]
      .scopeMetrics[0]
    expect(sent).toMatchObject([
      {
        name: 'millrace.dead_letters',
        sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ asDouble: 3 }] },
      },
      {
        name: 'millrace.saga.duration',
        unit: 's',
        histogram: { dataPoints: [{ count: 1, sum: 0.3, explicitBounds: [...metrics.sagaDuration.bounds] }] },
      },
    ])
    expect(logs).toEqual([])
  })

  it('is not sent by an idle service, which ends at once', async () => {
    const { endpoint, received } = await collector()
    await sinkTo(endpoint).sink.close()
    expect(received).toEqual([])
  })

  it('that the collector rejects is lost with one warning for all batches', { timeout: 30_000 }, async () => {
    const { endpoint, received } = await collector(400)
    const { sink, logs } = sinkTo(endpoint, 1)
    for (let batch = 1; batch <= 3; batch++) {
      sink.span(span)
      sink.measure(metrics.deadLetters, 1, {})
      await expect.poll(() => received.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2 * batch)
    }
    await sink.close()
    expect(logs).toEqual(['telemetry.lost'])
  })

  it(
    'delays neither requests nor the end when the collector is unavailable, and is buffered up to a limit',
    { timeout: 30_000 },
    async () => {
      const { sink, dropped } = sinkTo('http://127.0.0.1:1')
      for (let index = 0; index < 10_000; index++) sink.span(span)
      const started = performance.now()
      await sink.close()
      // Its own limit is 3 s: Cloud Run kills ten seconds after SIGTERM.
      expect(performance.now() - started).toBeLessThan(9_000)
      expect(dropped).toEqual([{ spans: 10_000 - 2_048, measures: 0 }])
    },
  )

  it('beyond the limit is counted, before and after the packages are loaded', { timeout: 30_000 }, async () => {
    let answer = (): void => {}
    const { endpoint, received } = await collector(200, new Promise((resolve) => (answer = resolve)))
    const { sink, dropped } = sinkTo(endpoint, 1)
    for (let index = 0; index < 3_000; index++) sink.span(span)
    for (let index = 0; index < 5_000; index++) sink.measure(metrics.deadLetters, 1, {})
    await expect.poll(() => received.filter(({ path }) => path === '/v1/traces').length, { timeout: 10_000 }).toBe(1)
    expect(dropped).toEqual([{ spans: 3_000 - 2_048, measures: 5_000 - 4_096 }])

    // The collector has one batch and does not answer: the buffer holds one more.
    for (let index = 0; index < 1_000; index++) sink.span(span)
    answer()
    await expect.poll(() => dropped.length, { timeout: 10_000 }).toBe(2)
    expect(dropped[1]).toEqual({ spans: 1_000 - 512, measures: 0 })
    await sink.close()
    const arrived = received.flatMap(({ body }) => body.resourceSpans?.[0].scopeSpans[0].spans ?? [])
    expect(arrived).toHaveLength(2_048 + 512)
    expect(dropped).toHaveLength(2)
  })
})
