/** What is promised of the platform, measured over 28 days, and the alerts when the promise is being used up too fast. */

import { Construct } from 'constructs'
import { TIMED_OUT } from '../shared/telemetry/metrics.ts'
import type { Environment } from './environments.ts'
import {
  MonitoringAlertPolicy,
  MonitoringCustomService,
  type MonitoringNotificationChannel,
  MonitoringSlo,
} from './google.ts'
import { fromLog } from './metric-filters.ts'

/**
 * Burning at this rate over the long window, and over the short one still, which ends the alert soon after the trouble:
 * 2 % of the budget in an hour, 5 % in six. https://sre.google/workbook/alerting-on-slos/
 */
const burns = [
  { speed: 'fast', rate: 14.4, longSeconds: 3_600, shortSeconds: 300, severity: 'CRITICAL' },
  { speed: 'slow', rate: 6, longSeconds: 21_600, shortSeconds: 1_800, severity: 'WARNING' },
] as const

interface ObjectivesProps {
  readonly environment: Environment
  readonly channel: MonitoringNotificationChannel
}

export class Objectives extends Construct {
  readonly slos: readonly MonitoringSlo[]

  constructor(scope: Construct, id: string, { environment, channel }: ObjectivesProps) {
    super(scope, id)
    const { ordersCompleted, placingAnswered, placingSeconds } = environment.objectives
    const service = new MonitoringCustomService(this, 'service', { serviceId: 'millrace', displayName: 'Millrace' })
    const common = { service: service.serviceId, rollingPeriodDays: 28 }
    const completed = new MonitoringSlo(this, 'orders-completed', {
      ...common,
      sloId: 'orders-completed',
      displayName: 'Orders that are to be completed are',
      goal: ordersCompleted,
      requestBasedSli: {
        goodTotalRatio: {
          // A declined card and an empty shelf are answers, and a customer who does not act is no fault of ours: they
          // count neither way.
          goodServiceFilter: fromLog('saga-ended', { outcome: 'completed' }),
          badServiceFilter: fromLog('saga-ended', { outcome: TIMED_OUT }),
        },
      },
    })
    const answered = new MonitoringSlo(this, 'placing-answered', {
      ...common,
      sloId: 'placing-answered',
      displayName: 'Whoever places an order gets an answer',
      goal: placingAnswered,
      requestBasedSli: {
        goodTotalRatio: {
          badServiceFilter: fromLog('placing-answered', { class: '5' }),
          totalServiceFilter: fromLog('placing-answered'),
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
          distributionFilter: fromLog('placing-latency'),
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
