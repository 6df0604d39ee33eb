/** Metrics, objectives, alerts and dashboards, and that each refers only to existing metrics and resources. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StackJson } from 'local-google-cloud'
import { business, services } from '../../functions/index.ts'
import { ordersApi } from '../../functions/orders/api.ts'
import type { Business, Goal } from '../../shared/service/business.ts'
import { LINES_PER_KIND_AND_SECOND } from '../../shared/signals/security-log.ts'
import { metrics, TIMED_OUT } from '../../shared/signals/metrics.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { customMetric } from '../../stacks/metric-filters.ts'
import { type Attributes, declared, allEnvironments, stacksOf } from './synthesized.testing.ts'
import { root } from '../support/root.ts'

const { prod } = environments

const sagas = services.flatMap(({ saga }) => saga ?? [])
/** Google's own metrics, which exist in every project. */
const ofGoogle = [
  'cloudtasks.googleapis.com/queue/task_attempt_delays',
  'monitoring.googleapis.com/uptime_check/check_passed',
  'pubsub.googleapis.com/subscription/num_undelivered_messages',
  'pubsub.googleapis.com/subscription/oldest_unacked_message_age',
  'run.googleapis.com/container/instance_count',
]
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

describe.each(allEnvironments.map((environment) => [environment.name, environment] as const))(
  '%s',
  (_, environment) => {
    const all = (type: string) => declared(environment, type).map(({ attributes }) => attributes)
    const policies = all('google_monitoring_alert_policy')
    const slos = all('google_monitoring_slo')
    const counters = all('google_logging_metric')
    const page = JSON.parse(String(all('google_monitoring_dashboard')[0]!['dashboard_json'])) as Dashboard
    const charts = page.mosaicLayout.tiles.flatMap(({ widget }) =>
      widget.xyChart.dataSets.map(({ timeSeriesQuery }) => ({
        title: widget.title,
        ...timeSeriesQuery.timeSeriesFilter,
      })),
    )

    const thresholdsOf = (name: string): readonly Attributes[] =>
      blocks(policies.find((one) => one['display_name'] === name)!['conditions']).map((one) =>
        block(one['condition_threshold']),
      )

    it("has the shop's objectives of this environment for orders and for placing them", () => {
      const { 'orders-completed': completing, placing } = business.goals(environment)
      expect(slos.map(({ slo_id: id, goal, rolling_period_days: days }) => [id, goal, days])).toEqual([
        ['orders-completed', completing!.share, 28],
        ['placing-answered', placing!.share, 28],
        ['placing-p95', 0.95, 28],
      ])
      const [completed, answered, placed] = slos.map((slo) => block(slo['request_based_sli']))
      const metric = (name: string, conditions = ''): string =>
        `metric.type="logging.googleapis.com/user/${name}" AND resource.type="cloud_run_revision"${conditions}`
      expect(block(completed!['good_total_ratio'])).toEqual({
        good_service_filter: metric(
          'saga-ended',
          ' AND metric.labels.saga="checkout" AND metric.labels.outcome="completed"',
        ),
        // Rejected and expired orders do not count.
        bad_service_filter: metric(
          'saga-ended',
          ' AND metric.labels.saga="checkout" AND metric.labels.outcome="timed-out"',
        ),
      })
      expect(block(answered!['good_total_ratio'])).toEqual({
        bad_service_filter: metric('placing-answered', ' AND metric.labels.class="5"'),
        total_service_filter: metric('placing-answered'),
      })
      expect(block(placed!['distribution_cut'])).toEqual({
        distribution_filter: metric('placing-latency'),
        range: { min: 0, max: placing!.p95Seconds },
      })
      const buckets = block(block(counters.find(({ name }) => name === 'placing-latency')!['bucket_options']))
      expect(block(buckets['explicit_buckets'])['bounds']).toContain(placing!.p95Seconds)
    })

    it('uses only metrics that exist before the first order, and applies them some minutes before the objectives', () => {
      const made = declared(environment, 'google_logging_metric')
      expect(new Set(made.map(({ stack }) => stack))).toEqual(new Set([`${environment.name}-platform`]))
      const queried = [...JSON.stringify([slos, policies]).matchAll(/metric\.type=\\"([^"\\]+)\\"/g)].map(
        ([, type]) => type!,
      )
      expect(queried.length).toBeGreaterThan(4)
      for (const type of queried) {
        const known = [
          ...made.map(({ attributes }) => `logging.googleapis.com/user/${attributes['name']}`),
          ...ofGoogle,
        ]
        expect(known).toContain(type)
      }
      const [first, last] = [stacksOf(environment)[0], stacksOf(environment).at(-1)]
      for (const type of ['slo', 'alert_policy', 'dashboard']) {
        expect(last!.json.resource).toHaveProperty(`google_monitoring_${type}`)
        expect(first!.json.resource).not.toHaveProperty(`google_monitoring_${type}`)
      }
    })

    it('measures the placing of orders at Cloud Run, so that failed and slow starts count', () => {
      const [front, ...others] = services.filter(({ ingress }) => ingress === 'public').map(({ name }) => name)
      expect(others).toEqual([])
      const path = ordersApi.operations.placeOrder.path
      const filterOf = (metric: string): string => String(counters.find(({ name }) => name === metric)!['filter'])
      const requests = filterOf('placing-answered')
      expect(requests).toContain('log_id("run.googleapis.com/requests")')
      expect(requests).toContain(`resource.labels.service_name="${front}"`)
      const url = new RegExp(/requestUrl=~"(.*)"$/.exec(requests)![1]!)
      const base = environment.serviceUrl(front!).replace('http://', 'https://')
      expect([`${base}${path}`, `${base}${path}?x=1`].map((one) => url.test(one))).toEqual([true, true])
      expect([`${base}${path}/o-1`, `${base}/v1/products`].map((one) => url.test(one))).toEqual([false, false])
      expect(filterOf('placing-latency')).toBe(
        `${requests} AND httpRequest.status<500 AND NOT httpRequest.status=(408 OR 499)`,
      )
      const { label_extractors: label } = counters.find(({ name }) => name === 'placing-answered')!
      const [, digit] = /REGEXP_EXTRACT\(httpRequest\.status, "(.*)"\)/.exec((label as Attributes)['class'] as string)!
      expect([200, 429, 503].map((status) => new RegExp(digit!).exec(String(status))![1])).toEqual(['2', '4', '5'])
    })

    it('alerts on fast and slow burn of an objective, each over a long and a short window', () => {
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

    it('alerts on dead letters, stuck sagas and bugs, and every alert has a recipient and instructions', () => {
      expect(policies.map(({ display_name: name }) => String(name)).filter((name) => !/-burns-/.test(name))).toEqual([
        'access-changed',
        'bugs',
        'commands-wait',
        'dead-letters',
        'gateway-unreachable',
        'instances-at-limit',
        'messages-wait',
        'payments-dispute-overdue',
        'payments-payment-disputed',
        'payments-recapture-overdue',
        'payments-refund-overdue',
        'payments-renewal-overdue',
        'payments-void-overdue',
        'queues-stopped',
        'reconciliation-difference-found',
        'refusals',
        'sagas-stuck',
        'schedules-fail',
        'shipping-booking-not-given-back',
        'shipping-shipment-collected-in-error',
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
      const matched = (name: string): Attributes => block(condition(name)['condition_matched_log'])
      const lines = 'resource.type=("cloud_run_revision" OR "cloud_run_worker_pool")'
      const line = (some: string): string => `${lines} AND severity>=ERROR AND (${some})`
      expect(matched('sagas-stuck')).toEqual({
        // History logs the same event, without the severity that alerts.
        filter: line('jsonPayload.message="saga.stuck"'),
        label_extractors: {
          service: 'EXTRACT(jsonPayload.service)',
          step: 'EXTRACT(jsonPayload.step)',
          correlationId: 'EXTRACT(jsonPayload.correlationId)',
        },
      })
      expect(matched('reconciliation-difference-found')).toEqual({
        filter: `${lines} AND jsonPayload.service="reconciliation" AND severity>=ERROR AND jsonPayload.message="difference.found"`,
        label_extractors: { kind: 'EXTRACT(jsonPayload.kind)', id: 'EXTRACT(jsonPayload.id)' },
      })
      expect(matched('bugs')['filter']).toBe(
        line('jsonPayload.message="message.failed" OR jsonPayload.message="request.failed"'),
      )
    })

    it('asks from outside whether the gateway is ready, over TLS and at its address, and alerts when it is not', () => {
      const [check] = all('google_monitoring_uptime_check_config')
      const { host } = block(block(check!['monitored_resource'])['labels'])
      expect(environment.serviceUrl('gateway')).toContain(`//${host}`)
      expect(block(check!['http_check'])).toMatchObject({ path: '/health/ready', use_ssl: true, validate_ssl: true })
      expect([check!['period'], check!['timeout']]).toEqual(['300s', '10s'])
      const [alert] = blocks(policies.find((one) => one['display_name'] === 'gateway-unreachable')!['conditions'])
      expect(block(alert!['condition_threshold'])['filter']).toBe(
        `metric.type="monitoring.googleapis.com/uptime_check/check_passed" AND resource.type="uptime_url" AND resource.labels.host="${host}"`,
      )
    })

    it.each([
      ['dead-letters', 0, '0s', { per_series_aligner: 'ALIGN_MAX' }],
      ['messages-wait', 600, '300s', { per_series_aligner: 'ALIGN_MAX' }],
      ['commands-wait', 60_000, '300s', { per_series_aligner: 'ALIGN_PERCENTILE_95' }],
      [
        'gateway-unreachable',
        1,
        '300s',
        {
          per_series_aligner: 'ALIGN_NEXT_OLDER',
          cross_series_reducer: 'REDUCE_COUNT_FALSE',
          group_by_fields: ['resource.label."host"'],
        },
      ],
    ])('%s opens above %d for %s', (name, above, duration, aggregation) => {
      const [condition, ...others] = thresholdsOf(name)
      expect(others).toEqual([])
      expect(condition).toMatchObject({ comparison: 'COMPARISON_GT', threshold_value: above, duration })
      expect(blocks(condition!['aggregations'])).toEqual([{ alignment_period: '300s', ...aggregation }])
    })

    it('instances-at-limit adds up the instances of each service', () => {
      const conditions = thresholdsOf('instances-at-limit')
      expect(conditions.length).toBeGreaterThan(0)
      for (const condition of conditions) {
        expect(condition).toMatchObject({ comparison: 'COMPARISON_GT', duration: '300s' })
        expect(blocks(condition['aggregations'])).toEqual([
          {
            alignment_period: '300s',
            per_series_aligner: 'ALIGN_MAX',
            cross_series_reducer: 'REDUCE_SUM',
            group_by_fields: ['resource.label."service_name"'],
          },
        ])
      }
    })

    it('alerts on late messages and commands, on services without a free instance, and on changes of access by hand', () => {
      const conditionsOf = (name: string) =>
        blocks(policies.find((one) => one['display_name'] === name)!['conditions']).map((one) =>
          block(one['condition_threshold'] ?? one['condition_matched_log']),
        )
      const [late] = conditionsOf('messages-wait')
      const excepted = new RegExp(
        `^(?:${/subscription_id!=monitoring.regex.full_match\("(.*)"\)$/.exec(String(late!['filter']))![1]})$`,
      )
      const names = all('google_pubsub_subscription').map(({ name }) => String(name))
      expect(names.filter((name) => excepted.test(name))).toEqual(
        all('google_pubsub_subscription')
          .filter((one) => !one['push_config'] && !one['bigquery_config'])
          .map(({ name }) => String(name)),
      )
      const limits = conditionsOf('instances-at-limit').flatMap(({ filter, threshold_value: above }) =>
        [.../one_of\((.*)\)/.exec(String(filter))![1]!.matchAll(/"([^"]+)"/g)].map(([, name]) => [
          name!,
          Number(above) + 1,
        ]),
      )
      expect(Object.fromEntries(limits)).toEqual(
        Object.fromEntries(
          all('google_cloud_run_v2_service').map(({ name, template }) => [
            name,
            block(block(template)['scaling'])['max_instance_count'],
          ]),
        ),
      )
      const [changed] = conditionsOf('access-changed')
      expect(changed!['filter']).toContain(`principalEmail="deployer@${environment.projectId}.iam.gserviceaccount.com"`)
      const methods = new RegExp(/methodName=~"([^"]+)"/.exec(String(changed!['filter']))![1]!)
      for (const method of [
        'google.iam.v1.IAMPolicy.SetIamPolicy',
        'SetIamPolicy',
        // IAM's own, of service accounts.
        'google.iam.admin.v1.SetIAMPolicy',
        'storage.setIamPermissions',
        'google.cloud.run.v2.Services.SetIamPolicy',
        'google.logging.v2.ConfigServiceV2.DeleteSink',
        'google.logging.v2.ConfigServiceV2.UpdateBucket',
      ])
        expect([method, methods.test(method)]).toEqual([method, true])
      expect(methods.test('google.pubsub.v1.Publisher.CreateTopic')).toBe(false)
      const [stopped] = conditionsOf('queues-stopped')
      const stopping = new RegExp(/methodName=~"([^"]+)"/.exec(String(stopped!['filter']))![1]!)
      // As the audit log names them: https://cloud.google.com/tasks/docs/audit-logging
      const calls = [
        'CloudTasks.PauseQueue',
        'CloudTasks.PurgeQueue',
        'CloudTasks.ResumeQueue',
        'CloudTasks.CreateTask',
      ]
      expect(calls.filter((call) => stopping.test(`google.cloud.tasks.v2.${call}`))).toEqual(calls.slice(0, 2))
      expect(stopping.test('google.cloud.scheduler.v1.CloudScheduler.PauseJob')).toBe(true)
    })

    it('alerts on many refusals of any kind, and on few refusals that no well-behaved client causes', () => {
      const counter = counters.find(({ name }) => name === 'security')!
      expect(counter['filter']).toBe('resource.type="cloud_run_revision" AND jsonPayload.message="security"')
      const policy = policies.find(({ display_name: name }) => name === 'refusals')!
      expect(policy['combiner']).toBe('OR')
      const conditions = blocks(policy['conditions']).map((one) => block(one['condition_threshold']))
      expect(conditions.map(({ threshold_value: threshold }) => threshold)).toEqual([300, 5])
      for (const { filter } of conditions)
        expect(filter).toContain(
          'user/security" AND resource.type="cloud_run_revision" AND metric.labels.outcome="refused"',
        )
      const named = [...String(conditions[1]!['filter']).matchAll(/labels\.event="([^"]+)"/g)].map(
        ([, event]) => event!,
      )
      expect(named).toEqual([
        'caller-refused',
        'discard-refused',
        'operator-unnamed',
        'replay-refused',
        'signature-invalid',
      ])
      // A flood exceeds both thresholds within five minutes, although most of it is one line a second.
      const linesOfAFlood = 300 * (LINES_PER_KIND_AND_SECOND + 1)
      for (const { threshold_value: threshold } of conditions) expect(linesOfAFlood).toBeGreaterThan(Number(threshold))
    })

    it('shows only metrics that exist, and names no service', () => {
      const counted = counters.map(({ name }) => `logging.googleapis.com/user/${name}`)
      const ours = Object.values(metrics).map(
        ({ name, kind }) => `prometheus.googleapis.com/${name.replaceAll('.', '_')}/${kind}`,
      )
      const shown = charts.flatMap(({ filter }) => /metric\.type="([^"]+)"/.exec(filter)?.[1] ?? [])
      for (const metric of [...ours, ...counted]) expect(shown).toContain(metric)
      const others = shown.filter((metric) => !ours.includes(metric) && !counted.includes(metric))
      expect(others.filter((metric) => !/^(pubsub|cloudtasks|run|firestore)\.googleapis\.com\//.test(metric))).toEqual(
        [],
      )
      const text = JSON.stringify(page)
      expect(services.filter(({ name }) => new RegExp(`"${name}\\W|=\\W*${name}\\b`).test(text))).toEqual([])
    })

    it('uses only existing labels of each metric', () => {
      const underscored = (text: string): string => text.replaceAll('.', '_')
      const labels = new Map<string, readonly string[]>([
        ...Object.values(metrics).map(
          ({ name, attributes }) => [underscored(name), attributes.map(underscored)] as const,
        ),
        ...counters.map(({ name, label_extractors: by }) => [String(name), Object.keys((by as object) ?? {})] as const),
      ])
      const queried = [
        ...charts.map(({ filter, aggregation }) => `${filter} ${(aggregation.groupByFields ?? []).join(' ')}`),
        ...[...JSON.stringify(slos).matchAll(/"\w+_filter":"((?:[^"\\]|\\.)*)"/g)].map(([, one]) =>
          one!.replaceAll('\\"', '"'),
        ),
      ]
      expect(queried.length).toBeGreaterThan(20)
      for (const text of queried) {
        const name = /(?:prometheus|logging)\.googleapis\.com\/(?:user\/)?([\w-]+)/.exec(text)?.[1]
        if (name === undefined) continue
        const used = [...text.matchAll(/metric\.labels?\."?(\w+)/g)].map(([, label]) => label!)
        expect([text, used.filter((label) => !labels.get(name)!.includes(label))]).toEqual([text, []])
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
  },
)

it('counts only log lines that the platform writes', () => {
  const sources = ['shared', 'functions']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => /(?<!\.test|\.testing)\.ts$/.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
  for (const { attributes } of declared(prod, 'google_logging_metric')) {
    const message = /jsonPayload\.message="([^"]+)"/.exec(String(attributes['filter']))?.[1]
    // Log lines of Cloud Run itself.
    if (message === undefined) continue
    expect([message, sources.some((text) => text.includes(`'${message}'`))]).toEqual([message, true])
  }
})

it('bases objectives only on outcomes that a saga can have', () => {
  const filters = declared(prod, 'google_monitoring_slo').map(({ attributes }) => JSON.stringify(attributes))
  const promised = filters.flatMap((text) => [...text.matchAll(/labels\.outcome=\\"([\w-]+)/g)].map(([, name]) => name))
  expect(promised).toHaveLength(2)
  const outcomes = [...sagas.flatMap(({ endsOn }) => Object.values(endsOn)), TIMED_OUT]
  for (const outcome of promised) expect(outcomes).toContain(outcome)
})

describe('objectives follow from the descriptions', () => {
  const synthesized = (some: Partial<Business>) => synthesize(prod, { ...business, ...some })
  const named = (type: string, stacks: readonly StackJson[]) =>
    declared(prod, type, stacks).map(({ attributes }) => String(attributes['slo_id'] ?? attributes['name']))
  const history = services.find(({ name }) => name === 'history')!
  const reading = { name: 'reading', title: 'Reading a timeline', method: 'GET', path: '/v1/timelines/{id}' } as const

  it('without a goal no objective, metric or alert is made', () => {
    const stacks = synthesized({
      services: [history],
      settings: () => ({}),
      goals: () => ({}),
      minInstances: () => ({}),
    })
    expect(named('google_monitoring_slo', stacks)).toEqual([])
    expect(named('google_logging_metric', stacks)).not.toContainEqual(expect.stringMatching(/-(?:answered|latency)$/))
    const policies = declared(prod, 'google_monitoring_alert_policy', stacks)
    expect(policies.filter(({ attributes }) => /-burns-/.test(String(attributes['display_name'])))).toEqual([])
  })

  it('each kind of request of each service can have a goal, with and without a latency', () => {
    const ofHistory = (goal: Goal) =>
      synthesized({
        services: [...services.filter((one) => one !== history), { ...history, requestObjectives: [reading] }],
        goals: () => ({ ...business.goals(prod), reading: goal }),
      })
    const stacks = ofHistory({ share: 0.9 })
    expect(named('google_monitoring_slo', stacks)).toEqual([
      'orders-completed',
      'placing-answered',
      'placing-p95',
      'reading-answered',
    ])
    const filter = String(
      declared(prod, 'google_logging_metric', stacks).find(
        ({ attributes }) => attributes['name'] === 'reading-answered',
      )!.attributes['filter'],
    )
    expect(filter).toContain('resource.labels.service_name="history" AND httpRequest.requestMethod="GET"')
    const url = new RegExp(/requestUrl=~"(.*)"$/.exec(filter)![1]!)
    const hit = ['/o-1', '/o-1?x=1', '', '/o-1/lines'].map((path) => url.test(`https://h.run.app/v1/timelines${path}`))
    expect(hit).toEqual([true, true, false, false])
    expect(named('google_monitoring_slo', ofHistory({ share: 0.9, p95Seconds: 0.25 }))).toContain('reading-p95')
    expect(() => ofHistory({ share: 0.9, p95Seconds: 0.3 })).toThrow(
      /The goal of reading has 0\.3 as p95Seconds.*take one of 0\.005, /,
    )
  })

  it('an objective without a goal is refused by its name', () => {
    expect(() => synthesized({ goals: () => ({}) })).toThrow(
      'The objective orders-completed has no goal in the environment prod: add it to the goals of the business in functions/index.ts.',
    )
  })
})

it('refuses a condition on a label that its metric does not have', () => {
  expect(() => customMetric('sagaDuration', { result: 'completed' })).toThrow(
    'millrace.saga.duration has no label result: it has saga, outcome.',
  )
})
