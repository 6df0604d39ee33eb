/** The metrics that were received: the newest point of each time series, added up over the processes that wrote them. */

import type { CloudContext } from '../core/plugin.ts'
import { limits } from './values/limits.ts'
import { type Attributes, DELTA, type HistogramPoint, type NumberPoint, type OtlpMetric } from './values/otlp.ts'

/** One metric, one set of attributes, one process. */
interface Series {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly kind: 'sum' | 'gauge' | 'histogram'
  readonly attributes: Attributes
  readonly service: string
  /** Empty: processes that have ended, added up. */
  readonly instance: string
  readonly startMs: number
  readonly timeMs: number
  readonly total: Total
}

interface Total {
  readonly value: number
  /** The number of points of a histogram, whose `value` is their sum. */
  readonly count: number
  readonly bounds: readonly number[]
  readonly buckets: readonly number[]
}

export interface MetricView {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly kind: Series['kind']
  readonly service: string
  readonly attributes: Attributes
  readonly value: number
  readonly count?: number
  /** Of a histogram: read from its buckets, so as exact as these are narrow. */
  readonly p50?: number
  readonly p95?: number
  readonly bounds?: readonly number[]
  readonly buckets?: readonly number[]
}

export interface Metrics {
  /** How many points were not taken. */
  add(resource: Attributes, metric: OtlpMetric): number
  list(): MetricView[]
}

export function keepMetrics({ journal }: CloudContext): Metrics {
  const table = journal.table<Series>('telemetry/series')

  /** Makes room for one series: the values of the longest silent process are added to those of ended processes. */
  const makeRoom = (): boolean => {
    let oldest: [string, Series] | undefined
    for (const entry of table.entries()) {
      if (entry[1].instance !== '' && (!oldest || entry[1].timeMs < oldest[1].timeMs)) oldest = entry
    }
    if (!oldest) return false
    const [key, series] = oldest
    const ended = { ...series, instance: '' }
    const before = table.get(keyOf(ended))
    table.delete(key)
    table.set(keyOf(ended), before ? { ...ended, total: sum(before.total, ended.total) } : ended)
    return true
  }
  const put = (series: Series, isDelta: boolean): boolean => {
    if (JSON.stringify(series).length > limits.seriesCharacters) return false
    const key = keyOf(series)
    const before = table.get(key)
    if (!before) {
      while (table.size >= limits.series) if (!makeRoom()) return false
      table.set(key, series)
      return true
    }
    // A process that counts from nought again is another one under the same name.
    const restarted = series.startMs > before.startMs && series.kind !== 'gauge'
    if (isDelta || restarted) table.set(key, { ...series, total: sum(before.total, series.total) })
    else if (series.timeMs >= before.timeMs && isNew(series.total, before.total)) table.set(key, series)
    return true
  }

  return {
    add(resource, { name, unit, description, gauge, sum: sums, histogram }) {
      const common = {
        name,
        unit,
        description,
        service: String(resource['service.name'] ?? 'unknown'),
        instance: String(resource['service.instance.id'] ?? 'unknown'),
      }
      const [kind, data] = gauge
        ? (['gauge', gauge] as const)
        : sums
          ? (['sum', sums] as const)
          : (['histogram', histogram ?? { dataPoints: [], aggregationTemporality: 0 }] as const)
      const isDelta = kind !== 'gauge' && data.aggregationTemporality === DELTA
      const rejected = data.dataPoints.filter((point) => {
        const { attributes, startTimeUnixNano: startMs, timeUnixNano: timeMs } = point
        return !put({ ...common, kind, attributes, startMs, timeMs, total: totalOf(point) }, isDelta)
      }).length
      // Other kinds of metric have points that nothing here can read.
      return gauge || sums || histogram ? rejected : 1
    },
    list() {
      const groups = Map.groupBy(table.values(), (series) => keyOf({ ...series, instance: '' }))
      return [...groups.values()].map(view).toSorted(byName)
    },
  }
}

const keyOf = ({ name, attributes, service, instance }: Series): string =>
  JSON.stringify([name, Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)), service, instance])

function totalOf(point: NumberPoint | HistogramPoint): Total {
  if ('count' in point && typeof point.count === 'number')
    return {
      value: point.sum as number,
      count: point.count,
      bounds: point.explicitBounds as number[],
      buckets: point.bucketCounts as number[],
    }
  const { asDouble, asInt } = point as NumberPoint
  return { value: asDouble ?? asInt ?? 0, count: 0, bounds: [], buckets: [] }
}

/** Each export repeats all values: unchanged ones need not be written. */
const isNew = (now: Total, before: Total): boolean => now.value !== before.value || now.count !== before.count

/** Buckets of other bounds can't be added: the newer ones stay. */
function sum(a: Total, b: Total): Total {
  const alike = JSON.stringify(a.bounds) === JSON.stringify(b.bounds)
  return {
    value: a.value + b.value,
    count: a.count + b.count,
    bounds: b.bounds,
    buckets: alike ? b.buckets.map((many, index) => many + (a.buckets[index] ?? 0)) : b.buckets,
  }
}

function view(group: readonly Series[]): MetricView {
  const newest = group.reduce((a, b) => (b.timeMs > a.timeMs ? b : a))
  const { name, unit, description, kind, service, attributes } = newest
  const shown = { name, unit, description, kind, service, attributes }
  if (kind === 'gauge') return { ...shown, value: newest.total.value }
  const { value, count, bounds, buckets } = group.map(({ total }) => total).reduce(sum)
  if (kind === 'sum') return { ...shown, value }
  return {
    ...shown,
    value,
    count,
    bounds,
    buckets,
    p50: quantile(0.5, bounds, buckets),
    p95: quantile(0.95, bounds, buckets),
  }
}

/** Within a bucket values are taken to lie evenly; beyond the last bound nothing is known but the bound. */
export function quantile(share: number, bounds: readonly number[], buckets: readonly number[]): number {
  const rank = share * buckets.reduce((all, many) => all + many, 0)
  let below = 0
  for (const [index, many] of buckets.entries()) {
    if (many > 0 && below + many >= rank) {
      const low = index === 0 ? 0 : bounds[index - 1]!
      const high = bounds[index] ?? low
      return low + (high - low) * ((rank - below) / many)
    }
    below += many
  }
  return 0
}

function byName(a: MetricView, b: MetricView): number {
  const [one, other] = [a, b].map(({ name, service, attributes }) => JSON.stringify([name, service, attributes]))
  return one! < other! ? -1 : 1
}
