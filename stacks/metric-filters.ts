/** Filters of Cloud Monitoring and Cloud Logging for the services' metrics and log lines. */

import { metrics, storedName } from '../shared/signals/metrics.ts'

/** The errors that are counted: the message of their log line, and the fields that become labels. */
export const countedLines = {
  'saga.stuck': ['service', 'step'],
  'message.dead-lettered': ['service', 'type'],
  'message.failed': ['service', 'type'],
  'request.failed': ['service'],
} as const

export type CountedLine = keyof typeof countedLines

const quoted = (conditions: Readonly<Record<string, string>>): string[] =>
  Object.entries(conditions).map(([label, value]) => `metric.labels.${label}="${value}"`)

/**
 * A metric of the services as the Telemetry API stores it: the kind is the suffix of its name, and the resource is a
 * `prometheus_target` whose `job` is the service.
 * https://cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics
 */
export function customMetric(metric: keyof typeof metrics, conditions: Readonly<Record<string, string>> = {}): string {
  const { name, kind, attributes } = metrics[metric]
  const labels: readonly string[] = attributes.map(storedName)
  for (const label of Object.keys(conditions)) {
    if (!labels.includes(label)) throw new Error(`${name} has no label ${label}: it has ${labels.join(', ')}.`)
  }
  return [
    `metric.type="prometheus.googleapis.com/${storedName(name)}/${kind}"`,
    'resource.type="prometheus_target"',
    ...quoted(conditions),
  ].join(' AND ')
}

/** Of services and of their workers, in the language of Cloud Logging. */
export const linesOfServices = 'resource.type=("cloud_run_revision" OR "cloud_run_worker_pool")'

/** ERROR lines with one of these messages. Services that only receive the event log the same message at a lower severity. */
export const logFilter = (...messages: CountedLine[]): string => {
  const any = messages.map((message) => `jsonPayload.message="${message}"`).join(' OR ')
  return `${linesOfServices} AND severity>=ERROR AND (${any})`
}

/** Refusals, and acts of callers with further rights and of operators: see shared/signals/security-log.ts. */
export const securityLines = 'resource.type="cloud_run_revision" AND jsonPayload.message="security"'
export const securityLabels = ['service', 'event', 'outcome'] as const

/** A log-based metric of lines that services write when they answer requests: see log-metrics.ts. */
export const logMetric = (metric: string, conditions: Readonly<Record<string, string>> = {}): string =>
  logMetricOf('resource.type="cloud_run_revision"', metric, conditions)

/** The same of lines that their workers write too: each is counted for the resource that wrote it. */
export const logMetricWithWorkers = (metric: string, conditions: Readonly<Record<string, string>> = {}): string =>
  logMetricOf('resource.type=one_of("cloud_run_revision","cloud_run_worker_pool")', metric, conditions)

const logMetricOf = (resource: string, metric: string, conditions: Readonly<Record<string, string>>): string =>
  [`metric.type="logging.googleapis.com/user/${metric}"`, resource, ...quoted(conditions)].join(' AND ')

/** The counter of these log lines. */
export const logMetricFilter = (message: CountedLine): string => logMetricWithWorkers(logMetricName(message))

export const logMetricName = (message: CountedLine): string => message.replaceAll('.', '-')

/** The log-based metrics of a request objective: answers by the first digit of their status, and their latency. */
export const answeredMetric = (objective: string): string => `${objective}-answered`
export const latencyMetric = (objective: string): string => `${objective}-latency`

/** A metric of Google's products. */
export const googleMetric = (metric: string, resource: string): string =>
  `metric.type="${metric}" AND resource.type="${resource}"`

export const deadLettersWaiting = `${googleMetric(
  'pubsub.googleapis.com/subscription/num_undelivered_messages',
  'pubsub_subscription',
)} AND resource.labels.subscription_id=monitoring.regex.full_match(".*-dead-letters")`
