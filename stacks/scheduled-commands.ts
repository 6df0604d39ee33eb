/** The jobs of a service's schedules: Cloud Scheduler calls the service, which enqueues the command to itself. */

import { Construct } from 'constructs'
import { jobName, schedulePath } from '../shared/base/names.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { CloudSchedulerJob } from './google.ts'
import { cronEmail } from './members.ts'
import { validName } from './naming-rules.ts'
import type { RunService } from './run-service.ts'

/**
 * Repeated until the command is in the queue, which then repeats the command itself. The attempts, the last a
 * quarter of an hour after the first, outlast a deployment and a short disturbance.
 */
const retryConfig = { retryCount: 5, minBackoffDuration: '30s', maxBackoffDuration: '600s', maxDoublings: 5 } as const
/** The service only enqueues. */
const ATTEMPT_DEADLINE = '60s'

interface ScheduledCommandsProps {
  readonly service: Service
  readonly run: RunService
  readonly environment: Environment
}

/** @throws Error that names the schedule. A service is described without this check, which takes a twentieth of its start. */
function validTimeZone(timeZone: string, schedule: string): string {
  try {
    Intl.DateTimeFormat('en', { timeZone }).format(0)
    return timeZone
  } catch {
    throw new Error(`${schedule} has the time zone "${timeZone}": write a name such as Europe/Berlin or Etc/UTC.`)
  }
}

export class ScheduledCommands extends Construct {
  constructor(scope: Construct, id: string, { service, run, environment }: ScheduledCommandsProps) {
    super(scope, id)
    const url = environment.serviceUrl(service.name)
    for (const [name, { cron, timeZone, command, data }] of Object.entries(service.schedules)) {
      const { version } = service.contracts.commands[command]!
      new CloudSchedulerJob(this, name, {
        name: validName('job', jobName(service.name, name)),
        region: environment.region,
        description: `Has ${service.name} perform ${command}`,
        schedule: cron,
        timeZone: validTimeZone(timeZone, `the schedule "${name}" of ${service.name}`),
        attemptDeadline: ATTEMPT_DEADLINE,
        retryConfig,
        httpTarget: {
          httpMethod: 'POST',
          uri: `${url}${schedulePath(name)}`,
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify({ version, data })).toString('base64'),
          oidcToken: { serviceAccountEmail: cronEmail(service.name, environment), audience: url },
        },
        dependsOn: [run.service],
      })
    }
  }
}
