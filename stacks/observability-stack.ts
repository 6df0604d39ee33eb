/** What Cloud Monitoring counts, shows and tells: log-based metrics, objectives, alerts, a dashboard. */

import { Construct } from 'constructs'
import { Alerts } from './alerts.ts'
import { dashboard } from './dashboard.ts'
import type { Environment } from './environments.ts'
import { LoggingMetric, MonitoringDashboard, MonitoringNotificationChannel } from './google.ts'
import { type CountedLine, countedLines, linesThatSay, logMetricName } from './metric-filters.ts'
import { Objectives } from './objectives.ts'

export class Observability extends Construct {
  constructor(scope: Construct, id: string, { environment }: { readonly environment: Environment }) {
    super(scope, id)
    const channel = new MonitoringNotificationChannel(this, 'email', {
      displayName: 'Platform team',
      type: 'email',
      labels: { email_address: environment.alertEmail },
    })
    for (const message of Object.keys(countedLines) as CountedLine[]) this.#count(message)
    new Alerts(this, 'alerts', { channel })
    const { slos } = new Objectives(this, 'objectives', { environment, channel })
    new MonitoringDashboard(this, 'dashboard', {
      dashboardJson: dashboard(
        `Millrace ${environment.name}`,
        slos.map((slo) => ({ title: slo.displayNameInput!, name: slo.id })),
      ),
    })
  }

  #count(message: CountedLine): void {
    const labels = countedLines[message]
    new LoggingMetric(this, logMetricName(message), {
      name: logMetricName(message),
      description: `Log lines that say ${message}`,
      filter: linesThatSay(message),
      metricDescriptor: {
        metricKind: 'DELTA',
        valueType: 'INT64',
        labels: labels.map((key) => ({ key, valueType: 'STRING' })),
      },
      labelExtractors: Object.fromEntries(labels.map((key) => [key, `EXTRACT(jsonPayload.${key})`])),
    })
  }
}
