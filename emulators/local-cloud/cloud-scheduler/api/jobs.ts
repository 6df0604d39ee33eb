/** The methods of jobs. */

import { pageOf } from '../../core/api/page.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { maskPaths, type Mask } from '../../core/proto-values.ts'
import type { Unary } from '../../core/service.ts'
import { alreadyExists, failedPrecondition, invalidArgument, notFound } from '../../core/status.ts'
import type { Table } from '../../core/journal.ts'
import { nextTime } from '../schedule/cron.ts'
import type { Runner } from '../schedule/runner.ts'
import { jobName, limits } from '../values/limits.ts'
import { settingsOf, type WireJob, wireJob } from '../values/proto-codec.ts'
import type { JobRecord } from '../values/records.ts'

interface Named {
  readonly name?: string
}
interface List {
  readonly parent: string
  readonly pageSize?: number
  readonly pageToken?: string
}

/** The fields of a job that an update may change, as masks name them. */
const MUTABLE = ['description', 'httpTarget', 'schedule', 'timeZone', 'retryConfig', 'attemptDeadline'] as const

export function jobMethods(
  { clock, newId }: CloudContext,
  jobs: Table<JobRecord>,
  runner: Runner,
): Record<string, Unary> {
  const jobOf = ({ name = '' }: Named): JobRecord => {
    const job = jobs.get(name)
    if (job) return job
    if (!jobName.test(name))
      throw invalidArgument(
        `Job name "${name}" must be like projects/P/locations/L/jobs/J, J of letters, digits, hyphens and underscores, at most ${limits.jobIdCharacters}.`,
      )
    throw notFound('Job not found.')
  }
  const store = (job: JobRecord): object => {
    jobs.set(job.name, job)
    runner.wake(job.name)
    return wireJob(job)
  }
  const change = (request: Named, from: JobRecord['state'], to: JobRecord['state']): object => {
    const { execution: _execution, ...job } = jobOf(request)
    if (job.state !== from)
      throw failedPrecondition(`The job ${job.name} is ${job.state}, and must be ${from} for this method.`)
    return store({ ...job, state: to, nextMs: nextTime(job, clock.now()) })
  }

  return {
    createJob({ parent, job = {} }: { parent: string; job?: WireJob }) {
      const name = job.name || `${parent}/jobs/${newId()}`
      if (!jobName.test(name) || !name.startsWith(`${parent}/jobs/`))
        throw invalidArgument(
          `Job name "${name}" must be ${parent}/jobs/J, J of letters, digits, hyphens and underscores, at most ${limits.jobIdCharacters}.`,
        )
      if (jobs.has(name)) throw alreadyExists(`Job already exists: ${name}.`)
      const settings = settingsOf(job)
      const nowMs = clock.now()
      return store({ name, ...settings, state: 'ENABLED', changedAtMs: nowMs, nextMs: nextTime(settings, nowMs) })
    },
    getJob: (request: Named) => wireJob(jobOf(request)),
    listJobs({ parent, pageSize, pageToken }: List) {
      const all = [...jobs.values()].filter(({ name }) => name.startsWith(`${parent}/jobs/`))
      const { page, nextPageToken } = pageOf(all, { pageSize, pageToken }, limits.pageSize)
      return { jobs: page.map(wireJob), nextPageToken }
    },
    updateJob({ job = {}, updateMask }: { job?: WireJob; updateMask?: Mask }) {
      const { execution: _execution, ...before } = jobOf(job)
      const paths = maskPaths(updateMask).map((path) => path.split('.')[0]!)
      const unknown = paths.find((path) => !(MUTABLE as readonly string[]).includes(path))
      if (unknown)
        throw invalidArgument(`update_mask has "${unknown}", which is no field of a job that can be changed.`)
      const changed = paths.length === 0 ? MUTABLE : MUTABLE.filter((field) => paths.includes(field))
      const merged = { ...wireJob(before), ...Object.fromEntries(changed.map((field) => [field, job[field]])) }
      const settings = settingsOf({
        ...merged,
        pubsubTarget: job.pubsubTarget,
        appEngineHttpTarget: job.appEngineHttpTarget,
      })
      const nowMs = clock.now()
      return store({ ...before, ...settings, changedAtMs: nowMs, nextMs: nextTime(settings, nowMs) })
    },
    deleteJob(request: Named) {
      const { name } = jobOf(request)
      jobs.delete(name)
      runner.wake(name)
      return {}
    },
    pauseJob: (request: Named) => change(request, 'ENABLED', 'PAUSED'),
    // Terraform's provider resumes each job that it has made, so Google accepts that of an enabled one.
    resumeJob(request: Named) {
      const job = jobOf(request)
      return job.state === 'ENABLED' ? wireJob(job) : change(request, 'PAUSED', 'ENABLED')
    },
    runJob(request: Named) {
      const job = jobOf(request)
      void runner.runNow(job.name)
      return wireJob(job)
    },
  }
}
