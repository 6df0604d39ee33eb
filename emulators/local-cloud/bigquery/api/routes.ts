/** BigQuery's REST v2: https://cloud.google.com/bigquery/docs/reference/rest */

import { Hono } from 'hono'
import type { z } from 'zod'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Http } from '../../core/service.ts'
import { checkedBody } from '../../core/api/checked-body.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import type { BigQueryCore } from '../core.ts'
import { insertAll } from './insert-all.ts'
import { type Job, page } from '../jobs.ts'
import { datasetBody, insertAllBody, jobBody, queryBody, tableBody } from '../values/requests.ts'

const PAGE_ROWS = 10_000
const JOBS_PER_PAGE = 50
/** The maximum size of an insertAll request: https://cloud.google.com/bigquery/quotas#streaming_inserts */
const MAX_INSERT_BYTES = 10 * 1024 * 1024
const reasons: Readonly<Record<string, string>> = {
  INVALID_ARGUMENT: 'invalidQuery',
  NOT_FOUND: 'notFound',
  ALREADY_EXISTS: 'duplicate',
  FAILED_PRECONDITION: 'resourceInUse',
  DEADLINE_EXCEEDED: 'timeout',
  PERMISSION_DENIED: 'accessDenied',
  RESOURCE_EXHAUSTED: 'rateLimitExceeded',
  UNAVAILABLE: 'backendError',
}

export function bigqueryRoutes(core: BigQueryCore, context: CloudContext): Http {
  const app: Http = new Hono()
  // The Node client drops the prefix when it is pointed at an emulator.
  for (const prefix of ['/bigquery/v2/projects/:project', '/projects/:project'])
    app.route(prefix, projectRoutes(core, context))
  return app
}

function projectRoutes(core: BigQueryCore, context: CloudContext): Http {
  const { catalog, jobs } = core
  const app: Http = new Hono()
  app.onError((error, c) => {
    const status = error instanceof StatusError ? error : new StatusError('INTERNAL', error.message)
    if (!(error instanceof StatusError)) console.error(error)
    const reason = reasonOf(status)
    const body = {
      code: status.httpStatus,
      message: status.message,
      errors: [{ message: status.message, domain: 'global', reason, location: 'q', locationType: 'parameter' }],
      status: status.code,
    }
    return c.json({ error: body }, status.httpStatus as ContentfulStatusCode)
  })
  const body = async <S extends z.ZodType>(c: { req: { text(): Promise<string> } }, schema: S): Promise<z.output<S>> =>
    checkedBody(await c.req.text(), schema)

  app.get('/datasets', (c) => c.json({ kind: 'bigquery#datasetList', datasets: catalog.datasets() }))
  app.post('/datasets', async (c) => c.json(await catalog.insertDataset(await body(c, datasetBody))))
  app.get('/datasets/:dataset', (c) => c.json(catalog.dataset(c.req.param('dataset'))))
  app.on(['PATCH', 'PUT'], '/datasets/:dataset', async (c) =>
    c.json(catalog.patchDataset(c.req.param('dataset'), await body(c, datasetBody))),
  )
  app.delete('/datasets/:dataset', async (c) => {
    await catalog.deleteDataset(c.req.param('dataset'), c.req.query('deleteContents') === 'true')
    return c.body(null, 204)
  })

  app.get('/datasets/:dataset/tables', (c) => {
    catalog.dataset(c.req.param('dataset'))
    const tables = catalog.tables(c.req.param('dataset'))
    return c.json({ kind: 'bigquery#tableList', tables, totalItems: tables.length })
  })
  app.post('/datasets/:dataset/tables', async (c) =>
    c.json(await catalog.insertTable(c.req.param('dataset'), await body(c, tableBody))),
  )
  app.get('/datasets/:dataset/tables/:table{[^:]+}', (c) =>
    c.json(catalog.table(c.req.param('dataset'), c.req.param('table'))),
  )
  app.on(['PATCH', 'PUT'], '/datasets/:dataset/tables/:table', async (c) =>
    c.json(await catalog.patchTable(c.req.param('dataset'), c.req.param('table'), await body(c, tableBody))),
  )
  app.delete('/datasets/:dataset/tables/:table', async (c) => {
    await catalog.deleteTable(c.req.param('dataset'), c.req.param('table'))
    return c.body(null, 204)
  })
  app.post('/datasets/:dataset/tables/:table/insertAll', async (c) => {
    const { dataset, table } = c.req.param()
    if (Buffer.byteLength(await c.req.text()) > MAX_INSERT_BYTES)
      throw invalidArgument(`Request payload size exceeds the limit: ${MAX_INSERT_BYTES} bytes.`)
    return c.json(await insertAll(core, context, { dataset, table }, await body(c, insertAllBody)))
  })
  app.get('/datasets/:dataset/tables/:table/data', async (c) => {
    const { dataset, table } = c.req.param()
    catalog.table(dataset, table)
    const job = await jobs.run({ query: `SELECT * FROM \`${dataset}.${table}\`` })
    return c.json({
      kind: 'bigquery#tableDataList',
      totalRows: String(job.rows.length),
      ...page(job, paging(c.req.query())),
    })
  })

  app.post('/queries', async (c) => {
    const request = await body(c, queryBody)
    const job = await jobs.run(request)
    const options = {
      start: 0,
      size: Math.min(request.maxResults ?? PAGE_ROWS, PAGE_ROWS),
      microseconds: request.formatOptions?.useInt64Timestamp === true,
    }
    return c.json(queryAnswer(job, options, context))
  })
  app.get('/queries/:job', (c) => c.json(queryAnswer(jobs.get(c.req.param('job')), paging(c.req.query()), context)))

  app.post('/jobs', async (c) => {
    const { configuration, jobReference } = await body(c, jobBody)
    if (!configuration?.query)
      throw invalidArgument('The local cloud runs query jobs only: configuration.query is required.')
    const job = await jobs.run({ ...configuration.query, dryRun: configuration.dryRun === true }, jobReference?.jobId)
    return c.json(jobResource(job, context))
  })
  app.get('/jobs', (c) => {
    const { start, size } = paging({ maxResults: String(JOBS_PER_PAGE), ...c.req.query() })
    const all = jobs.list()
    const next = start + size < all.length ? { nextPageToken: String(start + size) } : {}
    const some = all.slice(start, start + size).map((job) => jobResource(job, context))
    return c.json({ kind: 'bigquery#jobList', jobs: some, ...next })
  })
  app.get('/jobs/:job', (c) => c.json(jobResource(jobs.get(c.req.param('job')), context)))
  app.post('/jobs/:job/cancel', (c) =>
    c.json({ kind: 'bigquery#jobCancelResponse', job: jobResource(jobs.get(c.req.param('job')), context) }),
  )
  return app
}

/** The reason in the error's details, or the usual one of its code. */
function reasonOf({ code, details }: StatusError): string {
  const givenReason = details.find(({ '@type': type }) => type === 'type.googleapis.com/google.rpc.ErrorInfo')?.[
    'reason'
  ]
  return typeof givenReason === 'string' ? givenReason : (reasons[code] ?? 'internalError')
}

interface Paging {
  readonly start: number
  readonly size: number
  readonly microseconds: boolean
}

function paging(query: Record<string, string>): Paging {
  const number = (name: string): number | undefined => {
    const text = query[name]
    if (text !== undefined && !/^\d{1,15}$/.test(text))
      throw invalidArgument(`Invalid value for ${name}: "${text.slice(0, 100)}" is not a whole number.`)
    return text === undefined ? undefined : Number(text)
  }
  return {
    start: number('pageToken') ?? number('startIndex') ?? 0,
    size: Math.min(number('maxResults') ?? PAGE_ROWS, PAGE_ROWS),
    microseconds: query['formatOptions.useInt64Timestamp'] === 'true',
  }
}

function queryAnswer(job: Job, options: Paging, context: CloudContext): object {
  return {
    kind: 'bigquery#queryResponse',
    jobReference: { projectId: context.project.id, jobId: job.jobId, location: context.project.region },
    jobComplete: true,
    cacheHit: false,
    schema: { fields: job.schema },
    totalRows: String(job.rows.length),
    totalBytesProcessed: String(job.bytes),
    ...(job.statementType === 'SELECT' ? {} : { numDmlAffectedRows: String(job.changed) }),
    ...page(job, options),
  }
}

function jobResource(job: Job, { project }: CloudContext): object {
  const time = String(job.createdMs)
  return {
    kind: 'bigquery#job',
    id: `${project.id}:${project.region}.${job.jobId}`,
    jobReference: { projectId: project.id, jobId: job.jobId, location: project.region },
    configuration: { jobType: 'QUERY', dryRun: job.dryRun, query: { query: job.query, useLegacySql: false } },
    status: { state: 'DONE' },
    statistics: {
      creationTime: time,
      startTime: time,
      endTime: time,
      totalBytesProcessed: String(job.bytes),
      query: {
        statementType: job.statementType,
        totalBytesProcessed: String(job.bytes),
        totalBytesBilled: String(job.bytes),
        cacheHit: false,
        schema: { fields: job.schema },
        ...(job.statementType === 'SELECT' ? {} : { numDmlAffectedRows: String(job.changed) }),
      },
    },
  }
}
