/** What is measured: the names, in the one place that services, dashboards and commands read them from. */

export interface Counter {
  readonly kind: 'counter'
  readonly name: string
  readonly unit: string
  readonly description: string
}

export interface Histogram {
  readonly kind: 'histogram'
  readonly name: string
  readonly unit: string
  readonly description: string
  /** Upper bounds of the buckets, in the unit. */
  readonly bounds: readonly number[]
}

export type Instrument = Counter | Histogram

/** Attributes: service, type. */
export const deadLetters: Counter = {
  kind: 'counter',
  name: 'millrace.dead_letters',
  unit: '{message}',
  description: 'Messages that a service put aside',
}

/** Attributes: service, kind (event, command). */
export const retries: Counter = {
  kind: 'counter',
  name: 'millrace.retries',
  unit: '{delivery}',
  description: 'Deliveries that were not the first of their message',
}

/** Attributes: outcome. The description of a service with a saga names the counter. */
export const sagaCounter = (name: string): Counter => ({
  kind: 'counter',
  name,
  unit: '{saga}',
  description: 'Sagas that have ended, by outcome',
})

/** Attributes: saga, outcome. */
export const sagaDuration: Histogram = {
  kind: 'histogram',
  name: 'millrace.saga.duration',
  unit: 's',
  description: 'From the first event of a saga to the one that ends it',
  bounds: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600, 86_400],
}

/** Attributes: http.request.method, http.route, http.response.status_code. https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
export const requestDuration: Histogram = {
  kind: 'histogram',
  name: 'http.server.request.duration',
  unit: 's',
  description: 'Duration of HTTP server requests',
  bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
}
