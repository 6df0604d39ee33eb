/** Query jobs: each has an id, and an outcome that is kept for a while, so that its rows can be read page by page. */

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, notFound, StatusError } from '../core/status.ts'
import type { Catalog } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import { makeRunQuery, type Outcome } from './run-query.ts'
import type { JobConfiguration } from './values/configuration.ts'
import { inSeconds } from './values/rows.ts'

/** A job that is done. */
export interface Job extends Outcome {
  readonly jobId: string
  /** As it was sent. */
  readonly configuration: JobConfiguration
  readonly createdMs: number
}

export interface JobRequest {
  readonly configuration: JobConfiguration
  readonly jobId?: string | undefined
  /** A repeated request of the same id gets the same job. */
  readonly requestId?: string | undefined
}

/** A job whose query failed. */
export interface FailedJob {
  readonly jobId: string
  readonly configuration: JobConfiguration
  readonly createdMs: number
  readonly error: StatusError
}

/** A job that was started. */
export interface StartedJob {
  readonly jobId: string
  readonly configuration: JobConfiguration
  readonly createdMs: number
  readonly done: Promise<Job>
}

export interface Jobs {
  /** @throws ALREADY_EXISTS for an id that another job has. */
  start(request: JobRequest): StartedJob
  get(jobId: string): StartedJob
  /** The jobs that are done or have failed, the last one first. */
  list(): (Job | FailedJob)[]
}

/** Google keeps results for a day; here the last queries are kept, as long as their texts and rows are not too large. */
const MAX_KEPT_JOBS = 1_000
const MAX_KEPT_BYTES = 128 * 1024 * 1024

export function makeJobs(context: CloudContext, engine: Engine, catalog: Catalog): Jobs {
  const run = makeRunQuery(context, engine, catalog)
  const started = new Map<string, StartedJob>()
  const byRequest = new Map<string, string>()
  /** In the order in which they ended. */
  const kept = new Map<
    string,
    { readonly job: Job | FailedJob; readonly bytes: number; readonly requestId: string | undefined }
  >()
  let keptBytes = 0
  const forgetOldest = (): void => {
    const [jobId, { bytes, requestId }] = kept.entries().next().value!
    kept.delete(jobId)
    started.delete(jobId)
    if (requestId !== undefined) byRequest.delete(requestId)
    keptBytes -= bytes
  }
  const keep = (job: Job | FailedJob, requestId: string | undefined): void => {
    const bytes = ('error' in job ? 0 : job.resultBytes) + job.configuration.query.query.length
    kept.set(job.jobId, { job, bytes, requestId })
    keptBytes += bytes
    while (kept.size > 1 && (kept.size > MAX_KEPT_JOBS || keptBytes > MAX_KEPT_BYTES)) forgetOldest()
  }

  return {
    start({ configuration, jobId = `job_${context.newId()}${context.newId()}`, requestId }) {
      const before = requestId === undefined ? undefined : started.get(byRequest.get(requestId) ?? '')
      if (before) return before
      if (started.has(jobId)) throw alreadyExists(`Already Exists: Job ${context.project.id}:${jobId}`)
      const createdMs = context.clock.now()
      const done = run(configuration).then((outcome): Job => ({ ...outcome, jobId, configuration, createdMs }))
      const job = { jobId, configuration, createdMs, done }
      started.set(jobId, job)
      if (requestId !== undefined) byRequest.set(requestId, jobId)
      const ended = (outcome: Job | FailedJob): void => {
        // After a failure the request may be repeated.
        if (requestId !== undefined && ('error' in outcome || configuration.dryRun)) byRequest.delete(requestId)
        if (configuration.dryRun) started.delete(jobId)
        else keep(outcome, requestId)
      }
      done.then(ended, (error: unknown) => ended({ jobId, configuration, createdMs, error: statusOf(error) }))
      return job
    },
    get(jobId) {
      const found = started.get(jobId)
      if (!found) throw notFound(`Not found: Job ${context.project.id}:${jobId}`)
      return found
    },
    list: () => [...kept.values()].map(({ job }) => job).toReversed(),
  }
}

export const statusOf = (error: unknown): StatusError =>
  error instanceof StatusError
    ? error
    : new StatusError('INTERNAL', error instanceof Error ? error.message : String(error))

/** About; Google: 10 MB, https://cloud.google.com/bigquery/docs/paging-results */
const MAX_PAGE_BYTES = 10 * 1024 * 1024

export interface Paging {
  readonly start: number
  readonly size: number
  /** Timestamps as integers; else in seconds. */
  readonly microseconds: boolean
}

/** One page of rows: fewer than asked for when they are large. */
export function pageOfRows(
  { rows: all, schema, resultBytes }: Pick<Job, 'rows' | 'schema' | 'resultBytes'>,
  { start, size: wanted, microseconds }: Paging,
): { rows: readonly object[]; pageToken?: string } {
  const fitting = Math.floor((all.length * MAX_PAGE_BYTES) / Math.max(resultBytes, 1))
  const size = Math.min(wanted, Math.max(fitting, 1))
  const some = all.slice(start, start + size)
  const rows = microseconds ? some : some.map((row) => inSeconds(row, schema))
  return { rows, ...(start + size < all.length ? { pageToken: String(start + size) } : {}) }
}
