/** One page that tells how the platform is: what it promises, what it does, and where something waits. Names no service: charts are split by it. */

import { metrics } from '../shared/telemetry/metrics.ts'
import {
  counted,
  type CountedLine,
  countedLines,
  deadLettersWaiting,
  fromLog,
  google,
  recorded,
  securityLabels,
} from './metric-filters.ts'

/** A chart: a metric, how its series are put together, and by which label they are distinguished. */
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

const label = (attribute: string): string => `metric.label."${attribute.replaceAll('.', '_')}"`
const run = 'cloud_run_revision'
const service = 'resource.label."service_name"'
const subscription = 'resource.label."subscription_id"'

/** All but the error budgets, which need the objectives' names. */
export const charts: readonly Chart[] = [
  { title: 'Orders that ended', filter: recorded('orders'), ...rate, by: [label('outcome')], unit: '1/s' },
  { title: 'Sagas, p95', filter: recorded('sagaDuration'), ...p95, by: [label('saga'), label('outcome')], unit: 's' },
  {
    title: 'Sagas that ended',
    filter: fromLog('saga-ended'),
    ...rate,
    by: ['saga', 'outcome'].map(label),
    unit: '1/s',
  },
  {
    title: 'Placing an order, by class of answer',
    filter: fromLog('placing-answered'),
    ...rate,
    by: [label('class')],
    unit: '1/s',
  },
  { title: 'Placing an order, p95', filter: fromLog('placing-latency'), ...p95, unit: 's' },
  {
    title: 'Requests, p95',
    filter: recorded('requestDuration'),
    ...p95,
    by: ['resource.label."job"', label('http.route')],
    unit: 's',
  },
  { title: 'Retries', filter: recorded('retries'), ...rate, by: metrics.retries.attributes.map(label), unit: '1/s' },
  {
    title: 'Circuits that opened',
    filter: recorded('circuitTransitions', { state: 'open' }),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: ['service', 'callee'].map(label),
  },
  {
    title: 'Dead letters',
    filter: recorded('deadLetters'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: metrics.deadLetters.attributes.map(label),
  },
  { title: 'Dead letters that wait', filter: deadLettersWaiting, ...highest, by: [subscription] },
  ...(Object.keys(countedLines) as CountedLine[]).map((message): Chart => ({
    title: `Lines that say ${message}`,
    filter: counted(message),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: countedLines[message].map(label),
  })),
  {
    title: 'Security events',
    filter: fromLog('security'),
    aligner: 'ALIGN_DELTA',
    reducer: 'REDUCE_SUM',
    by: securityLabels.map(label),
  },
  {
    title: 'Oldest unacknowledged message',
    filter: google('pubsub.googleapis.com/subscription/oldest_unacked_message_age', 'pubsub_subscription'),
    ...highest,
    by: [subscription],
    unit: 's',
  },
  {
    title: 'Tasks that wait',
    filter: google('cloudtasks.googleapis.com/queue/depth', 'cloud_tasks_queue'),
    ...highest,
    by: ['resource.label."queue_id"'],
  },
  {
    title: 'Requests by class of answer',
    filter: google('run.googleapis.com/request_count', run),
    ...rate,
    by: [service, 'metric.label."response_code_class"'],
    unit: '1/s',
  },
  {
    title: 'Instances',
    filter: google('run.googleapis.com/container/instance_count', run),
    aligner: 'ALIGN_MAX',
    reducer: 'REDUCE_SUM',
    by: [service],
  },
  {
    title: 'Start of an instance, p95',
    filter: google('run.googleapis.com/container/startup_latencies', run),
    ...p95,
    by: [service],
    unit: 'ms',
  },
  {
    title: 'Firestore, reads of documents',
    filter: google('firestore.googleapis.com/document/read_ops_count', 'firestore.googleapis.com/Database'),
    ...rate,
    by: ['resource.label."database_id"'],
    unit: '1/s',
  },
  {
    title: 'Firestore, writes of documents',
    filter: google('firestore.googleapis.com/document/write_ops_count', 'firestore.googleapis.com/Database'),
    ...rate,
    by: ['resource.label."database_id"'],
    unit: '1/s',
  },
]

const COLUMNS = 48
const WIDTH = COLUMNS / 3
const HEIGHT = 16

/** The page as Cloud Monitoring's API takes it. `objectives`: names of SLOs, which lead the page. */
export function dashboard(displayName: string, objectives: readonly { title: string; name: string }[]): string {
  const budgets = objectives.map(({ title, name }): Chart => ({
    title: `${title}: error budget left`,
    filter: `select_slo_budget_fraction("${name}")`,
    aligner: 'ALIGN_NEXT_OLDER',
  }))
  const tiles = [...budgets, ...charts].map((chart, index) => ({
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
