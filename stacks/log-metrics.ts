/** What Cloud Monitoring counts in the logs: the lines that tell of trouble, and what the objectives are measured by. */

import { Construct } from 'constructs'
import type { Service } from '../shared/service/service.ts'
import { metrics } from '../shared/telemetry/metrics.ts'
import { LoggingMetric } from './google.ts'
import {
  type CountedLine,
  countedLines,
  linesThatSay,
  logMetricName,
  securityLabels,
  securityLines,
} from './metric-filters.ts'

/** The route that takes an order. */
const placing = '/v1/orders'

const field = (name: string): string => `EXTRACT(jsonPayload.${name})`

/** The Monitoring API makes a metric of it only minutes later, so it is declared long before what stands on it. */
export class LogMetrics extends Construct {
  constructor(scope: Construct, id: string, { services }: { readonly services: readonly Service[] }) {
    super(scope, id)
    for (const message of Object.keys(countedLines) as CountedLine[]) {
      const labels = countedLines[message]
      new LoggingMetric(this, logMetricName(message), {
        name: logMetricName(message),
        description: `Log lines that say ${message}`,
        filter: linesThatSay(message),
        ...counter(Object.fromEntries(labels.map((label) => [label, field(label)]))),
      })
    }
    new LoggingMetric(this, 'saga-ended', {
      name: 'saga-ended',
      description: 'Sagas that have ended, by outcome',
      filter: 'resource.type="cloud_run_revision" AND jsonPayload.message="saga.ended"',
      ...counter({ saga: field('saga'), outcome: field('outcome') }),
    })
    new LoggingMetric(this, 'security', {
      name: 'security',
      description: 'Refusals, and acts of staff and operators; refusals beyond ten a second are in one line',
      filter: securityLines,
      ...counter(Object.fromEntries(securityLabels.map((label) => [label, field(label)]))),
    })
    const fronts = services.filter(({ ingress }) => ingress === 'public').map(({ name }) => `"${name}"`)
    // By Cloud Run's own log: it has a line as well when no instance could answer, and counts the start of one.
    const requests = [
      'resource.type="cloud_run_revision"',
      'log_id("run.googleapis.com/requests")',
      `resource.labels.service_name=(${fronts.join(' OR ')})`,
      'httpRequest.requestMethod="POST"',
      `httpRequest.requestUrl=~"^https://[^/]+${placing}([?].*)?$"`,
    ].join(' AND ')
    new LoggingMetric(this, 'placing-answered', {
      name: 'placing-answered',
      description: 'Requests to place an order, by the first digit of the answer',
      filter: requests,
      ...counter({ class: 'REGEXP_EXTRACT(httpRequest.status, "^([0-9])")' }),
    })
    new LoggingMetric(this, 'placing-latency', {
      name: 'placing-latency',
      description: 'How long it took to place an order, or to refuse it',
      // A failure is quick, and no answer. How long a client sends its body, or waits for the answer, is its own affair: 408, 499.
      filter: `${requests} AND httpRequest.status<500 AND NOT httpRequest.status=(408 OR 499)`,
      metricDescriptor: { metricKind: 'DELTA', valueType: 'DISTRIBUTION', unit: 's' },
      valueExtractor: 'EXTRACT(httpRequest.latency)',
      bucketOptions: { explicitBuckets: { bounds: [...metrics.requestDuration.bounds] } },
    })
  }
}

const counter = (labelExtractors: Readonly<Record<string, string>>) => ({
  metricDescriptor: {
    metricKind: 'DELTA',
    valueType: 'INT64',
    labels: Object.keys(labelExtractors).map((key) => ({ key, valueType: 'STRING' })),
  },
  labelExtractors,
})
