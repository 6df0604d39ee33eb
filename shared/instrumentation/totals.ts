/** Adds up what a process measures: for each metric and set of attributes the total since its start. */

import type { Instrument } from '../signals/metrics.ts'
import type { Attributes } from '../signals/span.ts'

/** The total of a counter is `sum`; a histogram also counts its values by bucket, of which there is one more than bounds. */
export interface Series {
  readonly attributes: Attributes
  readonly sum: number
  readonly buckets: readonly number[]
}

export interface Totals {
  add(instrument: Instrument, value: number, attributes: Attributes): void
  all(): readonly { readonly instrument: Instrument; readonly series: readonly Series[] }[]
}

interface Growing extends Series {
  sum: number
  readonly buckets: number[]
}

export function createTotals(): Totals {
  const metrics = new Map<string, { readonly instrument: Instrument; readonly series: Map<string, Growing> }>()
  return {
    add(instrument, value, attributes) {
      const metric = metrics.get(instrument.name) ?? { instrument, series: new Map<string, Growing>() }
      metrics.set(instrument.name, metric)
      // In the order of the definition: two calls that list them differently measure the same.
      const key = JSON.stringify(instrument.attributes.map((name) => attributes[name]))
      const bounds = instrument.kind === 'histogram' ? instrument.bounds : []
      const series = metric.series.get(key) ?? { attributes, sum: 0, buckets: Array<number>(bounds.length + 1).fill(0) }
      metric.series.set(key, series)
      series.sum += value
      const bucket = bounds.findIndex((bound) => value <= bound)
      series.buckets[bucket === -1 ? bounds.length : bucket]! += 1
    },
    all: () => [...metrics.values()].map(({ instrument, series }) => ({ instrument, series: [...series.values()] })),
  }
}
