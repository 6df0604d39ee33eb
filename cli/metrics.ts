/** Prints the metrics of the services: ended sagas by outcome and duration, retries, dead letters, circuits, hedged reads, missing parts, requests; and what waits. */

import { type Instrument, metrics, storedName } from '../shared/signals/metrics.ts'
import { tools } from '../functions/tools.ts'
import { flag, main, requireRunning, UsageError } from './command.ts'
import { failedStarts } from './failed-starts.ts'
import { table } from './table.ts'
import { getLocal } from './local.ts'
import { columns } from './ops/queues.ts'
import { readWaiting, waitingRows } from './ops/waiting.ts'
import { say, sayJson, shown } from './terminal.ts'

interface Metric {
  readonly name: string
  readonly service: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly value: number
  readonly count?: number
  readonly p50?: number
  readonly p95?: number
}

type Row = Readonly<Record<string, unknown>>

void main('metrics', {
  brief:
    'Prints the metrics of the services since npm start -- --fresh: ended sagas by outcome, retries, dead letters, circuit transitions, hedged reads, missing parts of answers, requests by service and route; and what waits now.',
  about: 'p50 and p95 are estimated from histograms, with the precision of their buckets.',
  options: { json: flag('every time series as JSON') },
  async run(values) {
    const running = requireRunning()
    const { metrics: measured } = await getLocal<{ metrics: Metric[] }>(running, '/_local/metrics')
    if (values.json) return sayJson(measured)
    // Also before there are metrics: waiting work and services that do not start are the reason.
    const work = await readWaiting(running)
    print('Waiting now', waitingRows(work, Date.now()).map(columns))
    for (const line of failedStarts(work.services)) say(`${shown(line)}\n`)
    if (measured.length === 0)
      throw new UsageError(
        `There are no metrics yet: send a request${tools.unit ? ` (${tools.unit.command})` : ''}, then try again after a second.`,
      )
    const of = ({ name }: Instrument): Metric[] => measured.filter((metric) => metric.name === storedName(name))
    print('Sagas that ended', of(metrics.sagaDuration).map(saga))
    print('Retries', of(metrics.retries).map(counted))
    print('Dead letters', of(metrics.deadLetters).map(counted))
    print('Circuit transitions', of(metrics.circuitTransitions).map(counted))
    print('Reads that were sent a second time', of(metrics.hedgedReads).map(counted))
    print('Missing parts of answers', of(metrics.missingParts).map(counted))
    print('Uses of deprecated operations', of(metrics.deprecatedUses).map(counted))
    print(
      'Requests',
      of(metrics.requestDuration)
        .toSorted((a, b) => b.count! - a.count!)
        .map(request),
    )
  },
})

function print(title: string, rows: readonly Row[]): void {
  say(`${title}\n\n${rows.length === 0 ? 'none' : table(rows)}\n`)
}

function saga({ attributes: { saga: name, outcome }, count, p50, p95 }: Metric): Row {
  return { saga: name, outcome, count, p50: seconds(p50), p95: seconds(p95) }
}

const counted = ({ attributes, value }: Metric): Row => ({ ...attributes, count: value })

function request({ service, attributes, count, p50, p95 }: Metric): Row {
  const {
    http_request_method: method,
    http_route: route = '(no route)',
    http_response_status_code: status,
  } = attributes
  return { service, request: `${method} ${route}`, status, count, p50: seconds(p50), p95: seconds(p95) }
}

const seconds = (value: number | undefined): string =>
  value === undefined ? '' : value < 1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(1)} s`
