/** The permission that each route of BigQuery requires: https://cloud.google.com/bigquery/docs/access-control */

import type { RequiredPermission } from '../core/service.ts'
import type { RouteAccess } from '../core/access/access.ts'
import type { CloudContext } from '../core/plugin.ts'
import { authorizes } from './authorized-views.ts'
import type { TableReference } from './catalog.ts'
import type { BigQueryCore } from './core.ts'
import type { Ddl } from './sql/ddl.ts'

// The Node client drops the prefix when it is pointed at an emulator.
const ROOT = '^(?:/bigquery/v2)?/projects/(?<project>[^/]+)'
const DATASET = `${ROOT}/datasets/(?<dataset>[^/:]+)`
const TABLE = `${DATASET}/tables/(?<table>[^/:]+)`

type Groups = Readonly<Record<string, string>>
const projectOf = ({ project }: Groups): string => `projects/${project}`
const datasetOf = (groups: Groups): string => `${projectOf(groups)}/datasets/${groups['dataset']}`
const tableOf = (groups: Groups): string => `${datasetOf(groups)}/tables/${groups['table']}`

/** In BigQuery's words: `Access Denied: Table p:d.t: Permission … denied on table p:d.t (or it may not exist).` */
function refusal({ permission, resource }: RequiredPermission): string {
  const [, project, , dataset, , table] = resource.split('/')
  if (permission === 'bigquery.jobs.create')
    return `Access Denied: Project ${project}: User does not have ${permission} permission in project ${project}.`
  const [kind, name] = table
    ? ['Table', `${project}:${dataset}.${table}`]
    : dataset
      ? ['Dataset', `${project}:${dataset}`]
      : ['Project', String(project)]
  return `Access Denied: ${kind} ${name}: Permission ${permission} denied on ${kind.toLowerCase()} ${name} (or it may not exist).`
}

/** The parts of a request that name tables. */
interface QueryNames {
  readonly query?: unknown
  readonly defaultDataset?: { readonly datasetId?: string }
  readonly destinationTable?: Partial<TableReference>
}

const writes = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TRUNCATE'])

export function bigqueryAccess({ catalog, engine }: BigQueryCore, { project }: CloudContext): RouteAccess[] {
  /** Reading a view requires the permission on the view and on each table that it reads, but for tables whose dataset authorizes the view. */
  const reads = async (tables: readonly string[]): Promise<RequiredPermission[]> => {
    const needed = new Set(tables)
    const visited = new Set(tables)
    // The loop also visits names that it adds.
    for (const name of visited) {
      const [dataset, table] = name.split('.') as [string, string]
      for (const inside of (await catalog.namedBy(dataset, table)) ?? []) {
        visited.add(inside)
        const [of] = inside.split('.') as [string, string]
        if (!authorizes(catalog.dataset(of), name)) needed.add(inside)
      }
    }
    return [...needed].map((name) => {
      const [dataset, table] = name.split('.') as [string, string]
      const resource = `projects/${project.id}/datasets/${dataset}/tables/${table}`
      return { permission: 'bigquery.tables.getData', resource }
    })
  }
  const queryNeeds = async (groups: Groups, configuration: QueryNames = {}): Promise<RequiredPermission[]> => {
    const created = { permission: 'bigquery.jobs.create', resource: projectOf(groups) }
    const { query, defaultDataset, destinationTable } = configuration
    if (typeof query !== 'string') return [created]
    const { tables, verb, ddl } = await engine.translate(query, project.id, defaultDataset?.datasetId)
    const read = await reads(tables)
    return [
      created,
      ...read,
      ...(ddl ? [ddlNeeds(groups, ddl)] : []),
      ...(destinationTable ? destinationNeeds(groups, destinationTable) : []),
      ...(writes.has(verb) ? read.map(({ resource }) => ({ permission: 'bigquery.tables.updateData', resource })) : []),
    ]
  }
  const ddlNeeds = (groups: Groups, ddl: Ddl): RequiredPermission => {
    const dataset = `${projectOf(groups)}/datasets/${ddl.datasetId}`
    if (ddl.kind === 'CREATE_SCHEMA') return { permission: 'bigquery.datasets.create', resource: projectOf(groups) }
    if (ddl.kind === 'DROP_SCHEMA') return { permission: 'bigquery.datasets.delete', resource: dataset }
    const isDrop = ddl.kind === 'DROP_TABLE' || ddl.kind === 'DROP_VIEW'
    if (isDrop) return { permission: 'bigquery.tables.delete', resource: `${dataset}/tables/${ddl.tableId}` }
    return { permission: 'bigquery.tables.create', resource: dataset }
  }
  const destinationNeeds = (groups: Groups, { datasetId = '', tableId = '' }: Partial<TableReference>) => {
    const dataset = `${projectOf(groups)}/datasets/${datasetId}`
    const created = { permission: 'bigquery.tables.create', resource: dataset }
    const changed = { permission: 'bigquery.tables.updateData', resource: `${dataset}/tables/${tableId}` }
    return catalog.find(datasetId, tableId) ? [changed] : [created]
  }
  const route = (method: string, path: string, needs: RouteAccess['needs']): RouteAccess => ({
    method,
    path: new RegExp(`${path}$`),
    needs,
    refusal,
    domain: 'bigquery.googleapis.com',
  })
  const simple = (method: string, path: string, permission: string, of: (groups: Groups) => string): RouteAccess =>
    route(method, path, (groups) => [{ permission: `bigquery.${permission}`, resource: of(groups) }])

  return [
    simple('GET', `${ROOT}/datasets`, 'datasets.get', projectOf),
    simple('POST', `${ROOT}/datasets`, 'datasets.create', projectOf),
    simple('GET', DATASET, 'datasets.get', datasetOf),
    simple('PATCH', DATASET, 'datasets.update', datasetOf),
    simple('PUT', DATASET, 'datasets.update', datasetOf),
    simple('DELETE', DATASET, 'datasets.delete', datasetOf),
    simple('GET', `${DATASET}/tables`, 'tables.list', datasetOf),
    simple('POST', `${DATASET}/tables`, 'tables.create', datasetOf),
    simple('GET', TABLE, 'tables.get', tableOf),
    simple('PATCH', TABLE, 'tables.update', tableOf),
    simple('PUT', TABLE, 'tables.update', tableOf),
    simple('DELETE', TABLE, 'tables.delete', tableOf),
    simple('POST', `${TABLE}/insertAll`, 'tables.updateData', tableOf),
    simple('GET', `${TABLE}/data`, 'tables.getData', tableOf),
    route('POST', `${ROOT}/queries`, async (groups, body) => queryNeeds(groups, (await body()) as QueryNames)),
    route('POST', `${ROOT}/jobs`, async (groups, body) =>
      queryNeeds(groups, ((await body()) as { configuration?: { query?: QueryNames } }).configuration?.query),
    ),
    // At Google an account reads the results of its own jobs; here that permission reads the results of all.
    simple('GET', `${ROOT}/queries/[^/]+`, 'jobs.create', projectOf),
    simple('GET', `${ROOT}/jobs/[^/]+`, 'jobs.create', projectOf),
    simple('GET', `${ROOT}/jobs`, 'jobs.list', projectOf),
    simple('POST', `${ROOT}/jobs/[^/]+/cancel`, 'jobs.update', projectOf),
  ]
}
