/** How Cloud Monitoring is asked for what the services record, in its filter language. */

import { metrics } from '../shared/telemetry/metrics.ts'

/** The errors that are counted, by their line's message, with the fields that tell them apart. */
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
 * A metric of the services, as it arrives by way of the collector and the Telemetry API: dots are underscores, its kind
 * is its suffix, and its resource is a `prometheus_target` whose `job` is the service.
 * https://cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics
 */
export function recorded(metric: keyof typeof metrics, conditions: Readonly<Record<string, string>> = {}): string {
  const { name, kind, attributes } = metrics[metric]
  const labels: readonly string[] = attributes.map(underscored)
  for (const label of Object.keys(conditions)) {
    if (!labels.includes(label)) throw new Error(`${name} has no label ${label}: it has ${labels.join(', ')}.`)
  }
  return [
    `metric.type="prometheus.googleapis.com/${underscored(name)}/${kind}"`,
    'resource.type="prometheus_target"',
    ...quoted(conditions),
  ].join(' AND ')
}

const underscored = (name: string): string => name.replaceAll('.', '_')

/** Each event of the platform is one line, and its name is the message. Other services log the same name at a lower severity. */
export const linesThatSay = (...messages: CountedLine[]): string => {
  const any = messages.map((message) => `jsonPayload.message="${message}"`).join(' OR ')
  return `resource.type="cloud_run_revision" AND severity>=ERROR AND (${any})`
}

/** Refusals, and acts of staff and operators: see shared/telemetry/security-log.ts. */
export const securityLines = 'resource.type="cloud_run_revision" AND jsonPayload.message="security"'
export const securityLabels = ['service', 'event', 'outcome'] as const

/** A metric that Cloud Logging makes of its lines: see log-metrics.ts. */
export const fromLog = (metric: string, conditions: Readonly<Record<string, string>> = {}): string =>
  [
    `metric.type="logging.googleapis.com/user/${metric}"`,
    'resource.type="cloud_run_revision"',
    ...quoted(conditions),
  ].join(' AND ')

/** The counter of such log lines. */
export const counted = (message: CountedLine): string => fromLog(logMetricName(message))

export const logMetricName = (message: CountedLine): string => message.replaceAll('.', '-')

/** One of Google's own. */
export const google = (metric: string, resource: string): string =>
  `metric.type="${metric}" AND resource.type="${resource}"`

export const deadLettersWaiting = `${google(
  'pubsub.googleapis.com/subscription/num_undelivered_messages',
  'pubsub_subscription',
)} AND resource.labels.subscription_id=monitoring.regex.full_match(".*-dead-letters")`
