/** The dashboard: objectives, throughput, latency and backlogs. No chart names a service; charts group by service. */

import type { RequestObjective } from '../shared/service/request-objective.ts'
import { metrics, storedName } from '../shared/signals/metrics.ts'
import {
  answeredMetric,
  latencyMetric,
  logMetricFilter,
  type CountedLine,
  countedLines,
  deadLettersWaiting,
  logMetric,
  logMetricWithWorkers,
  googleMetric,
  customMetric,
  securityLabels,
} from './metric-filters.ts'

/** A chart: a metric, the aggregation of its series, and by which label they are distinguished. */
export interface Chart {
  readonly title: string
  readonly filter: string
  readonly aligner: 'ALIGN_RATE' | 'ALIGN_DELTA' | 'ALIGN_MAX' | 'ALIGN_NEXT_OLDER'
  readonly reducer?: 'REDUCE_SUM' | 'REDUCE_MAX' | 'REDUCE_PERCENTILE_95'
  readonly by?: readonly string[]
  readonly unit?: string
}

const rate = { aligner: 'ALIGN_RATE', reducer: 'REDUCE_SUM' } as const
const p95 = { aligner: 'ALIGN_DELTA', reducer: 'REDUCE_PERCENTILE_95' } as const
const highest = { aligner: 'ALIGN_MAX', reducer: 'REDUCE_MAX' } as const

const label = (attribute: string): string => `metric.label."${storedName(attribute)}"`
const run = 'cloud_run_revision'
const service = 'resource.label."service_name"'
const subscription = 'resource.label."subscription_id"'

const chartsOfRequests = ({ name, title }: RequestObjective): readonly Chart[] => [
  {
    title: `${title}, by class of answer`,
    filter: logMetric(answeredMetric(name)),
    ...rate,
    by: [label('class')],
    unit: '1/s',
  },
  { title: `${title}, p95`, filter: logMetric(latencyMetric(name)), ...p95, unit: 's' },
]

/** All charts except the error budgets, which need the names of the objectives in Cloud Monitoring. */
export const chartsOf = (requests: readonly RequestObjective[]): readonly Chart[] => [
  {
    title: 'Sagas, p95',
    filter: customMetric('sagaDuration'),
    ...p95,
    by: [label('saga'), label('outcome')],
    unit: 's',
  },
  {
    title: 'Sagas that ended',
    filter: logMetricWithWorkers('saga-ended'),
    ...rate,
    by: ['saga', 'outcome'].map(label),
    unit: '1/s',
  },
  ...requests.flatMap(chartsOfRequests),
  {
    title: 'Requests, p95',
    filter: customMetric('requestDuration'),
    ...p95,
    by: ['resource.label."job"', label('http.route')],
    unit: 's',
  },
  {
    title: 'Retries',
    filter: customMetric('retries'),
    ...rate,
    by: metrics.retries.attributes.map(label),
    unit: '1/s',
  },
  {
    title: 'Circuits that opened',
    filter: customMetric('circuitTransitions', { state: 'open' }),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['service', 'callee'].map(label),
  },
  {
    title: 'Reads that were sent a second time',
    filter: customMetric('hedgedReads'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['callee', 'outcome'].map(label),
  },
  {
    title: 'Missing parts of answers',
    filter: customMetric('missingParts'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['part', 'code', 'fallback'].map(label),
  },
  {
    title: 'Uses of deprecated operations',
    filter: customMetric('deprecatedUses'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['operation', 'caller'].map(label),
  },
  {
    title: 'Comparisons with a second system, during a migration',
    filter: customMetric('shadowComparisons'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['operation', 'outcome'].map(label),
  },
  {
    title: 'Dead letters',
    filter: customMetric('deadLetters'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: metrics.deadLetters.attributes.map(label),
  },
  { title: 'Dead letters in subscriptions', filter: deadLettersWaiting, ...highest, by: [subscription] },
  ...(Object.keys(countedLines) as CountedLine[]).map((message): Chart => ({
    title: `Log lines: ${message}`,
    filter: logMetricFilter(message),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: countedLines[message].map(label),
  })),
  {
    title: 'Security events',
    filter: logMetric('security'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: securityLabels.map(label),
  },
  {
    title: 'Oldest unacknowledged message',
    filter: googleMetric('pubsub.googleapis.com/subscription/oldest_unacked_message_age', 'pubsub_subscription'),
    ...highest,
    by: [subscription],
    unit: 's',
  },
  {
    title: 'Tasks in queues',
    filter: googleMetric('cloudtasks.googleapis.com/queue/depth', 'cloud_tasks_queue'),
    ...highest,
    by: ['resource.label."queue_id"'],
  },
  {
    title: 'Requests by class of answer',
    filter: googleMetric('run.googleapis.com/request_count', run),
    ...rate,
    by: [service, 'metric.label."response_code_class"'],
    unit: '1/s',
  },
  {
    title: 'Instances',
    filter: googleMetric('run.googleapis.com/container/instance_count', run),
    aligner: 'ALIGN_MAX',
    reducer: 'REDUCE_SUM',
    by: [service],
  },
  {
    title: 'Instance start, p95',
    filter: googleMetric('run.googleapis.com/container/startup_latencies', run),
    ...p95,
    by: [service],
    unit: 'ms',
  },
  {
    title: 'Firestore document reads',
    filter: googleMetric('firestore.googleapis.com/document/read_ops_count', 'firestore.googleapis.com/Database'),
    ...rate,
    by: ['resource.label."database_id"'],
    unit: '1/s',
  },
  {
    title: 'Firestore document writes',
    filter: googleMetric('firestore.googleapis.com/document/write_ops_count', 'firestore.googleapis.com/Database'),
    ...rate,
    by: ['resource.label."database_id"'],
    unit: '1/s',
  },
]

const COLUMNS = 48
const WIDTH = COLUMNS / 3
const HEIGHT = 16

/** The dashboard as JSON of Cloud Monitoring's API. `objectives`: the SLOs, whose charts come first. */
export function dashboard(
  displayName: string,
  objectives: readonly { title: string; name: string }[],
  requests: readonly RequestObjective[],
): string {
  const budgets = objectives.map(({ title, name }): Chart => ({
    title: `${title}: error budget left`,
    filter: `select_slo_budget_fraction("${name}")`,
    aligner: 'ALIGN_NEXT_OLDER',
  }))
  const tiles = [...budgets, ...chartsOf(requests)].map((chart, index) => ({
    xPos: (index % 3) * WIDTH,
    yPos: Math.floor(index / 3) * HEIGHT,
    width: WIDTH,
    height: HEIGHT,
    widget: widget(chart),
  }))
  return JSON.stringify({ displayName, mosaicLayout: { columns: COLUMNS, tiles } })
}

function widget({ title, filter, aligner, reducer, by = [], unit }: Chart): object {
  const aggregation = {
    alignmentPeriod: '60s',
    perSeriesAligner: aligner,
    ...(reducer ? { crossSeriesReducer: reducer, groupByFields: by } : {}),
  }
  return {
    title,
    xyChart: {
      dataSets: [
        {
          plotType: 'LINE',
          targetAxis: 'Y1',
          timeSeriesQuery: { timeSeriesFilter: { filter, aggregation }, ...(unit ? { unitOverride: unit } : {}) },
        },
      ],
    },
  }
}
