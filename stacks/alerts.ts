/** Alerts besides those on objectives: dead letters, late and stopped work, stuck sagas, bugs, refusals, changes of access, a public service that is down. */

import { Construct } from 'constructs'
import { accountEmail } from '../shared/base/names.ts'
import { isScheduled, type Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { MonitoringAlertPolicy, type MonitoringNotificationChannel, MonitoringUptimeCheckConfig } from './google.ts'
import {
  type CountedLine,
  countedLines,
  deadLettersWaiting,
  googleMetric,
  linesOfServices,
  logMetric,
  logFilter,
} from './metric-filters.ts'

const REFUSALS_WINDOW = '300s'
/**
 * Lines of refusals in five minutes. `expected` refusals (an expired token, a reused key, a limit) are ordinary in small
 * numbers; `forged` ones never come from a well-behaved client: a caller that a service refuses, an invalid signature.
 */
const REFUSALS_TOLERATED = { any: 300, forged: 5 } as const
const FORGED = ['caller-refused', 'discard-refused', 'operator-unnamed', 'replay-refused', 'signature-invalid']

/** An alert by log line sends one mail in this time, however many lines match. */
const NOTIFICATION_RATE_LIMIT = '300s'

/** A message or task that waits longer than this is late: its consumer fails, or is too slow. */
const WAITING = { messageSeconds: 600, taskMs: 60_000 } as const

/** Of an incident that a line of the audit log opens. */
const auditLabels = {
  method: 'protoPayload.methodName',
  principal: 'protoPayload.authenticationInfo.principalEmail',
  resource: 'protoPayload.resourceName',
}

interface AlertsProps {
  readonly channel: MonitoringNotificationChannel
  readonly services: readonly Service[]
  readonly environment: Environment
}

interface Threshold {
  readonly filter: string
  readonly above: number
  readonly perSeriesAligner: string
  readonly crossSeriesReducer?: string
  readonly groupByFields?: readonly string[]
}

interface LineAlert {
  /** The alert fires for any of them. */
  readonly messages: readonly CountedLine[]
  readonly severity: 'CRITICAL' | 'WARNING'
  readonly content: string
}

export class Alerts extends Construct {
  readonly #channel: MonitoringNotificationChannel

  constructor(scope: Construct, id: string, { channel, services, environment }: AlertsProps) {
    super(scope, id)
    this.#channel = channel
    this.#deadLetters()
    this.#whenAbove('messages-wait', 'A message has waited for ten minutes: its consumer fails, or is too slow.', [
      {
        filter: `${googleMetric('pubsub.googleapis.com/subscription/oldest_unacked_message_age', 'pubsub_subscription')} AND resource.labels.subscription_id!=monitoring.regex.full_match(".*-dead-letters|operators[.].*")`,
        above: WAITING.messageSeconds,
        perSeriesAligner: 'ALIGN_MAX',
      },
    ])
    this.#whenAbove(
      'commands-wait',
      'Commands are delivered a minute late: the queue dispatches more slowly than it fills.',
      [
        {
          filter: googleMetric('cloudtasks.googleapis.com/queue/task_attempt_delays', 'cloud_tasks_queue'),
          above: WAITING.taskMs,
          perSeriesAligner: 'ALIGN_PERCENTILE_95',
        },
      ],
    )
    this.#paused()
    if (services.some(isScheduled)) this.#schedules()
    for (const service of services) this.#ofService(service)
    this.#instances(services)
    this.#changesOfAccess(environment)
    for (const { name, ingress } of services) if (ingress === 'public') this.#unreachable(name, environment)
    this.#onLine('sagas-stuck', {
      messages: ['saga.stuck'],
      severity: 'CRITICAL',
      content:
        'A saga is stuck: a compensation, a timer or another command that is retried for ever has failed five times, or its owner reports one that can not go on alone. The step names the cause and the service that does not answer; the correlation id names the saga.',
    })
    this.#refusals()
    this.#onLine('bugs', {
      messages: ['message.failed', 'request.failed'],
      severity: 'WARNING',
      content:
        'A handler threw an unexpected error. The message is redelivered, or the request was answered with 500; the log has the stack.',
    })
  }

  /** Open as long as a dead letter is in a subscription. */
  #deadLetters(): void {
    const name = 'dead-letters'
    new MonitoringAlertPolicy(this, name, {
      ...this.#policy(
        name,
        'A message failed 20 attempts or could not be parsed. It is kept for 31 days in the dead-letter subscription.',
      ),
      severity: 'CRITICAL',
      conditions: [
        {
          displayName: name,
          conditionThreshold: {
            filter: deadLettersWaiting,
            comparison: 'COMPARISON_GT',
            thresholdValue: 0,
            duration: '0s',
            aggregations: [{ alignmentPeriod: '300s', perSeriesAligner: 'ALIGN_MAX' }],
          },
        },
      ],
    })
  }

  /**
   * By the audit log, since no metric sees it: the delays are those of attempts, of which a paused queue has none, and the depth counts
   * timers that are due next week. https://cloud.google.com/tasks/docs/audit-logging
   */
  #paused(): void {
    this.#onMatch('queues-stopped', {
      content:
        'A queue was paused or emptied, or a schedule paused: no command of it is delivered until it is resumed, and those of an emptied queue are gone.',
      severity: 'WARNING',
      filter: [
        'log_id("cloudaudit.googleapis.com/activity")',
        'protoPayload.methodName=~"CloudTasks[.](Pause|Purge)Queue|CloudScheduler[.]PauseJob"',
      ].join(' AND '),
      labels: auditLabels,
    })
  }

  /** By the log of Cloud Scheduler: the command of a schedule is not in the queue. Each failed attempt has a line. */
  #schedules(): void {
    this.#onMatch('schedules-fail', {
      content:
        'Cloud Scheduler could not have a service enqueue what is due. It tries five more times in the next quarter of an hour, and not again before the next time of the schedule.',
      severity: 'WARNING',
      filter: 'resource.type="cloud_scheduler_job" AND severity>=ERROR',
      labels: { job: 'resource.labels.job_id' },
    })
  }

  /** A service that has all the instances that it may have refuses requests when more come. */
  #instances(services: readonly Service[]): void {
    const limits = new Set(services.map(({ scale }) => scale.maxInstances))
    this.#whenAbove(
      'instances-at-limit',
      'A service has had all its instances for five minutes (`maxInstances` of its description).',
      [...limits].map((limit) => {
        const names = services.filter(({ scale }) => scale.maxInstances === limit).map(({ name }) => `"${name}"`)
        return {
          filter: `${googleMetric('run.googleapis.com/container/instance_count', 'cloud_run_revision')} AND resource.labels.service_name=one_of(${names.join(',')})`,
          above: limit - 1,
          perSeriesAligner: 'ALIGN_MAX',
          crossSeriesReducer: 'REDUCE_SUM',
          groupByFields: ['resource.label."service_name"'],
        }
      }),
    )
  }

  /** Google asks from several regions whether the public service can do its work: also without any other request. */
  #unreachable(service: string, environment: Environment): void {
    const host = new URL(environment.serviceUrl(service)).hostname
    new MonitoringUptimeCheckConfig(this, `uptime-${service}`, {
      displayName: service,
      period: '300s',
      timeout: '10s',
      httpCheck: { path: '/health/ready', port: 443, useSsl: true, validateSsl: true },
      monitoredResource: { type: 'uptime_url', labels: { project_id: environment.projectId, host } },
    })
    this.#whenAbove(
      `${service}-unreachable`,
      'Checks from more than one region have failed: the service can not be reached, or is not ready.',
      [
        {
          filter: `${googleMetric('monitoring.googleapis.com/uptime_check/check_passed', 'uptime_url')} AND resource.labels.host="${host}"`,
          above: 1,
          perSeriesAligner: 'ALIGN_NEXT_OLDER',
          crossSeriesReducer: 'REDUCE_COUNT_FALSE',
          groupByFields: ['resource.label."host"'],
        },
      ],
    )
  }

  /** By the audit log of the project, which records them without a setting. The deployer's own changes follow from the stacks. */
  #changesOfAccess({ projectId }: Environment): void {
    this.#onMatch('access-changed', {
      content:
        'A person changed an IAM policy, what is audited, or where logs are kept: by hand, or by a deployment from a laptop. `npm run grants` lists the grants that the stacks do not make.',
      severity: 'WARNING',
      filter: [
        'log_id("cloudaudit.googleapis.com/activity")',
        'protoPayload.methodName=~"[Ss]etI(am|AM)(Policy|Permissions)|ConfigServiceV2[.](Create|Update|Delete)(Sink|Bucket|Exclusion)"',
        `NOT protoPayload.authenticationInfo.principalEmail="${accountEmail('deployer', projectId)}"`,
      ].join(' AND '),
      labels: auditLabels,
    })
  }

  /** On each line of a log that matches. @param labels of the incident, each with the field of the line that it holds */
  #onMatch(
    name: string,
    {
      content,
      severity,
      filter,
      labels,
    }: {
      readonly content: string
      readonly severity: string
      readonly filter: string
      readonly labels: Readonly<Record<string, string>>
    },
  ): void {
    new MonitoringAlertPolicy(this, name, {
      ...this.#policy(name, content),
      severity,
      alertStrategy: { notificationRateLimit: { period: NOTIFICATION_RATE_LIMIT }, autoClose: '86400s' },
      conditions: [
        {
          displayName: name,
          conditionMatchedLog: {
            filter,
            labelExtractors: Object.fromEntries(
              Object.entries(labels).map(([label, field]) => [label, `EXTRACT(${field})`]),
            ),
          },
        },
      ],
    })
  }

  #whenAbove(name: string, content: string, thresholds: readonly Threshold[]): void {
    new MonitoringAlertPolicy(this, name, {
      ...this.#policy(name, content),
      severity: 'WARNING',
      conditions: thresholds.map(({ filter, above, groupByFields, ...aggregation }) => ({
        displayName: `${name} > ${above}`,
        conditionThreshold: {
          filter,
          comparison: 'COMPARISON_GT',
          thresholdValue: above,
          duration: '300s',
          aggregations: [
            {
              alignmentPeriod: '300s',
              ...aggregation,
              ...(groupByFields ? { groupByFields: [...groupByFields] } : {}),
            },
          ],
        },
      })),
    })
  }

  /** A line stands for one refusal, or for all of a kind within a second beyond the first ten. */
  #refusals(): void {
    const name = 'refusals'
    const refused = (filter: string, threshold: number, by: readonly string[]) => ({
      displayName: `${name} > ${threshold}`,
      conditionThreshold: {
        filter: `${logMetric('security', { outcome: 'refused' })}${filter}`,
        comparison: 'COMPARISON_GT',
        thresholdValue: threshold,
        duration: '0s',
        aggregations: [
          {
            alignmentPeriod: REFUSALS_WINDOW,
            perSeriesAligner: 'ALIGN_DELTA',
            crossSeriesReducer: 'REDUCE_SUM',
            groupByFields: by.map((label) => `metric.label."${label}"`),
          },
        ],
      },
    })
    const forged = FORGED.map((event) => `metric.labels.event="${event}"`).join(' OR ')
    new MonitoringAlertPolicy(this, name, {
      ...this.#policy(name, 'Many requests are refused, or some that only an attack or a wrong deployment causes.'),
      severity: 'WARNING',
      conditions: [
        refused('', REFUSALS_TOLERATED.any, ['event']),
        refused(` AND (${forged})`, REFUSALS_TOLERATED.forged, ['service', 'event']),
      ],
    })
  }

  /** The alerts of a description: on lines of that service alone. */
  #ofService({ name: service, alertsOn }: Service): void {
    for (const [message, { severity, labels, content }] of Object.entries(alertsOn)) {
      const name = `${service}-${message.replaceAll('.', '-')}`
      this.#onMatch(name, {
        content,
        severity,
        filter: `${linesOfServices} AND jsonPayload.service="${service}" AND severity>=ERROR AND jsonPayload.message="${message}"`,
        labels: Object.fromEntries(labels.map((label) => [label, `jsonPayload.${label}`])),
      })
    }
  }

  /** Matches the line itself, not its counter: the mail then shows the saga, and the alert needs no existing metric. */
  #onLine(name: string, { messages, severity, content }: LineAlert): void {
    const extracted = new Set([
      ...messages.flatMap((message): readonly string[] => countedLines[message]),
      'correlationId',
    ])
    this.#onMatch(name, {
      content,
      severity,
      filter: logFilter(...messages),
      labels: Object.fromEntries([...extracted].map((key) => [key, `jsonPayload.${key}`])),
    })
  }

  #policy(displayName: string, content: string) {
    return {
      displayName,
      combiner: 'OR',
      notificationChannels: [this.#channel.id],
      documentation: { content: `${content} See docs/deploy.md, "When an alert comes".`, mimeType: 'text/markdown' },
    }
  }
}
