/** Log-based metrics: counts of errors, and the measures of the objectives. */

import { Construct } from 'constructs'
import type { RequestObjective } from '../shared/service/request-objective.ts'
import type { Service } from '../shared/service/service.ts'
import { metrics } from '../shared/signals/metrics.ts'
import { LoggingMetric } from './google.ts'
import {
  answeredMetric,
  type CountedLine,
  countedLines,
  latencyMetric,
  linesOfServices,
  logFilter,
  logMetricName,
  securityLabels,
  securityLines,
} from './metric-filters.ts'

const field = (name: string): string => `EXTRACT(jsonPayload.${name})`

/** Cloud Monitoring knows a new metric only minutes later, so they are declared in a stack that is applied long before the objectives. */
export class LogMetrics extends Construct {
  constructor(scope: Construct, id: string, { services }: { readonly services: readonly Service[] }) {
    super(scope, id)
    for (const message of Object.keys(countedLines) as CountedLine[]) {
      const labels = countedLines[message]
      new LoggingMetric(this, logMetricName(message), {
        name: logMetricName(message),
        description: `Log lines with the message ${message}`,
        filter: logFilter(message),
        ...counter(Object.fromEntries(labels.map((label) => [label, field(label)]))),
      })
    }
    new LoggingMetric(this, 'saga-ended', {
      name: 'saga-ended',
      description: 'Sagas that have ended, by outcome',
      filter: `${linesOfServices} AND jsonPayload.message="saga.ended"`,
      ...counter({ saga: field('saga'), outcome: field('outcome') }),
    })
    new LoggingMetric(this, 'security', {
      name: 'security',
      description:
        'Refusals, and acts of callers with further rights and of operators; refusals beyond ten a second are in one line',
      filter: securityLines,
      ...counter(Object.fromEntries(securityLabels.map((label) => [label, field(label)]))),
    })
    for (const { name, requestObjectives } of services)
      for (const objective of requestObjectives) this.#ofRequests(name, objective)
  }

  /** By Cloud Run's request log: it also has a line when no instance could answer, and its latency includes the start of an instance. */
  #ofRequests(service: string, { name, title, method, path }: RequestObjective): void {
    const requests = [
      'resource.type="cloud_run_revision"',
      'log_id("run.googleapis.com/requests")',
      `resource.labels.service_name="${service}"`,
      `httpRequest.requestMethod="${method}"`,
      `httpRequest.requestUrl=~"^https://[^/]+${path.replaceAll(/\{[^}]*\}/g, '[^/?]+')}([?].*)?$"`,
    ].join(' AND ')
    new LoggingMetric(this, answeredMetric(name), {
      name: answeredMetric(name),
      description: `${title}: requests, by the first digit of the answer`,
      filter: requests,
      ...counter({ class: 'REGEXP_EXTRACT(httpRequest.status, "^([0-9])")' }),
    })
    new LoggingMetric(this, latencyMetric(name), {
      name: latencyMetric(name),
      description: `${title}: latency of requests, refused ones included`,
      // Failures are excluded, because they are quick; 408 and 499 too, because the client's own speed determines them.
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
