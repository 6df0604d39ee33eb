/** The state machine of Cloud Scheduler behind its methods. */

import type { CloudContext } from '../core/plugin.ts'
import type { Unary } from '../core/service.ts'
import { jobMethods } from './api/jobs.ts'
import { makeRunner } from './schedule/runner.ts'
import { jobName } from './values/limits.ts'
import type { JobRecord } from './values/records.ts'

export interface CloudSchedulerCore {
  readonly unary: Readonly<Record<string, Unary>>
  resourceExists(name: string): boolean | undefined
  start(): void
  stop(): void
}

export function makeCore(context: CloudContext): CloudSchedulerCore {
  const jobs = context.journal.table<JobRecord>('cloud-scheduler/jobs')
  const runner = makeRunner(context, jobs)
  return {
    unary: jobMethods(context, jobs, runner),
    resourceExists: (name) => (jobName.test(name) ? jobs.has(name) : undefined),
    start() {
      for (const name of jobs.keys()) runner.wake(name)
    },
    stop: runner.stop,
  }
}
