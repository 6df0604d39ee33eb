/** What is counted, promised, alerted and shown, and that each of it speaks of something that exists. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { metrics } from '../../shared/telemetry/metrics.ts'
import { prod } from '../../stacks/environments.ts'
import { recorded } from '../../stacks/metric-filters.ts'
import { type Attributes, declared, environments } from './synthesized.ts'

const sagas = services.flatMap(({ saga }) => saga ?? [])
const root = join(import.meta.dirname, '..', '..')
const block = (value: unknown): Attributes => (Array.isArray(value) ? value[0] : value) as Attributes
const blocks = (value: unknown): readonly Attributes[] => (Array.isArray(value) ? value : [value]) as Attributes[]

interface Dashboard {
  readonly mosaicLayout: {
    readonly columns: number
    readonly tiles: readonly {
      readonly xPos: number
      readonly yPos: number
      readonly width: number
      readonly height: number
      readonly widget: { readonly title: string; readonly xyChart: { readonly dataSets: readonly DataSet[] } }
    }[]
  }
}
interface DataSet {
  readonly timeSeriesQuery: {
    readonly timeSeriesFilter: {
      readonly filter: string
      readonly aggregation: { readonly groupByFields?: readonly string[]; readonly perSeriesAligner: string }
    }
  }
}

describe.each(environments.map((environment) => [environment.name, environment] as const))('%s', (_, environment) => {
  const all = (type: string) => declared(environment, type).map(({ attributes }) => attributes)
  const policies = all('google_monitoring_alert_policy')
  const slos = all('google_monitoring_slo')
  const page = JSON.parse(String(all('google_monitoring_dashboard')[0]!['dashboard_json'])) as Dashboard
  const charts = page.mosaicLayout.tiles.flatMap(({ widget }) =>
    widget.xyChart.dataSets.map(({ timeSeriesQuery }) => ({
      title: widget.title,
      ...timeSeriesQuery.timeSeriesFilter,
    })),
  )

  it('promises what the environment says of orders and of placing them', () => {
    const { ordersCompleted, placingSeconds } = environment.objectives
    expect(slos.map(({ slo_id: id, goal, rolling_period_days: days }) => [id, goal, days])).toEqual([
      ['orders-completed', ordersCompleted, 28],
      ['placing-p95', 0.95, 28],
    ])
    const [completed, placed] = slos.map((slo) => block(slo['request_based_sli']))
    expect(block(completed!['good_total_ratio'])).toEqual({
      good_service_filter: expect.stringMatching(/millrace_orders\/counter".*metric\.labels\.outcome="completed"$/),
      // Rejected counts neither way.
      bad_service_filter: expect.stringMatching(/millrace_orders\/counter".*metric\.labels\.outcome="expired"$/),
    })
    expect(block(placed!['distribution_cut'])).toEqual({
      distribution_filter: expect.stringMatching(
        /http_server_request_duration\/histogram".*metric\.labels\.http_route="\/v1\/orders"$/,
      ),
      range: { min: 0, max: placingSeconds },
    })
  })

  it('alerts when an objective burns, fast and slowly, over a long and a short window together', () => {
    const burning = policies.filter(({ display_name: name }) => /-burns-/.test(String(name)))
    expect(burning.map(({ display_name: name }) => name)).toEqual(
      slos.flatMap(({ slo_id: id }) => [`${id}-burns-fast`, `${id}-burns-slow`]),
    )
    for (const policy of burning) {
      expect(policy['combiner']).toBe('AND')
      const speed = String(policy['display_name']).split('-burns-')[1]
      const conditions = blocks(policy['conditions']).map((condition) => block(condition['condition_threshold']))
      const windows = conditions.map(({ filter }) =>
        /^select_slo_burn_rate\("\$\{(.*)\.id\}", "(\d+)s"\)$/.exec(String(filter))!,
      )
      expect(windows.map(([, , seconds]) => Number(seconds))).toEqual(speed === 'fast' ? [3600, 300] : [21_600, 1800])
      expect(conditions.map(({ threshold_value: rate }) => rate)).toEqual(speed === 'fast' ? [14.4, 14.4] : [6, 6])
      const [address] = new Set(windows.map(([, slo]) => slo))
      expect(declared(environment, 'google_monitoring_slo').map((one) => one.address)).toContain(address)
    }
  })

  it('alerts on dead letters, stuck sagas and bugs, and every alert reaches somebody and says what to do', () => {
    expect(policies.map(({ display_name: name }) => String(name)).filter((name) => !/-burns-/.test(name))).toEqual([
      'bugs',
      'dead-letters',
      'sagas-stuck',
    ])
    const page = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
    for (const policy of policies) {
      expect(policy['notification_channels']).toEqual([expect.stringMatching(/notification_channel\..*\.id\}$/)])
      expect(block(policy['documentation'])['content']).toContain('docs/deploy.md')
      expect(page).toContain(String(policy['display_name']))
    }
    const condition = (name: string): Attributes =>
      block(policies.find((one) => one['display_name'] === name)!['conditions'])
    const waiting = String(block(condition('dead-letters')['condition_threshold'])['filter'])
    const pattern = new RegExp(`^${/full_match\("(.*)"\)$/.exec(waiting)![1]}$`)
    const subscriptions = all('google_pubsub_subscription').map(({ name }) => String(name))
    expect(subscriptions.filter((name) => pattern.test(name))).toEqual(
      subscriptions.filter((name) => name.endsWith('-dead-letters')),
    )
    expect(block(condition('sagas-stuck')['condition_matched_log'])['filter']).toContain(
      'jsonPayload.message="saga.stuck"',
    )
    expect(block(condition('bugs')['condition_matched_log'])['filter']).toContain(
      'jsonPayload.message="message.failed"',
    )
  })

  it('shows only what is recorded, counted or measured by Google, and names no service', () => {
    const counters = all('google_logging_metric').map(({ name }) => `logging.googleapis.com/user/${name}`)
    const ours = Object.values(metrics).map(
      ({ name, kind }) => `prometheus.googleapis.com/${name.replaceAll('.', '_')}/${kind}`,
    )
    const shown = charts.flatMap(({ filter }) => /metric\.type="([^"]+)"/.exec(filter)?.[1] ?? [])
    for (const metric of [...ours, ...counters]) expect(shown).toContain(metric)
    const others = shown.filter((metric) => !ours.includes(metric) && !counters.includes(metric))
    expect(others.filter((metric) => !/^(pubsub|cloudtasks|run|firestore)\.googleapis\.com\//.test(metric))).toEqual([])
    const text = JSON.stringify(page)
    expect(services.filter(({ name }) => new RegExp(`"${name}\\W|=\\W*${name}\\b`).test(text))).toEqual([])
  })

  it('splits a chart by labels that its metric has', () => {
    const labels = new Map(
      Object.values(metrics).map(({ name, attributes }) => [
        name.replaceAll('.', '_'),
        attributes.map((attribute) => attribute.replaceAll('.', '_')),
      ]),
    )
    for (const { filter, aggregation, title } of charts) {
      const name = /prometheus\.googleapis\.com\/(\w+)\//.exec(filter)?.[1]
      if (name === undefined) continue
      const by = (aggregation.groupByFields ?? []).flatMap((field) => /^metric\.label\."(.*)"$/.exec(field)?.[1] ?? [])
      expect([title, by.filter((label) => !labels.get(name)!.includes(label))]).toEqual([title, []])
    }
  })

  it('lays the charts out side by side', () => {
    const { columns, tiles } = page.mosaicLayout
    const taken = tiles.flatMap(({ xPos, yPos, width, height }) => {
      expect(xPos + width).toBeLessThanOrEqual(columns)
      return Array.from(
        { length: width * height },
        (_each, at) => `${xPos + (at % width)}/${yPos + Math.floor(at / width)}`,
      )
    })
    expect(new Set(taken).size).toBe(taken.length)
  })
})

it('counts log lines that the platform writes', () => {
  const sources = ['shared', 'functions']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => /(?<!\.test|\.testing)\.ts$/.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
  for (const { attributes } of declared(prod, 'google_logging_metric')) {
    const [, message] = /jsonPayload\.message="([^"]+)"/.exec(String(attributes['filter']))!
    expect([message, sources.some((text) => text.includes(`'${message}'`))]).toEqual([message, true])
  }
})

it('promises outcomes that a saga can have', () => {
  const filters = declared(prod, 'google_monitoring_slo').map(({ attributes }) => JSON.stringify(attributes))
  const promised = filters.flatMap((text) => [...text.matchAll(/labels\.outcome=\\"(\w+)/g)].map(([, name]) => name))
  expect(promised).toHaveLength(2)
  for (const outcome of promised) expect(sagas.flatMap(({ endsOn }) => Object.values(endsOn))).toContain(outcome)
})

it('refuses a condition on a label that a metric has not', () => {
  expect(() => recorded('orders', { result: 'completed' })).toThrow(
    'millrace.orders has no label result: it has outcome.',
  )
})

describe('the collector', () => {
  const [service] = declared(prod, 'google_cloud_run_v2_service')
  const containers = block(service!.attributes['template'])['containers'] as {
    name: string
    args: string[]
    env: { name: string; value: string }[]
    startup_probe: { http_get: { port: number } }
  }[]
  const [app, collector] = containers
  const variable = (container: typeof app, name: string): string =>
    container!.env.find((one) => one.name === name)!.value
  const config = variable(collector, 'COLLECTOR_CONFIG').replaceAll('$${', '${')

  it('listens where the service sends, and answers the probe where it is asked', () => {
    const { port } = new URL(variable(app, 'OTEL_EXPORTER_OTLP_ENDPOINT'))
    expect(config).toContain(`endpoint: localhost:${port}`)
    expect(config).toContain(`endpoint: 0.0.0.0:${collector!.startup_probe.http_get.port}`)
    expect(collector!.args).toEqual(['--config=env:COLLECTOR_CONFIG'])
  })

  it('leaves nothing for Terraform to resolve', () => {
    expect(variable(collector, 'COLLECTOR_CONFIG').replaceAll('$${', '')).not.toContain('${')
    for (const [, name] of config.matchAll(/\$\{env:(\w+)\}/g)) expect(variable(collector, name!)).toBe(prod.projectId)
  })

  it.each(['traces', 'metrics'])(
    'takes %s in, batches them, and exports them as the account of the service',
    (signal) => {
      const [, pipeline] = new RegExp(`\\n {4}${signal}:\\n((?: {6}.*\\n)+)`).exec(config)!
      expect(pipeline).toMatch(/receivers: \[otlp\]\n/)
      expect(pipeline).toMatch(/processors: \[memory_limiter, resourcedetection, .*batch\]\n/)
      expect(pipeline).toMatch(/exporters: \[otlp_http\]\n/)
      expect(config).toMatch(
        /otlp_http:\n {4}endpoint: https:\/\/telemetry\.googleapis\.com\n[\s\S]*authenticator: googleclientauth/,
      )
    },
  )
})
