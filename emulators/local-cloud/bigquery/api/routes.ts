/** BigQuery's REST v2: https://cloud.google.com/bigquery/docs/reference/rest */

import { shown } from '../values/limits.ts'
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Http } from '../../core/service.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import type { BigQueryCore } from '../core.ts'
import type { DatasetResource } from '../values/records.ts'
import { errorBody } from '../values/errors.ts'
import { datasetBody, insertAllBody, tableBody } from '../values/requests.ts'
import { insertAll } from './insert-all.ts'
import { addJobRoutes } from './job-routes.ts'
import { listRows } from './list-rows.ts'
import { onlyQueries } from './job-options.ts'
import { noParameters, notServed, takes, withoutOutputs } from './options.ts'
import { pageOf, paging } from './paging.ts'
import { readBody } from './read-body.ts'
import * as options from './table-options.ts'

/** The maximum size of an insertAll request: https://cloud.google.com/bigquery/quotas#streaming_inserts */
const MAX_INSERT_BYTES = 10 * 1024 * 1024

export function bigqueryRoutes(core: BigQueryCore, context: CloudContext): Http {
  const app: Http = new Hono()
  // The Node client drops the prefix when it is pointed at an emulator.
  for (const prefix of ['/bigquery/v2/projects/:project', '/projects/:project'])
    app.route(prefix, projectRoutes(core, context))
  const uploads = withErrors()
  // A file as parts of one body, or in a request of its own after the job's.
  uploads.post('/jobs', () => {
    throw notServed('configuration.load', {}, onlyQueries)
  })
  app.route('/upload/bigquery/v2/projects/:project', uploads)
  return app
}

/** Answers errors in BigQuery's form. */
function withErrors(): Http {
  const app: Http = new Hono()
  app.onError((error, c) => {
    const status = error instanceof StatusError ? error : new StatusError('INTERNAL', error.message)
    if (!(error instanceof StatusError)) console.error(error)
    return c.json(errorBody(status), status.httpStatus as ContentfulStatusCode)
  })
  return app
}

function projectRoutes(core: BigQueryCore, context: CloudContext): Http {
  const app = withErrors()
  addDatasetRoutes(app, core)
  addTableRoutes(app, core)
  addRowRoutes(app, core, context)
  addJobRoutes(app, core, context)
  return app
}

function addDatasetRoutes(app: Http, { catalog }: BigQueryCore): void {
  const body = async (c: { req: { text(): Promise<string> } }): Promise<Record<string, unknown>> =>
    withoutOutputs(await readBody(c, datasetBody, options.datasetOptions()), options.datasetOptions())
  app.use('/datasets/:dataset', takes(options.datasetParameters))
  app.get('/datasets', takes(options.datasetListParameters), (c) => {
    const labels = labelsOf(c.req.query('filter'))
    const isShown = ({ datasetReference: { datasetId } }: DatasetResource): boolean =>
      c.req.query('all') === 'true' || !datasetId.startsWith('_')
    const all = catalog
      .datasets()
      .filter((dataset) => isShown(dataset) && labels.every((matches) => matches(dataset['labels'])))
    const { items: datasets, ...next } = pageOf(all, c.req.query())
    return c.json({ kind: 'bigquery#datasetList', datasets, ...next })
  })
  app.post('/datasets', takes(options.datasetInsertParameters), async (c) =>
    c.json(await catalog.insertDataset(await body(c))),
  )
  app.get('/datasets/:dataset', (c) =>
    c.json(viewOf(catalog.dataset(c.req.param('dataset')), c.req.query('datasetView'))),
  )
  app.patch('/datasets/:dataset', async (c) => c.json(catalog.patchDataset(c.req.param('dataset'), await body(c))))
  app.put('/datasets/:dataset', async (c) => c.json(catalog.replaceDataset(c.req.param('dataset'), await body(c))))
  app.delete('/datasets/:dataset', async (c) => {
    await catalog.deleteDataset(c.req.param('dataset'), c.req.query('deleteContents') === 'true')
    return c.body(null, 204)
  })
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/get#DatasetView @throws INVALID_ARGUMENT for another view */
function viewOf(dataset: DatasetResource, view: string | undefined): object {
  const { access, kind, id, etag, selfLink, datasetReference, location, ...metadata } = dataset
  const named = { kind, id, etag, selfLink, datasetReference, location }
  switch (view) {
    case 'METADATA':
      return { ...named, ...metadata }
    case 'ACL':
      return { ...named, access }
    case undefined:
    case '':
    case 'DATASET_VIEW_UNSPECIFIED':
    case 'FULL':
      return dataset
    default:
      throw unknownValue('datasetView', view)
  }
}

const unknownValue = (name: string, value: string): StatusError =>
  invalidArgument(`Invalid value at '${name}': ${shown(JSON.stringify(value))}.`)

/** `labels.key:value labels.other`: https://cloud.google.com/bigquery/docs/filtering-labels */
function labelsOf(filter = ''): ((labels: unknown) => boolean)[] {
  return filter.split(/\s+|\s+AND\s+/).flatMap((part) => {
    if (part === '' || part === 'AND') return []
    const [, key, value] = /^labels\.([^:\s]+)(?::(.*))?$/.exec(part) ?? []
    if (key === undefined) throw invalidArgument(`Invalid filter: ${shown(part)}: write labels.key:value.`)
    return [
      (labels) => {
        const found = (labels as Record<string, string> | undefined)?.[key]
        return found !== undefined && (value === undefined || value === '' || value === '*' || found === value)
      },
    ]
  })
}

/** All but BASIC have the number of rows. https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/get#TableMetadataView */
const tableViews = ['', 'TABLE_METADATA_VIEW_UNSPECIFIED', 'BASIC', 'STORAGE_STATS', 'FULL']

function addTableRoutes(app: Http, { catalog }: BigQueryCore): void {
  const body = async (c: { req: { text(): Promise<string> } }): Promise<Record<string, unknown>> =>
    withoutOutputs(await readBody(c, tableBody, options.tableOptions()), options.tableOptions())
  app.use('/datasets/:dataset/tables/:table', takes(options.tableParameters))
  app.get('/datasets/:dataset/tables', takes(options.tableListParameters), (c) => {
    catalog.dataset(c.req.param('dataset'))
    const all = catalog.tables(c.req.param('dataset'))
    const { items: tables, ...next } = pageOf(all, c.req.query())
    return c.json({ kind: 'bigquery#tableList', tables, totalItems: all.length, ...next })
  })
  app.post('/datasets/:dataset/tables', takes(noParameters), async (c) =>
    c.json(await catalog.insertTable(c.req.param('dataset'), await body(c))),
  )
  app.get('/datasets/:dataset/tables/:table{[^:/]+}', async (c) => {
    const { dataset, table } = c.req.param()
    const resource = catalog.table(dataset, table)
    const view = c.req.query('view') ?? ''
    if (!tableViews.includes(view)) throw unknownValue('view', view)
    if (resource.view || view === 'BASIC') return c.json(resource)
    return c.json({ ...resource, numRows: String(await catalog.countRows(dataset, table)) })
  })
  app.patch('/datasets/:dataset/tables/:table', async (c) =>
    c.json(await catalog.patchTable(c.req.param('dataset'), c.req.param('table'), await body(c))),
  )
  app.put('/datasets/:dataset/tables/:table', async (c) =>
    c.json(await catalog.replaceTable(c.req.param('dataset'), c.req.param('table'), await body(c))),
  )
  app.delete('/datasets/:dataset/tables/:table', async (c) => {
    await catalog.deleteTable(c.req.param('dataset'), c.req.param('table'))
    return c.body(null, 204)
  })
}

function addRowRoutes(app: Http, core: BigQueryCore, context: CloudContext): void {
  app.post('/datasets/:dataset/tables/:table/insertAll', takes(noParameters), async (c) => {
    const { dataset, table } = c.req.param()
    if (Buffer.byteLength(await c.req.text()) > MAX_INSERT_BYTES)
      throw invalidArgument(`Request payload size exceeds the limit: ${MAX_INSERT_BYTES} bytes.`)
    const request = await readBody(c, insertAllBody, options.insertAllOptions())
    return c.json(await insertAll(core, context, { dataset, table }, request))
  })
  app.get('/datasets/:dataset/tables/:table/data', takes(options.rowListParameters), async (c) => {
    const { dataset, table } = c.req.param()
    return c.json(await listRows(core, { dataset, table }, paging(c.req.query()), c.req.query('selectedFields')))
  })
}
