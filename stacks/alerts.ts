/** What wakes somebody: a dead letter, a saga that is stuck. */

import { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import { LoggingMetric, MonitoringAlertPolicy, MonitoringNotificationChannel } from './google.ts'

export class Alerts extends Construct {
  constructor(scope: Construct, id: string, { environment }: { readonly environment: Environment }) {
    super(scope, id)
    const channel = new MonitoringNotificationChannel(this, 'email', {
      displayName: 'Platform team',
      type: 'email',
      labels: { email_address: environment.alertEmail },
    })
    const stuck = new LoggingMetric(this, 'saga-stuck', {
      name: 'saga-stuck',
      filter: 'resource.type="cloud_run_revision" AND jsonPayload.message="saga.stuck"',
      metricDescriptor: { metricKind: 'DELTA', valueType: 'INT64' },
    })
    const alert = (name: string, filter: string, documentation: string): void => {
      new MonitoringAlertPolicy(this, name, {
        displayName: name,
        combiner: 'OR',
        notificationChannels: [channel.id],
        documentation: { content: documentation, mimeType: 'text/markdown' },
        conditions: [
          {
            displayName: name,
            conditionThreshold: {
              filter,
              comparison: 'COMPARISON_GT',
              thresholdValue: 0,
              duration: '0s',
              aggregations: [{ alignmentPeriod: '300s', perSeriesAligner: 'ALIGN_MAX' }],
            },
          },
        ],
      })
    }
    alert(
      'dead-letters',
      'resource.type="pubsub_subscription" AND metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages" AND resource.labels.subscription_id=monitoring.regex.full_match(".*-dead-letters")',
      'A message was given up after 20 attempts, or could not be read. It waits 31 days in the dead-letter subscription.',
    )
    alert(
      'sagas-stuck',
      `resource.type="cloud_run_revision" AND metric.type="logging.googleapis.com/user/${stuck.name}"`,
      'A saga has asked five times and got no answer.',
    )
  }
}
