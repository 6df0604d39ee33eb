/** The real collector with the configuration of the stacks: it accepts it, and exports a service's telemetry. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { iam, type IamCore } from 'local-google-cloud/iam'
import { type Attributes as OtlpAttributes, metricsRequest, traceRequest } from 'local-google-cloud/telemetry/otlp'
import { telemetry, type TelemetryCore } from 'local-google-cloud/telemetry'
import { metrics } from '../../shared/signals/metrics.ts'
import { otlpSink } from '../../shared/instrumentation/otlp.ts'
import type { FinishedSpan } from '../../shared/signals/span.ts'
import { chartsOf } from '../../stacks/dashboard.ts'
import { environments } from '../../stacks/environments.ts'
import { freePorts } from 'local-google-cloud/host'
import {
  type Container,
  type Relay,
  type RunningCollector,
  startCollector,
  startRelay,
  validate,
} from './collector.testing.ts'
import { type Attributes, declared } from './synthesized.testing.ts'

const { prod } = environments

const program = process.env['MILLRACE_OTELCOL'] ?? ''
if (!program) console.log('No collector is run here: set MILLRACE_OTELCOL to the path of one (otelcol-google 0.155.0).')

const service = 'orders'
const declaredService = declared(prod, 'google_cloud_run_v2_service').find(
  ({ attributes }) => attributes['name'] === service,
)!.attributes
const template = (declaredService['template'] as Attributes[])[0] ?? (declaredService['template'] as Attributes)
const account = String(template['service_account'])
const collectorContainer = (template['containers'] as (Container & { readonly name: string })[]).find(
  ({ name }) => name === 'collector',
)!
/** The collector's roles on the project by the stacks. */
const roles = declared(prod, 'google_project_iam_member')
  .filter(({ attributes }) => attributes['member'] === `serviceAccount:${account}`)
  .map(({ attributes }) => String(attributes['role']))

const traceId = '0af7651916cd43dd8448eb211c80319c'
const request: FinishedSpan = {
  name: 'POST /v1/orders',
  kind: 'server',
  context: { traceId, spanId: 'b7ad6b7169203331', sampled: true },
  startMs: 1_767_225_600_000,
  endMs: 1_767_225_600_040,
  attributes: { 'http.route': '/v1/orders', 'http.response.status_code': 201 },
  events: [{ name: 'committed', atMs: 1_767_225_600_020, attributes: { events: 1 } }],
}
const delivery: FinishedSpan = {
  name: 'process order.placed',
  kind: 'consumer',
  context: { traceId, spanId: '00f067aa0ba902b7', sampled: true },
  parentSpanId: request.context.spanId,
  startMs: 1_767_225_600_050,
  endMs: 1_767_225_600_062.5,
  attributes: { 'millrace.correlation_id': 'order-1', 'millrace.attempt': 2 },
  events: [],
  error: 'stock answered 503',
}

describe.skipIf(program === '')('the collector', () => {
  let cloud: LocalCloud
  let relay: Relay
  let running: RunningCollector
  const closers: (() => Promise<unknown>)[] = []
  let output: string
  let endpoint: string
  beforeAll(async () => {
    output = validate(program, collectorContainer)
    const project = { id: prod.projectId, number: prod.projectNumber, region: prod.region }
    cloud = await createLocalCloud({ project, plugins: [iam, telemetry()], accounts: [{ email: account, port: 0 }] })
    closers.push(() => cloud.close())
    await cloud.api('POST', `/v1/projects/${project.id}/serviceAccounts`, { accountId: account.split('@')[0] })
    const bindings = roles.map((role) => ({ role, members: [`serviceAccount:${account}`] }))
    await cloud.api('POST', `/v1/projects/${project.id}:setIamPolicy`, { policy: { bindings } })
    relay = await startRelay(`http://${cloud.hostOf(account)}`)
    closers.push(() => relay.close())
    const [otlp, health] = await freePorts(2)
    endpoint = `http://localhost:${otlp}`
    running = startCollector(program, collectorContainer, {
      overrides: {
        'receivers::otlp::protocols::http::endpoint': `localhost:${otlp}`,
        'extensions::health_check::endpoint': `127.0.0.1:${health}`,
        'exporters::otlp_http::endpoint': relay.url,
      },
      // The variables of Cloud Run; the metadata server is the local cloud's.
      env: {
        K_SERVICE: service,
        K_REVISION: `${service}-00001`,
        K_CONFIGURATION: service,
        GCE_METADATA_HOST: cloud.hostOf(account),
      },
    })
    closers.push(async () => expect(await running.stop()).toBe(0))
    await vi.waitFor(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${health}/`).catch(() => undefined)
        expect(answer?.ok, running.output()).toBe(true)
      },
      { timeout: 30_000 },
    )

    const sink = otlpSink({
      service,
      version: `${service}-00001`,
      endpoint,
      spanDelayMs: 1,
      metricIntervalMs: 1,
      log: (_severity, event, details) => {
        throw new Error(`${event}: ${JSON.stringify(details)}`)
      },
    })
    sink.span(request)
    sink.span(delivery)
    for (const metric of Object.values(metrics))
      sink.measure(metric, 2, Object.fromEntries(metric.attributes.map((name) => [name, `${name} of it`])))
    await vi.waitFor(
      () => {
        expect(spans(), running.output()).toHaveLength(2)
        expect(new Set(arrived().map(({ type }) => type)).size, running.output()).toBe(Object.keys(metrics).length)
      },
      { timeout: 30_000 },
    )
    await sink.close()
  }, 90_000)
  afterAll(async () => {
    for (const close of closers.toReversed()) await close()
  }, 30_000)

  const spans = () => cloud.core<TelemetryCore>('telemetry').traces.spansOf(traceId)
  const resourceMetrics = () =>
    relay.received
      .filter(({ path }) => path === '/v1/metrics')
      .flatMap(({ message }) => metricsRequest.parse(message).resourceMetrics)
  const resources = (): OtlpAttributes[] => [
    ...resourceMetrics().map(({ resource }) => resource.attributes),
    ...relay.received
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ message }) => traceRequest.parse(message).resourceSpans.map(({ resource }) => resource.attributes)),
  ]
  /** The names in Cloud Monitoring: https://cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics */
  const arrived = () =>
    resourceMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
      .map(({ name, sum, histogram }) => ({
        type: `prometheus.googleapis.com/${name}/${sum ? 'counter' : histogram ? 'histogram' : 'gauge'}`,
        labels: Object.keys((sum ?? histogram)?.dataPoints[0]?.attributes ?? {}).toSorted(),
        temporality: (sum ?? histogram)?.aggregationTemporality,
      }))

  it('accepts the configuration of its container without a deprecation warning', () => {
    expect(output).toBe('')
    expect(running.output()).not.toMatch(/deprecated/i)
  })

  it('leaves spans unchanged', () => {
    expect(spans()).toEqual([
      {
        traceId,
        spanId: request.context.spanId,
        service,
        name: request.name,
        kind: 'server',
        startMs: request.startMs,
        durationMs: 40,
        attributes: request.attributes,
        events: request.events,
      },
      {
        traceId,
        spanId: delivery.context.spanId,
        parentSpanId: request.context.spanId,
        service,
        name: delivery.name,
        kind: 'consumer',
        startMs: delivery.startMs,
        durationMs: 12.5,
        attributes: delivery.attributes,
        events: [],
        error: delivery.error,
      },
    ])
  })

  it('names metrics and labels as the dashboard queries them', () => {
    const ours = chartsOf([]).filter(({ filter }) => filter.includes('prometheus.googleapis.com/'))
    expect(ours.length).toBeGreaterThanOrEqual(Object.keys(metrics).length)
    for (const { title, filter, by = [] } of ours) {
      const labels = by.flatMap((field) => /^metric\.label\."(.*)"$/.exec(field)?.[1] ?? [])
      const found = arrived().find(({ type }) => filter.includes(`metric.type="${type}"`))
      expect([title, found?.labels]).toEqual([title, expect.arrayContaining(labels)])
    }
    // Cloud Monitoring does not accept deltas.
    expect(arrived().map(({ temporality }) => temporality)).toEqual(arrived().map(() => 2))
  })

  it('adds the attributes without which spans are refused (project) and points are dropped (location, instance)', () => {
    expect(resources().length).toBeGreaterThan(1)
    for (const attributes of resources())
      expect(attributes).toMatchObject({
        'gcp.project_id': prod.projectId,
        'service.name': service,
        'service.version': `${service}-00001`,
        'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
        'cloud.region': prod.region,
      })
  })

  it('gives points that name no instance the instance of Cloud Run', async () => {
    const point = { asInt: '1', startTimeUnixNano: '1767225600000000000', timeUnixNano: '1767225601000000000' }
    const sum = { dataPoints: [point], aggregationTemporality: 2, isMonotonic: true }
    const body = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'no.instance', sum }] }] }] }
    const headers = { 'content-type': 'application/json' }
    await fetch(`${endpoint}/v1/metrics`, { method: 'POST', headers, body: JSON.stringify(body) })
    const instances = () =>
      resourceMetrics()
        .filter(({ scopeMetrics }) => scopeMetrics.some((scope) => scope.metrics[0]?.name === 'no_instance'))
        .map(({ resource }) => resource.attributes['service.instance.id'])
    const ofCloudRun = await fetch(`http://${cloud.hostOf(account)}/computeMetadata/v1/instance/id`, {
      headers: { 'metadata-flavor': 'Google' },
    })
    await expect.poll(instances, { timeout: 20_000 }).toEqual([await ofCloudRun.text()])
  })

  it('exports with the account of the service and the quota of the project', () => {
    for (const { headers } of relay.received) {
      const token = headers.authorization?.replace('Bearer ', '') ?? ''
      expect(cloud.core<IamCore>('iam').accountOf(token)).toBe(account)
      expect(headers['x-goog-user-project']).toBe(prod.projectId)
    }
  })

  it('exports its buffered telemetry when it is ended', async () => {
    const [traceAtTheEnd, spanId] = ['1'.repeat(32), '2'.repeat(16)]
    const [startTimeUnixNano, endTimeUnixNano] = ['1767225600000000000', '1767225601000000000']
    const last = { traceId: traceAtTheEnd, spanId, name: 'last', kind: 2, startTimeUnixNano, endTimeUnixNano }
    const answer = await fetch(`${endpoint}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [last] }] }] }),
    })
    expect(answer.status).toBe(200)
    expect(await running.stop()).toBe(0)
    expect(cloud.core<TelemetryCore>('telemetry').traces.spansOf(traceAtTheEnd)).toMatchObject([{ name: 'last' }])
  })
})
