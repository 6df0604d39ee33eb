/** Queries: parameters in, job and rows out; results are kept for a while, so that they can be read page by page. */

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound } from '../core/status.ts'
import { type Catalog, sqlError } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import type { QueryResult } from './engine/engine-work.ts'
import type { FieldSchema } from './values/records.ts'
import type { QueryParameter } from './values/requests.ts'
import { inSeconds, type Row } from './values/rows.ts'

export interface QueryRequest {
  readonly query: string
  readonly queryParameters?: readonly QueryParameter[] | undefined
  readonly dryRun?: boolean | undefined
  readonly timeoutMs?: number | undefined
  readonly useLegacySql?: boolean | undefined
}

export interface Job {
  readonly jobId: string
  readonly query: string
  readonly statementType: string
  readonly createdMs: number
  readonly dryRun: boolean
  readonly schema: readonly FieldSchema[]
  readonly rows: readonly Row[]
  /** The approximate size of the rows as JSON. */
  readonly resultBytes: number
  readonly changed: number
  readonly bytes: number
}

export interface Jobs {
  run(request: QueryRequest, jobId?: string): Promise<Job>
  get(jobId: string): Job
  list(): Job[]
}

/** Google keeps results for a day; here the last queries are kept, as long as their texts and rows are not too large. */
const MAX_KEPT_JOBS = 1_000
const MAX_KEPT_BYTES = 128 * 1024 * 1024
const MIN_TIMEOUT_MS = 1_000
/** The least that a query is billed for each table it reads. */
const MIN_BYTES_PER_TABLE = 10 * 1024 * 1024
const statements: Readonly<Record<string, string>> = {
  SELECT: 'SELECT',
  WITH: 'SELECT',
  INSERT: 'INSERT',
  UPDATE: 'UPDATE',
  DELETE: 'DELETE',
  MERGE: 'MERGE',
  TRUNCATE: 'TRUNCATE_TABLE',
}

export function makeJobs(context: CloudContext, engine: Engine, catalog: Catalog): Jobs {
  const jobs = new Map<string, { readonly job: Job; readonly bytes: number }>()
  let keptBytes = 0
  const forgetOldest = (): void => {
    const [jobId, { bytes }] = jobs.entries().next().value!
    jobs.delete(jobId)
    keptBytes -= bytes
  }
  const keep = (job: Job): void => {
    const bytes = job.resultBytes + job.query.length
    jobs.set(job.jobId, { job, bytes })
    keptBytes += bytes
    while (jobs.size > 1 && (jobs.size > MAX_KEPT_JOBS || keptBytes > MAX_KEPT_BYTES)) forgetOldest()
  }
  return {
    get(jobId) {
      const found = jobs.get(jobId)
      if (!found) throw notFound(`Not found: Job ${context.project.id}:${jobId}`)
      return found.job
    },
    list: () => [...jobs.values()].map(({ job }) => job).toReversed(),
    async run(request, jobId = `job_${context.newId()}${context.newId()}`) {
      if (jobs.has(jobId)) throw alreadyExists(`Already Exists: Job ${context.project.id}:${jobId}`)
      if (request.useLegacySql === true)
        throw invalidArgument('Legacy SQL is not served by the local cloud: set useLegacySql to false.')
      const { sql, tables, verb } = await engine.translate(request.query, context.project.id)
      const statementType = statements[verb]
      if (!statementType)
        throw invalidArgument(
          `The local cloud runs SELECT, INSERT, UPDATE, DELETE, MERGE and TRUNCATE, not ${verb}: make tables and views through the API.`,
        )
      if ((verb === 'UPDATE' || verb === 'DELETE') && !/\bWHERE\b/i.test(sql))
        throw invalidArgument(`${verb} must have a WHERE clause`)
      // Each table that is read, also through views; a query of none is free.
      const bytes = (await catalog.tablesBehind(tables)).length * MIN_BYTES_PER_TABLE
      const dryRun = request.dryRun === true
      const { timeoutMs = 0 } = request
      const result = await answered(
        engine.query({
          sql: dryRun ? `EXPLAIN ${sql}` : sql,
          parameters: request.queryParameters ?? [],
          isSelect: statementType === 'SELECT' && !dryRun,
          ...(timeoutMs > 0 ? { timeoutMs: Math.max(timeoutMs, MIN_TIMEOUT_MS) } : {}),
        }),
      )
      const job: Job = {
        jobId,
        query: request.query,
        statementType,
        createdMs: context.clock.now(),
        dryRun,
        schema: result.schema,
        rows: result.rows,
        resultBytes: result.bytes,
        changed: result.changed,
        bytes,
      }
      if (dryRun) return job
      context.count('bigquery.queries')
      context.count('bigquery.bytesQueried', bytes)
      keep(job)
      return job
    },
  }
}

async function answered(result: Promise<QueryResult>): Promise<QueryResult> {
  try {
    return await result
  } catch (error) {
    throw sqlError(error)
  }
}

/** About; Google: 10 MB, https://cloud.google.com/bigquery/docs/paging-results */
const MAX_PAGE_BYTES = 10 * 1024 * 1024

/** One page of a job's rows: fewer than asked for when they are large. */
export function page(
  job: Job,
  options: { start: number; size: number; microseconds: boolean },
): { rows: readonly object[]; pageToken?: string } {
  const { start, microseconds } = options
  const fitting = Math.floor((job.rows.length * MAX_PAGE_BYTES) / Math.max(job.resultBytes, 1))
  const size = Math.min(options.size, Math.max(fitting, 1))
  const some = job.rows.slice(start, start + size)
  const rows = microseconds ? some : some.map((row) => inSeconds(row, job.schema))
  return { rows, ...(start + size < job.rows.length ? { pageToken: String(start + size) } : {}) }
}
