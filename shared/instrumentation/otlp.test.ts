import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { metrics } from '../signals/metrics.ts'
import { FLUSH_TIMEOUT_MS, otlpSink } from './otlp.ts'
import type { FinishedSpan } from '../signals/span.ts'

interface ReceivedRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
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
async function receiver(
  status: () => number = () => 200,
  { answering = Promise.resolve(), answer = {} }: { answering?: Promise<void>; answer?: object } = {},
): Promise<{ endpoint: string; received: ReceivedRequest[] }> {
  const received: ReceivedRequest[] = []
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
    request.on('end', () => {
      received.push({ path: request.url!, headers: request.headers, body: JSON.parse(body) })
      void answering.then(() =>
        response.writeHead(status(), { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
      )
    })
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** By default nothing is sent before a flush. */
function sinkTo(endpoint: string, delayMs = 60_000, metricIntervalMs = delayMs) {
  const lines: { event: string; fields: unknown }[] = []
  const sink = otlpSink({
    service: 'orders',
    version: 'orders-00001',
    projectId: 'shop-1',
    region: 'europe-west1',
    authorization: async () => 'Bearer token',
    endpoint,
    spanDelayMs: delayMs,
    metricIntervalMs,
    log: (_severity, event, fields) => void lines.push({ event, fields }),
  })
  return { sink, lines, logged: () => lines.map(({ event }) => event) }
}

const spansIn = (received: readonly ReceivedRequest[]): { name: string }[] =>
  received.flatMap(({ body }) => body.resourceSpans?.[0].scopeSpans[0].spans ?? [])

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
  it('is at the receiver when a flush ends, as the Telemetry API stores it', async () => {
    const { endpoint, received } = await receiver()
    const { sink, logged } = sinkTo(endpoint)
    sink.span(span)
    sink.measure(metrics.deadLetters, 1, { service: 'orders', type: 'x' })
    sink.measure(metrics.deadLetters, 2, { type: 'x', service: 'orders' })
    sink.measure(metrics.sagaDuration, 0.1, { saga: 'checkout', outcome: 'completed' })
    sink.measure(metrics.sagaDuration, 1e6, { saga: 'checkout', outcome: 'completed' })
    sink.measure(metrics.requestDuration, 0.2, { 'http.route': '/v1/orders' })
    expect(received).toEqual([])
    await sink.flush()

    const traces = received.find(({ path }) => path === '/v1/traces')!
    expect(traces.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer token',
      'x-goog-user-project': 'shop-1',
    })
    const [{ resource, scopeSpans }] = traces.body.resourceSpans
    expect(resource.attributes).toEqual(
      expect.arrayContaining([
        { key: 'service.name', value: { stringValue: 'orders' } },
        { key: 'service.version', value: { stringValue: 'orders-00001' } },
        { key: 'service.instance.id', value: { stringValue: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
        { key: 'gcp.project_id', value: { stringValue: 'shop-1' } },
        { key: 'cloud.region', value: { stringValue: 'europe-west1' } },
      ]),
    )
    expect(scopeSpans[0].spans).toEqual([
      {
        traceId: span.context.traceId,
        spanId: span.context.spanId,
        parentSpanId: 'aaaaaaaaaaaaaaaa',
        name: 'process order.placed',
        kind: 5,
        startTimeUnixNano: '1767225600000000000',
        endTimeUnixNano: '1767225600012500000',
        attributes: [{ key: 'millrace.attempt', value: { intValue: '2' } }],
        events: [{ name: 'committed', timeUnixNano: '1767225600001000000', attributes: [] }],
        status: { code: 2, message: 'later' },
      },
    ])
    const { metrics: sent } = received.find(({ path }) => path === '/v1/metrics')!.body.resourceMetrics[0]
      .scopeMetrics[0]
    const { bounds } = metrics.sagaDuration
    expect(sent).toMatchObject([
      {
        name: 'millrace_dead_letters',
        sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ asDouble: 3 }] },
      },
      {
        name: 'millrace_saga_duration',
        unit: 's',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [
            {
              count: '2',
              sum: 1e6 + 0.1,
              explicitBounds: bounds,
              bucketCounts: ['1', ...bounds.slice(1).map(() => '0'), '1'],
            },
          ],
        },
      },
      {
        name: 'http_server_request_duration',
        histogram: { dataPoints: [{ attributes: [{ key: 'http_route', value: { stringValue: '/v1/orders' } }] }] },
      },
    ])
    await sink.close()
    expect(received).toHaveLength(2)
    expect(logged()).toEqual([])
  })

  it('of an idle service is not sent, and its end takes no time', async () => {
    const { endpoint, received } = await receiver()
    const { sink } = sinkTo(endpoint)
    await sink.flush()
    await sink.close()
    expect(received).toEqual([])
  })

  it('is sent without a flush while requests overlap, and points at their interval', async () => {
    const { endpoint, received } = await receiver()
    const { sink } = sinkTo(endpoint, 1)
    sink.span(span)
    sink.measure(metrics.retries, 1, { service: 'orders', kind: 'event' })
    await expect.poll(() => received.map(({ path }) => path).toSorted()).toEqual(['/v1/metrics', '/v1/traces'])
    const slow = sinkTo(endpoint)
    for (let request = 0; request < 3; request++) {
      slow.sink.measure(metrics.retries, 1, { service: 'orders', kind: 'event' })
      await slow.sink.flush()
    }
    expect(received).toHaveLength(3)
    await slow.sink.close()
    const [{ sum }] = received[3]!.body.resourceMetrics[0].scopeMetrics[0].metrics
    expect(sum.dataPoints).toMatchObject([{ asDouble: 3 }])
  })

  it('has its last points although spans were sent before they were due', async () => {
    const { endpoint, received } = await receiver()
    const { sink } = sinkTo(endpoint, 1, 300)
    const pointsSent = (): number => received.filter(({ path }) => path === '/v1/metrics').length
    for (const sent of [0, 1]) {
      expect(pointsSent()).toBe(sent)
      sink.span(span)
      sink.measure(metrics.retries, 1, { service: 'orders', kind: 'event' })
      await sink.flush()
    }
    expect(pointsSent()).toBe(1)
    await expect.poll(pointsSent).toBe(2)
    await sink.close()
  })

  it('that is recorded during an export is sent by the same flush', async () => {
    let answer = (): void => {}
    const { endpoint, received } = await receiver(undefined, {
      answering: new Promise((resolve) => (answer = resolve)),
    })
    const { sink } = sinkTo(endpoint)
    sink.span(span)
    const first = sink.flush()
    await expect.poll(() => received.length).toBe(1)
    sink.span({ ...span, name: 'second' })
    const second = sink.flush()
    answer()
    await Promise.all([first, second])
    expect(spansIn(received).map(({ name }) => name)).toEqual([span.name, 'second'])
  })

  it('that the receiver refuses, or refuses in part, is lost with one warning for all batches', async () => {
    const { endpoint, received } = await receiver(() => 400)
    const { sink, logged } = sinkTo(endpoint)
    for (let batch = 1; batch <= 3; batch++) {
      sink.span(span)
      await sink.flush()
    }
    await sink.close()
    expect([received.length, logged()]).toEqual([3, ['telemetry.lost']])
    server!.close()
    const partly = await receiver(undefined, {
      answer: { partialSuccess: { rejectedSpans: '1', errorMessage: 'too old' } },
    })
    const other = sinkTo(partly.endpoint)
    other.sink.span(span)
    await other.sink.flush()
    expect(other.lines).toMatchObject([{ event: 'telemetry.lost', fields: { reason: '1 were rejected: too old' } }])
  })

  it('waits here while the receiver fails: no further request waits for it, and the end sends everything', async () => {
    let status = 503
    const { endpoint, received } = await receiver(() => status)
    const { sink, logged } = sinkTo(endpoint)
    for (let request = 0; request < 3; request++) {
      sink.span(span)
      await sink.flush()
    }
    // The second failure in a row says that it is more than an export that lost its CPU.
    expect([received.length, logged()]).toEqual([2, ['telemetry.unavailable']])
    status = 200
    await sink.close()
    expect(spansIn(received.slice(2))).toHaveLength(3)
    expect(logged()).toEqual(['telemetry.unavailable'])
  })

  it('waits here while the receiver answers with another address, which gets no credential', async () => {
    let status = 307
    const { endpoint, received } = await receiver(() => status)
    const { sink, logged } = sinkTo(endpoint)
    sink.span(span)
    await sink.flush()
    expect([received.length, logged()]).toEqual([1, []])
    status = 200
    await sink.close()
    expect(spansIn(received)).toHaveLength(2)
  })

  it('holds up a request for a second at most, and the end for three', { timeout: 30_000 }, async () => {
    const { endpoint, received } = await receiver(undefined, { answering: new Promise(() => {}) })
    const { sink, lines } = sinkTo(endpoint)
    sink.span(span)
    const started = performance.now()
    await sink.flush()
    const tookMs = performance.now() - started
    expect(tookMs).toBeGreaterThan(FLUSH_TIMEOUT_MS - 50)
    expect(tookMs).toBeLessThan(FLUSH_TIMEOUT_MS + 2_000)
    // It is with the receiver already.
    expect(received).toHaveLength(1)
    for (let index = 1; index < 10_000; index++) sink.span(span)
    await sink.close()
    expect(performance.now() - started).toBeLessThan(9_000)
    expect(lines).toEqual([{ event: 'telemetry.dropped', fields: { spans: 10_000 } }])
  })

  it('beyond the limit is counted and dropped, and the rest is sent in batches', async () => {
    const { endpoint, received } = await receiver()
    const { sink, lines } = sinkTo(endpoint)
    for (let index = 0; index < 3_000; index++) sink.span(span)
    await sink.close()
    expect(received.map((one) => spansIn([one]).length)).toEqual([512, 512, 512, 512])
    expect(lines).toEqual([{ event: 'telemetry.dropped', fields: { spans: 3_000 - 2_048 } }])
  })

  it('is sent over a new connection when the last one ended meanwhile', async () => {
    const { endpoint, received } = await receiver()
    const { sink, logged } = sinkTo(endpoint)
    sink.span(span)
    await sink.flush()
    server!.closeAllConnections()
    sink.span(span)
    await sink.flush()
    expect([received.length, logged()]).toEqual([2, []])
  })
})
