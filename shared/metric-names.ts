/** The platform's OpenTelemetry metrics: services record them, stacks chart and alert by them. */

interface Metric {
  /** As OpenTelemetry has it. */
  readonly name: string
  readonly kind: 'counter' | 'histogram'
  readonly unit: string
  readonly attributes: readonly string[]
}

export const metrics = {
  /** Orders that ended; `outcome`: completed, rejected, expired. */
  orders: { name: 'millrace.orders', kind: 'counter', unit: '{order}', attributes: ['outcome'] },
  sagaDuration: { name: 'millrace.saga.duration', kind: 'histogram', unit: 's', attributes: ['saga', 'outcome'] },
  deadLetters: { name: 'millrace.dead_letters', kind: 'counter', unit: '{message}', attributes: ['service', 'type'] },
  retries: { name: 'millrace.retries', kind: 'counter', unit: '{retry}', attributes: ['service', 'kind'] },
  requestDuration: {
    name: 'http.server.request.duration',
    kind: 'histogram',
    unit: 's',
    attributes: ['http.route', 'http.response.status_code'],
  },
} as const satisfies Record<string, Metric>
