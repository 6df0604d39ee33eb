/** Jobs and queries: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs */

import type { CloudContext } from '../../core/plugin.ts'
import type { Http } from '../../core/service.ts'
import type { BigQueryCore } from '../core.ts'
import { type FailedJob, type Job, pageOfRows, type Paging, type StartedJob, statusOf } from '../jobs.ts'
import type { JobConfiguration } from '../values/configuration.ts'
import { shown as named } from '../values/limits.ts'
import { bigqueryError, failedStatus } from '../values/errors.ts'
import { jobBody, queryBody, type QueryBody } from '../values/requests.ts'
import { jobListParameters, jobOptions, jobParameters, queryRequestOptions, resultParameters } from './job-options.ts'
import { noParameters, takes } from './options.ts'
import { isInMicroseconds, pageOf, paging, wholeNumber } from './paging.ts'
import { readBody } from './read-body.ts'

const PAGE_ROWS = 10_000
const JOBS_PER_PAGE = 50
/** How long an answer waits for the rows, as at Google. The query goes on. */
const WAIT_MS = 10_000

export function addJobRoutes(app: Http, { catalog, jobs }: BigQueryCore, context: CloudContext): void {
  const { project } = context
  /** @throws INVALID_ARGUMENT for a place where there is no dataset. */
  const checkLocation = (location: string | undefined): void => {
    const served = [project.region, ...catalog.datasets().map((dataset) => dataset.location)]
    if (!location || served.some((one) => one.toLowerCase() === location.toLowerCase())) return
    throw bigqueryError(
      'invalid',
      `The local cloud has no datasets in location ${location}, only in ${project.region}.`,
      {
        location: 'location',
      },
    )
  }

  app.post('/queries', takes(noParameters), async (c) => {
    const request = await readBody(c, queryBody, queryRequestOptions())
    checkLocation(request.location)
    const format = { microseconds: isInMicroseconds(request.formatOptions ?? {}) }
    const job = jobs.start({ configuration: configurationOf(request), requestId: request.requestId })
    const size = Math.min(request.maxResults ?? PAGE_ROWS, PAGE_ROWS)
    return c.json(await queryAnswer(job, { start: 0, size, ...format }, request.timeoutMs, context))
  })
  app.get('/queries/:job', takes(resultParameters), async (c) => {
    checkLocation(c.req.query('location'))
    const waitMs = wholeNumber(c.req.query(), 'timeoutMs')
    return c.json(await queryAnswer(jobs.get(c.req.param('job')), paging(c.req.query()), waitMs, context))
  })

  app.post('/jobs', takes(noParameters), async (c) => {
    const { configuration, jobReference } = await readBody(c, jobBody, jobOptions())
    if (!configuration?.query)
      throw bigqueryError('invalid', 'The local cloud runs query jobs only: configuration.query is required.', {
        location: 'configuration',
      })
    checkLocation(jobReference?.location)
    const requestedProject = jobReference?.projectId
    if (requestedProject && requestedProject !== project.id)
      throw bigqueryError(
        'invalid',
        `The job is of the project ${named(requestedProject)}, and the local cloud is ${project.id}.`,
        {
          location: 'jobReference.projectId',
        },
      )
    const job = jobs.start({ configuration: configuration as JobConfiguration, jobId: jobReference?.jobId })
    // A dry run has no job that could have failed.
    return c.json(configuration.dryRun ? jobResource(await job.done, context) : await ended(job, context))
  })
  app.get('/jobs', takes(jobListParameters), (c) => {
    const given = c.req.query()
    const [from, to] = [wholeNumber(given, 'minCreationTime') ?? 0, wholeNumber(given, 'maxCreationTime') ?? Infinity]
    const states = c.req.queries('stateFilter') ?? ['done']
    const all = states.includes('done') ? jobs.list() : []
    const { items, ...next } = pageOf(
      all.filter(({ createdMs }) => createdMs >= from && createdMs <= to),
      given,
      JOBS_PER_PAGE,
    )
    const { projection = '' } = given
    if (!['', 'full', 'minimal'].includes(projection))
      throw bigqueryError('invalid', `Invalid value for projection: full or minimal, not ${named(projection)}.`)
    const resources = items.map((job) => ({
      ...jobResource(job, context),
      ...(projection === 'minimal' ? { configuration: undefined } : {}),
    }))
    return c.json({ kind: 'bigquery#jobList', jobs: resources, ...next })
  })
  const shown = async (started: StartedJob): Promise<object> =>
    (await settled(started.done, 0)) ? ended(started, context) : runningJob(started, context)
  app.get('/jobs/:job', takes(jobParameters), async (c) => c.json(await shown(jobs.get(c.req.param('job')))))
  app.post('/jobs/:job/cancel', takes(jobParameters), async (c) =>
    c.json({ kind: 'bigquery#jobCancelResponse', job: await shown(jobs.get(c.req.param('job'))) }),
  )
}

/** The options of a request that belong to its job, and those of the answer alone. All others are the query's. */
const optionsOfJob = ['dryRun', 'jobTimeoutMs', 'labels', 'reservation', 'maxSlots']
const optionsOfAnswer = new Set('kind formatOptions location maxResults timeoutMs requestId jobCreationMode'.split(' '))

function configurationOf(request: QueryBody): JobConfiguration {
  const entries = Object.entries(request).filter(([name]) => !optionsOfAnswer.has(name))
  const [ofJob, ofQuery] = [true, false].map((isOfJob) =>
    Object.fromEntries(entries.filter(([name]) => optionsOfJob.includes(name) === isOfJob)),
  )
  return { jobType: 'QUERY', ...ofJob, query: { query: request.query, ...ofQuery } }
}

/** Whether it is done, or has failed, within this time. */
async function settled(done: Promise<Job>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, waitMs, false)
  })
  const ended = (): boolean => true
  const result = await Promise.race([done.then(ended, ended), waited])
  clearTimeout(timer)
  return result
}

const referenceOf = (jobId: string, { project }: CloudContext): object => ({
  projectId: project.id,
  jobId,
  location: project.region,
})

async function queryAnswer(
  started: StartedJob,
  options: Paging,
  waitMs: number | undefined,
  context: CloudContext,
): Promise<object> {
  const reference = { kind: 'bigquery#queryResponse', jobReference: referenceOf(started.jobId, context) }
  if (!(await settled(started.done, waitMs || WAIT_MS))) return { ...reference, jobComplete: false }
  const job = await started.done
  return {
    ...reference,
    jobComplete: true,
    cacheHit: false,
    schema: { fields: job.schema },
    totalRows: String(job.rows.length),
    totalBytesProcessed: String(job.bytes),
    ...(job.changed === undefined ? {} : { numDmlAffectedRows: String(job.changed) }),
    ...pageOfRows(job, options),
  }
}

/** The job when it has ended, also if it has failed. */
async function ended(started: StartedJob, context: CloudContext): Promise<object> {
  return jobResource(await started.done.catch((error: unknown) => ({ ...started, error: statusOf(error) })), context)
}

function runningJob({ jobId, configuration, createdMs }: Omit<StartedJob, 'done'>, context: CloudContext): object {
  const { project } = context
  return {
    kind: 'bigquery#job',
    id: `${project.id}:${project.region}.${jobId}`,
    jobReference: referenceOf(jobId, context),
    configuration: { jobType: 'QUERY', ...configuration },
    status: { state: 'RUNNING' },
    statistics: { creationTime: String(createdMs), startTime: String(createdMs) },
  }
}

function jobResource(job: Job | FailedJob, context: CloudContext): object {
  const time = String(job.createdMs)
  const times = { creationTime: time, startTime: time, endTime: time }
  if ('error' in job) return { ...runningJob(job, context), status: failedStatus(job.error), statistics: times }
  return {
    ...runningJob(job, context),
    status: { state: 'DONE' },
    statistics: {
      ...times,
      totalBytesProcessed: String(job.bytes),
      query: {
        statementType: job.statementType,
        totalBytesProcessed: String(job.bytes),
        totalBytesBilled: String(job.bytes),
        cacheHit: false,
        schema: { fields: job.schema },
        ...(job.changed === undefined ? {} : { numDmlAffectedRows: String(job.changed) }),
      },
    },
  }
}
