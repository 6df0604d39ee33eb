import { gzipSync } from 'node:zlib'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeContext } from '../core/fake-context.testing.ts'
import { iam } from '../iam/plugin.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { limits } from './values/limits.ts'
import { keepMetrics, quantile } from './metrics.ts'
import type { OtlpMetric } from './values/otlp.ts'
import { telemetry, type TelemetryCore } from './plugin.ts'
import { keepTraces } from './traces.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const account = 'orders@p.iam.gserviceaccount.com'
let cloud: LocalCloud
let folder: string
const open = (): Promise<LocalCloud> =>
  createLocalCloud({
    project,
    plugins: [telemetry({ correlation: 'demo-app.correlation_id' })],
    accounts: [{ email: account, port: 0 }],
    dataDir: folder,
  })
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'local-telemetry-'))
  cloud = await open()
})
afterEach(async () => {
  await cloud.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Written by OpenTelemetry's own serializer (otlp-transformer 0.301.0): a request with one span, and one with a sum and a histogram. */
const protobufSpan =
  'CrECCh8KGwoMc2VydmljZS5uYW1lEgsKCWVsc2V3aGVyZRAAEo0CCgMKAXgShQIKEAr3ZRkWzUPdhEjrIRyAMZwSCLeta3FpIDMxIggA8GeqC6kCtyoLR0VUIC90aGluZ3MwAjkAAPrtUXKGGEEgvLjuUXKGGEoXCgpodHRwLnJvdXRlEgkKBy90aGluZ3NKDgoIYS5udW1iZXISAhgHShQKB2EuZmxvYXQSCSEAAAAAAADgP0oMCgZhLmZsYWcSAhABShYKBmEubGlzdBIMKgoKAwoBeAoDCgF5SiAKF2RlbW8tYXBwLmNvcnJlbGF0aW9uX2lkEgUKA28tMVAAWh8JQEIJ7lFyhhgSCWNvbW1pdHRlZBoHCgFuEgIYASAAYABwAHoIEgRnb25lGAKFAQEBAAA='
const protobufMetrics =
  'CvMBCh8KGwoMc2VydmljZS5uYW1lEgsKCWVsc2V3aGVyZRAAEs8BCgMKAXgSRAoGdGhpbmdzEgFkGgd7dGhpbmd9Oi4KKBEAAPrtUXKGGBkAypQpUnKGGCEAAAAAAAAIQDoLCgRraW5kEgMKAWEQAhgBEoEBCgR0b29rEgFkGgFzSnMKbxEAAPrtUXKGGBkAypQpUnKGGCEEAAAAAAAAACkAAAAAAAAEQDIYAgAAAAAAAAACAAAAAAAAAAAAAAAAAAAAOhAAAAAAAADgPwAAAAAAAPA/SgsKBGtpbmQSAwoBYVkAAAAAAAAAAGEAAAAAAADwPxAC'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const jsonSpan = (spanId: string, more: object = {}) => ({
  traceId,
  spanId,
  name: 'work',
  kind: 2,
  startTimeUnixNano: '1767225600000000000',
  endTimeUnixNano: '1767225600012500000',
  ...more,
})
const spanIdOf = (index: number): string => `f${index.toString(16).padStart(15, '0')}`
const traces = (...spans: unknown[]) => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'orders' } }] },
      scopeSpans: [{ spans }],
    },
  ],
})

const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`http://${cloud.hostOf(account)}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
const getJson = async (path: string) => {
  const response = await fetch(`http://${cloud.ownerHost}${path}`, {
    headers: { 'x-local-cloud-secret': cloud.secret },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const bytes = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(base64, 'base64'))

describe('spans', () => {
  it('are accepted as JSON on the port of an account, billed, and found by trace and by correlation id', async () => {
    const attributes = [{ key: 'demo-app.correlation_id', value: { stringValue: 'o-1' } }]
    const response = await post('/v1/traces', JSON.stringify(traces(jsonSpan('b7ad6b7169203331', { attributes }))))
    expect([response.status, await response.json()]).toEqual([200, {}])
    expect(cloud.counters()['trace.spans']).toBe(1)
    const { body } = await getJson('/_local/traces?correlationId=o-1')
    expect(body['traces']).toEqual([
      {
        traceId,
        root: 'work',
        service: 'orders',
        startMs: 1_767_225_600_000,
        durationMs: 12.5,
        spans: 1,
        errors: 0,
        correlationIds: ['o-1'],
      },
    ])
    expect((await getJson('/_local/traces?correlationId=o-2')).body['traces']).toEqual([])
    expect((await getJson(`/_local/traces/${traceId}`)).body['spans']).toMatchObject([
      { service: 'orders', kind: 'server' },
    ])
  })

  it.each([false, true])('are accepted as protobuf, gzipped: %s', async (gzipped) => {
    const plain = bytes(protobufSpan)
    const response = await post('/v1/traces', gzipped ? Uint8Array.from(gzipSync(plain)) : plain, {
      'content-type': 'application/x-protobuf',
      ...(gzipped ? { 'content-encoding': 'gzip' } : {}),
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-protobuf'])
    expect((await response.arrayBuffer()).byteLength).toBe(0)
    expect((await getJson(`/_local/traces/${traceId}`)).body['spans']).toEqual([
      {
        traceId,
        spanId: 'b7ad6b7169203331',
        parentSpanId: '00f067aa0ba902b7',
        service: 'elsewhere',
        name: 'GET /things',
        kind: 'server',
        startMs: 1_767_225_600_000,
        durationMs: 12.5,
        attributes: {
          'http.route': '/things',
          'a.number': 7,
          'a.float': 0.5,
          'a.flag': true,
          'a.list': ['x', 'y'],
          'demo-app.correlation_id': 'o-1',
        },
        events: [{ name: 'committed', atMs: 1_767_225_600_001, attributes: { n: 1 } }],
        error: 'gone',
      },
    ])
  })

  it('that are malformed are counted as rejected, and the valid ones of the request are kept', async () => {
    const good = jsonSpan('b7ad6b7169203331')
    const broken = [
      jsonSpan('short'),
      jsonSpan('b7ad6b7169203332', { traceId: 'x' }),
      jsonSpan('b7ad6b7169203333', { startTimeUnixNano: 'soon' }),
      7,
    ]
    const response = await post('/v1/traces', JSON.stringify(traces(good, ...broken)))
    expect(await response.json()).toMatchObject({ partialSuccess: { rejectedSpans: '4' } })
    expect(cloud.counters()['trace.spans']).toBe(1)
  })

  it('survive a restart', async () => {
    await post('/v1/traces', JSON.stringify(traces(jsonSpan('b7ad6b7169203331'))))
    await cloud.close()
    cloud = await open()
    expect((await getJson(`/_local/traces/${traceId}`)).body['spans']).toHaveLength(1)
    expect((await getJson('/_local/traces')).body['traces']).toHaveLength(1)
  })

  it('are found by the name of their root among many later traces', () => {
    const kept = keepTraces(fakeContext().context, undefined)
    const trace = (index: number, name: string): void => {
      const id = `f${index.toString(16).padStart(31, '0')}`
      kept.add('gateway', [{ ...jsonSpan('b7ad6b7169203331'), traceId: id, name }])
    }
    trace(1, 'POST /v1/orders')
    for (let index = 2; index < 20; index++) trace(index, 'GET /v1/orders/:orderId')
    expect(kept.list({ limit: 5 }).map(({ root }) => root)).not.toContain('POST /v1/orders')
    expect(kept.list({ limit: 5, root: 'POST /v1/orders' })).toMatchObject([{ traceId: `f${'1'.padStart(31, '0')}` }])
  })

  it('are kept up to a limit: the oldest traces are deleted as a whole, with their index', () => {
    const { context, journal } = fakeContext()
    const kept = keepTraces(context, 'demo-app.correlation_id')
    const perTrace = 100
    const count = limits.spans / perTrace + 3
    const idOf = (trace: number): string => `f${trace.toString(16).padStart(31, '0')}`
    for (let trace = 0; trace < count; trace++) {
      const attributes = [{ key: 'demo-app.correlation_id', value: { stringValue: `o-${trace}` } }]
      const spans = Array.from({ length: perTrace }, (_, index) =>
        jsonSpan(spanIdOf(index), { traceId: idOf(trace), attributes }),
      )
      expect(kept.add('orders', spans)).toBe(0)
    }
    expect(journal.table('telemetry/spans').size).toBe(limits.spans)
    expect(kept.spansOf(idOf(2))).toEqual([])
    expect(kept.list({ correlationId: 'o-2', limit: 1 })).toEqual([])
    expect(kept.spansOf(idOf(3))).toHaveLength(perTrace)
  })

  it('of one trace are limited in number', () => {
    const kept = keepTraces(fakeContext().context, undefined)
    const spans = Array.from({ length: limits.spansPerTrace + 5 }, (_, index) => jsonSpan(spanIdOf(index)))
    expect(kept.add('orders', spans)).toBe(5)
    expect(kept.add('orders', [spans[0]])).toBe(0)
  })

  it('are limited in size, individually and in total', () => {
    const kept = keepTraces(fakeContext().context, undefined)
    const idOf = (trace: number): string => `f${trace.toString(16).padStart(31, '0')}`
    const span = (trace: number, characters: number) =>
      jsonSpan(spanIdOf(0), { traceId: idOf(trace), name: 'x'.repeat(characters) })
    expect(kept.add('orders', [span(0, limits.spanCharacters)])).toBe(1)
    const size = limits.spanCharacters - 1_000
    const count = Math.floor(limits.allSpansCharacters / size) + 10
    for (let trace = 0; trace < count; trace++) expect(kept.add('orders', [span(trace, size)])).toBe(0)
    expect(kept.spansOf(idOf(0))).toEqual([])
    expect(kept.spansOf(idOf(count - 1))).toHaveLength(1)
    const found = Array.from({ length: count }, (_, trace) => kept.spansOf(idOf(trace))).flat()
    expect(JSON.stringify(found).length).toBeLessThanOrEqual(limits.allSpansCharacters * 1.01)
    expect(found.length).toBeGreaterThan(count - 100)
  })
})

describe('a request', () => {
  it.each<[string, string, Record<string, string>, number]>([
    ['malformed JSON', '{', {}, 400],
    ['JSON of another shape', '{"resourceSpans":7}', {}, 400],
    ['malformed protobuf', 'hello', { 'content-type': 'application/x-protobuf' }, 400],
    ['malformed gzip', '{}', { 'content-encoding': 'gzip' }, 400],
    ['an unsupported encoding', '{}', { 'content-encoding': 'br' }, 415],
    ['an unsupported content type', '{}', { 'content-type': 'text/plain' }, 415],
  ])('that is not OTLP is refused: %s', async (_name, body, headers, status) => {
    const response = await post('/v1/traces', body, headers)
    expect(response.status).toBe(status)
    expect((await response.text()).length).toBeGreaterThan(5)
    expect(cloud.counters()['trace.spans']).toBeUndefined()
  })

  it('whose gzipped body unpacks beyond the limit is refused', async () => {
    const bomb = Uint8Array.from(gzipSync(Buffer.alloc(limits.requestBytes + 1)))
    expect((await post('/v1/traces', bomb, { 'content-encoding': 'gzip' })).status).toBe(400)
  })

  it('for traces with an invalid limit is answered 400, for an unknown trace 404', async () => {
    expect((await getJson('/_local/traces?limit=0')).status).toBe(400)
    expect((await getJson('/_local/traces/hello')).status).toBe(404)
  })
})

describe('metrics', () => {
  it('are accepted as protobuf', async () => {
    const response = await post('/v1/metrics', bytes(protobufMetrics), { 'content-type': 'application/x-protobuf' })
    expect(response.status).toBe(200)
    expect((await getJson('/_local/metrics')).body['metrics']).toEqual([
      {
        name: 'things',
        unit: '{thing}',
        description: 'd',
        kind: 'sum',
        service: 'elsewhere',
        attributes: { kind: 'a' },
        value: 3,
      },
      {
        name: 'took',
        unit: 's',
        description: 'd',
        kind: 'histogram',
        service: 'elsewhere',
        attributes: { kind: 'a' },
        value: 2.5,
        count: 4,
        bounds: [0.5, 1],
        buckets: [2, 2, 0],
        p50: 0.5,
        p95: 0.95,
      },
    ])
  })

  it('are accepted without attributes and without a start time', async () => {
    const gauge = { dataPoints: [{ asDouble: 7, timeUnixNano: '1767225600000000000' }] }
    const body = { resourceMetrics: [{ resource: {}, scopeMetrics: [{ metrics: [{ name: 'depth', gauge }] }] }] }
    const response = await post('/v1/metrics', JSON.stringify(body))
    expect([response.status, await response.json()]).toEqual([200, {}])
    expect((await getJson('/_local/metrics')).body['metrics']).toMatchObject([
      { name: 'depth', service: 'unknown', attributes: {}, value: 7 },
    ])
  })

  const instance = (id: string) => ({ 'service.name': 'orders', 'service.instance.id': id })
  const sum = (value: number, startMs: number, timeMs: number, temporality = 2, attributes = {}): OtlpMetric => ({
    name: 'things',
    unit: '1',
    description: '',
    sum: {
      aggregationTemporality: temporality,
      dataPoints: [{ attributes, startTimeUnixNano: startMs, timeUnixNano: timeMs, asDouble: value }],
    },
  })
  const total = (metrics: ReturnType<typeof keepMetrics>): number[] => metrics.list().map(({ value }) => value)

  it('with cumulative values are replaced per process, added over processes, and keep their total when a process starts anew', () => {
    const metrics = keepMetrics(fakeContext().context)
    metrics.add(instance('a'), sum(1, 0, 10))
    metrics.add(instance('a'), sum(5, 0, 20))
    expect(total(metrics)).toEqual([5])
    metrics.add(instance('a'), sum(4, 0, 15))
    expect(total(metrics)).toEqual([5])
    metrics.add(instance('b'), sum(2, 12, 20))
    expect(total(metrics)).toEqual([7])
    metrics.add(instance('a'), sum(1, 30, 40))
    expect(total(metrics)).toEqual([8])
  })

  it('with delta values are added', () => {
    const metrics = keepMetrics(fakeContext().context)
    metrics.add(instance('a'), sum(1, 0, 10, 1))
    metrics.add(instance('a'), sum(2, 10, 20, 1))
    expect(total(metrics)).toEqual([3])
  })

  it('of ended processes are merged at the limit of series, and new series beyond it are refused', () => {
    const { context, journal } = fakeContext()
    const metrics = keepMetrics(context)
    for (let index = 0; index < limits.series + 50; index++)
      expect(metrics.add(instance(`i-${index}`), sum(1, index, index))).toBe(0)
    expect(journal.table('telemetry/series').size).toBeLessThanOrEqual(limits.series)
    expect(total(metrics)).toEqual([limits.series + 50])

    const many = keepMetrics(fakeContext().context)
    const rejected = Array.from({ length: limits.series + 7 }, (_, index) =>
      many.add(instance('a'), sum(1, 0, index, 2, { index })),
    )
    expect(rejected.reduce((all, one) => all + one, 0)).toBe(7)
  })

  it('with oversized attributes are refused', () => {
    const metrics = keepMetrics(fakeContext().context)
    expect(metrics.add(instance('a'), sum(1, 0, 1, 2, { label: 'x'.repeat(limits.seriesCharacters) }))).toBe(1)
    expect(metrics.add(instance('a'), sum(1, 0, 1, 2, { label: 'x'.repeat(1_000) }))).toBe(0)
    expect(total(metrics)).toEqual([1])
  })

  it('of an unsupported kind are counted as rejected', async () => {
    const metric = { name: 'x', exponentialHistogram: { dataPoints: [{}] } }
    const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }
    expect(await (await post('/v1/metrics', JSON.stringify(body))).json()).toMatchObject({
      partialSuccess: { rejectedDataPoints: '1' },
    })
  })
})

it.each([
  [0.5, [0, 0, 0], 0],
  [0.5, [4, 0, 0], 0.5],
  [0.5, [0, 4, 0], 1.5],
  [0.95, [0, 100, 0], 1.95],
  [0.95, [0, 0, 1], 2],
])('quantile %d of the buckets %j is %d', (share, buckets, value) => {
  expect(quantile(share, [1, 2], buckets)).toBeCloseTo(value)
})

it('an account needs the grants of the Telemetry API', async () => {
  const withIam = await createLocalCloud({
    project,
    plugins: [iam, telemetry()],
    accounts: [{ email: account, port: 0 }],
  })
  const status = async (path: string): Promise<number> => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(`http://${withIam.hostOf(account)}${path}`, { method: 'POST', body: '{}', headers })).status
  }
  try {
    expect([await status('/v1/traces'), await status('/v1/metrics')]).toEqual([403, 403])
    const bindings = [{ role: 'roles/telemetry.tracesWriter', members: [`serviceAccount:${account}`] }]
    await withIam.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'orders' })
    await withIam.api('POST', '/v3/projects/p:setIamPolicy', { policy: { bindings } })
    expect([await status('/v1/traces'), await status('/v1/metrics')]).toEqual([200, 403])
  } finally {
    await withIam.close()
  }
})

it('the core offers traces and metrics to tests in the same process', () => {
  expect(cloud.core<TelemetryCore>('telemetry').traces.list({ limit: 1 })).toEqual([])
})
