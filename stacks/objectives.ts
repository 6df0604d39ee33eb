/** The service level objectives that services describe, over 28 days, and the alerts when an error budget burns too fast. */

import { Construct } from 'constructs'
import { type Business, type Goal, isPulled, servicesOf } from '../shared/service/business.ts'
import type { RequestObjective } from '../shared/service/request-objective.ts'
import type { Service } from '../shared/service/service.ts'
import { metrics, TIMED_OUT } from '../shared/signals/metrics.ts'
import type { Environment } from './environments.ts'
import {
  MonitoringAlertPolicy,
  MonitoringCustomService,
  type MonitoringNotificationChannel,
  MonitoringSlo,
} from './google.ts'
import { answeredMetric, latencyMetric, logMetric, logMetricWithWorkers } from './metric-filters.ts'

/**
 * An alert needs this burn rate over the long window and over the short one, so that it ends soon after the incident:
 * 2 % of the budget in an hour, 5 % in six. https://sre.google/workbook/alerting-on-slos/
 */
const burns = [
  { speed: 'fast', rate: 14.4, longSeconds: 3_600, shortSeconds: 300, severity: 'CRITICAL' },
  { speed: 'slow', rate: 6, longSeconds: 21_600, shortSeconds: 1_800, severity: 'WARNING' },
] as const

interface ObjectivesProps {
  readonly business: Business
  readonly environment: Environment
  readonly channel: MonitoringNotificationChannel
}

export class Objectives extends Construct {
  readonly slos: readonly MonitoringSlo[]
  readonly #common: { readonly service: string; readonly rollingPeriodDays: number }
  readonly #goalOf: (name: string) => Goal

  constructor(scope: Construct, id: string, { business, environment, channel }: ObjectivesProps) {
    super(scope, id)
    const goals = business.goals(environment)
    this.#goalOf = (name) => {
      const goal = goals[name]
      if (goal) return goal
      throw new Error(
        `The objective ${name} has no goal in the environment ${environment.name}: add it to the goals of the business in functions/index.ts.`,
      )
    }
    const service = new MonitoringCustomService(this, 'service', { serviceId: 'millrace', displayName: 'Millrace' })
    this.#common = { service: service.serviceId, rollingPeriodDays: 28 }
    const services = servicesOf(business)
    this.slos = [
      ...services.flatMap((one) => (one.saga ? this.#ofSaga(one.saga, isPulled(one, business, environment)) : [])),
      ...services.flatMap(({ requestObjectives }) => requestObjectives.flatMap((one) => this.#ofRequests(one))),
    ]
    for (const slo of this.slos) this.#alertOn(slo, channel)
  }

  #ofSaga({ name: saga, objective }: NonNullable<Service['saga']>, hasWorkers: boolean): MonitoringSlo[] {
    if (!objective) return []
    const ended = hasWorkers ? logMetricWithWorkers : logMetric
    const { name, title, good } = objective
    const completed = new MonitoringSlo(this, name, {
      ...this.#common,
      sloId: name,
      displayName: title,
      goal: this.#goalOf(name).share,
      requestBasedSli: {
        goodTotalRatio: {
          // Other outcomes are answers, not failures of the platform: they count neither as good nor as bad.
          goodServiceFilter: ended('saga-ended', { saga, outcome: good }),
          badServiceFilter: ended('saga-ended', { saga, outcome: TIMED_OUT }),
        },
      },
    })
    return [completed]
  }

  #ofRequests({ name, title }: RequestObjective): MonitoringSlo[] {
    const { share, p95Seconds } = this.#goalOf(name)
    const answered = new MonitoringSlo(this, `${name}-answered`, {
      ...this.#common,
      sloId: `${name}-answered`,
      displayName: `${title} is answered`,
      goal: share,
      requestBasedSli: {
        goodTotalRatio: {
          badServiceFilter: logMetric(answeredMetric(name), { class: '5' }),
          totalServiceFilter: logMetric(answeredMetric(name)),
        },
      },
    })
    if (p95Seconds === undefined) return [answered]
    const bounds: readonly number[] = metrics.requestDuration.bounds
    if (!bounds.includes(p95Seconds))
      throw new Error(
        `The goal of ${name} has ${p95Seconds} as p95Seconds, between two buckets of the latency: take one of ${bounds.join(', ')}.`,
      )
    const inTime = new MonitoringSlo(this, `${name}-p95`, {
      ...this.#common,
      sloId: `${name}-p95`,
      displayName: `${title} takes at most ${p95Seconds} s`,
      goal: 0.95,
      requestBasedSli: {
        distributionCut: {
          distributionFilter: logMetric(latencyMetric(name)),
          range: { min: 0, max: p95Seconds },
        },
      },
    })
    return [answered, inTime]
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
