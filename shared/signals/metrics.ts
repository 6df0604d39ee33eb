/** The definitions of all metrics, for services, stacks and commands. */

interface Description {
  /** As OpenTelemetry has it. */
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly attributes: readonly string[]
}

export interface Counter extends Description {
  readonly kind: 'counter'
}

export interface Histogram extends Description {
  readonly kind: 'histogram'
  /** Upper bounds of the buckets, in the unit. */
  readonly bounds: readonly number[]
}

export type Instrument = Counter | Histogram

export const metrics = {
  /** Its count is the number of sagas that have ended. */
  sagaDuration: {
    kind: 'histogram',
    name: 'millrace.saga.duration',
    unit: 's',
    description: 'From the first event of a saga to the one that ends it',
    attributes: ['saga', 'outcome'],
    bounds: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600, 86_400],
  },
  deadLetters: {
    kind: 'counter',
    name: 'millrace.dead_letters',
    unit: '{message}',
    description: 'Messages that a service dead-lettered',
    attributes: ['service', 'type'],
  },
  /** `kind`: event, command. */
  retries: {
    kind: 'counter',
    name: 'millrace.retries',
    unit: '{delivery}',
    description: 'Deliveries that were not the first of their message',
    attributes: ['service', 'kind'],
  },
  /** `state`: closed, open, half-open. */
  circuitTransitions: {
    kind: 'counter',
    name: 'millrace.circuit.transitions',
    unit: '{transition}',
    description: 'Changes of the circuit before a callee, by the state that it changed to',
    attributes: ['service', 'callee', 'state'],
  },
  /** `outcome`: first, second, failed. */
  hedgedReads: {
    kind: 'counter',
    name: 'millrace.hedged_reads',
    unit: '{read}',
    description: 'Reads that were sent a second time, by the request that answered',
    attributes: ['service', 'callee', 'outcome'],
  },
  /** `code`: unavailable, bug. `fallback`: none, copies. */
  missingParts: {
    kind: 'counter',
    name: 'millrace.missing_parts',
    unit: '{part}',
    description: 'Parts of composite answers that could not be read, by what took their place',
    attributes: ['service', 'part', 'code', 'fallback'],
  },
  /** `caller`: a caller with a privileged role by name, all others by the ordinary role, as there may be millions of them. */
  deprecatedUses: {
    kind: 'counter',
    name: 'millrace.api.deprecated_uses',
    unit: '{request}',
    description: 'Requests to deprecated operations of the public API, also after their end',
    attributes: ['service', 'operation', 'caller'],
  },
  /** `outcome`: same, different, missing, failed, skipped. */
  shadowComparisons: {
    kind: 'counter',
    name: 'millrace.shadow.comparisons',
    unit: '{comparison}',
    description: 'Answers of a second system that were compared with the first one, during a migration',
    attributes: ['service', 'operation', 'outcome'],
  },
  /** https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
  requestDuration: {
    kind: 'histogram',
    name: 'http.server.request.duration',
    unit: 's',
    description: 'Duration of HTTP server requests',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code'],
    bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
} as const satisfies Record<string, Instrument>

/** The outcome of a saga that ended because a service did not answer in time. */
export const TIMED_OUT = 'timed-out'

/** The name of a metric or of its attribute in Cloud Monitoring, where a name with dots would have to be quoted in every filter. */
export const storedName = (name: string): string => name.replaceAll('.', '_')
