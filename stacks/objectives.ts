/** The service level objectives over 28 days, and the alerts when an error budget burns too fast. */

import { Construct } from 'constructs'
import { TIMED_OUT } from '../shared/telemetry/metrics.ts'
import type { Goal } from '../shared/service/business.ts'
import {
  MonitoringAlertPolicy,
  MonitoringCustomService,
  type MonitoringNotificationChannel,
  MonitoringSlo,
} from './google.ts'
import { logMetric } from './metric-filters.ts'

/**
 * An alert needs this burn rate over the long window and over the short one, so that it ends soon after the incident:
 * 2 % of the budget in an hour, 5 % in six. https://sre.google/workbook/alerting-on-slos/
 */
const burns = [
  { speed: 'fast', rate: 14.4, longSeconds: 3_600, shortSeconds: 300, severity: 'CRITICAL' },
  { speed: 'slow', rate: 6, longSeconds: 21_600, shortSeconds: 1_800, severity: 'WARNING' },
] as const

interface ObjectivesProps {
  readonly goals: Readonly<Record<string, Goal>>
  readonly channel: MonitoringNotificationChannel
}

export class Objectives extends Construct {
  readonly slos: readonly MonitoringSlo[]

  constructor(scope: Construct, id: string, { goals, channel }: ObjectivesProps) {
    super(scope, id)
    const { share: ordersCompleted } = goals['orders-completed']!
    const { share: placingAnswered, p95Seconds: placingSeconds = 0 } = goals['placing']!
    const service = new MonitoringCustomService(this, 'service', { serviceId: 'millrace', displayName: 'Millrace' })
    const common = { service: service.serviceId, rollingPeriodDays: 28 }
    const completed = new MonitoringSlo(this, 'orders-completed', {
      ...common,
      sloId: 'orders-completed',
      displayName: 'Orders complete',
      goal: ordersCompleted,
      requestBasedSli: {
        goodTotalRatio: {
          // Declined cards, missing stock and customers who do not act are not failures of the platform: they
          // count neither as good nor as bad.
          goodServiceFilter: logMetric('saga-ended', { outcome: 'completed' }),
          badServiceFilter: logMetric('saga-ended', { outcome: TIMED_OUT }),
        },
      },
    })
    const answered = new MonitoringSlo(this, 'placing-answered', {
      ...common,
      sloId: 'placing-answered',
      displayName: 'Requests to place an order are answered',
      goal: placingAnswered,
      requestBasedSli: {
        goodTotalRatio: {
          badServiceFilter: logMetric('placing-answered', { class: '5' }),
          totalServiceFilter: logMetric('placing-answered'),
        },
      },
    })
    const placed = new MonitoringSlo(this, 'placing-p95', {
      ...common,
      sloId: 'placing-p95',
      displayName: `Placing an order takes at most ${placingSeconds} s`,
      goal: 0.95,
      requestBasedSli: {
        distributionCut: {
          distributionFilter: logMetric('placing-latency'),
          range: { min: 0, max: placingSeconds },
        },
      },
    })
    this.slos = [completed, answered, placed]
    for (const slo of this.slos) this.#alertOn(slo, channel)
  }

  #alertOn(slo: MonitoringSlo, channel: MonitoringNotificationChannel): void {
    for (const { speed, rate, longSeconds, shortSeconds, severity } of burns) {
      const name = `${slo.node.id}-burns-${speed}`
      new MonitoringAlertPolicy(this, name, {
        displayName: name,
        severity,
        combiner: 'AND',
        notificationChannels: [channel.id],
        documentation: {
          content: `At this rate the error budget of 28 days lasts ${Math.round((28 * 24) / rate)} hours: see docs/deploy.md, "When an alert comes".`,
          mimeType: 'text/markdown',
        },
        conditions: [longSeconds, shortSeconds].map((seconds) => ({
          displayName: `${name}-${seconds}s`,
          conditionThreshold: {
            filter: `select_slo_burn_rate("${slo.id}", "${seconds}s")`,
            comparison: 'COMPARISON_GT',
            thresholdValue: rate,
            duration: '0s',
          },
        })),
      })
    }
  }
}
