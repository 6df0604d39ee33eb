/** Datasets, tables and views: their declarations, and the schemas, tables and views of DuckDB that follow from them. */

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound, StatusError } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import { duckType, scalarTypes } from './values/duck-types.ts'
import type { DatasetResource, FieldSchema, TableResource } from './values/records.ts'
import { checkParameters } from './values/type-parameters.ts'
import { limits, tooComplex } from './sql/limits.ts'
import { quote } from './sql/reader.ts'

export interface TableReference {
  readonly projectId: string
  readonly datasetId: string
  readonly tableId: string
}

export interface Catalog {
  insertDataset(body: Record<string, unknown>): Promise<DatasetResource>
  dataset(datasetId: string): DatasetResource
  datasets(): DatasetResource[]
  patchDataset(datasetId: string, change: Record<string, unknown>): DatasetResource
  deleteDataset(datasetId: string, deleteContents: boolean): Promise<void>
  insertTable(datasetId: string, body: Record<string, unknown>): Promise<TableResource>
  table(datasetId: string, tableId: string): TableResource
  find(datasetId: string, tableId: string): TableResource | undefined
  tables(datasetId: string): TableResource[]
  patchTable(datasetId: string, tableId: string, change: Record<string, unknown>): Promise<TableResource>
  deleteTable(datasetId: string, tableId: string): Promise<void>
  /**
   * The tables behind these, which may be views of views: `dataset.table`, each once.
   * @throws NOT_FOUND in BigQuery's words for the first that is not there.
   */
  tablesBehind(names: readonly string[]): Promise<string[]>
  /** The tables and views that a view names, `dataset.table`; undefined for a table, and for a missing name. */
  namedBy(datasetId: string, tableId: string): Promise<readonly string[] | undefined>
}

const idRule = /^[A-Za-z0-9_]{1,1024}$/

export function makeCatalog(context: CloudContext, engine: Pick<Engine, 'translate' | 'execute'>): Catalog {
  const datasetTable = context.journal.table<DatasetResource>('bigquery/datasets')
  const tableTable = context.journal.table<TableResource>('bigquery/tables')
  const { id: projectId, region } = context.project
  const stamp = () => ({ lastModifiedTime: String(context.clock.now()), etag: context.newId() })
  const keyOf = (datasetId: string, tableId: string): string => `${datasetId}.${tableId}`

  const dataset = (datasetId: string): DatasetResource => {
    const found = datasetTable.get(datasetId)
    if (!found) throw notFound(`Not found: Dataset ${projectId}:${datasetId}`)
    return found
  }
  const find = (datasetId: string, tableId: string): TableResource | undefined =>
    tableTable.get(keyOf(datasetId, tableId))
  const table = (datasetId: string, tableId: string): TableResource => {
    const { location } = dataset(datasetId)
    const found = find(datasetId, tableId)
    if (!found)
      throw notFound(`Not found: Table ${projectId}:${datasetId}.${tableId} was not found in location ${location}`)
    return found
  }
  const tables = (datasetId: string): TableResource[] =>
    [...tableTable.values()].filter(({ tableReference }) => tableReference.datasetId === datasetId)
  /** By the view's text, which is read once. */
  const named = new WeakMap<TableResource, Promise<readonly string[]>>()
  const namedBy = async (datasetId: string, tableId: string): Promise<readonly string[] | undefined> => {
    const resource = find(datasetId, tableId)
    if (!resource?.view) return undefined
    let names = named.get(resource)
    if (!names) {
      names = engine.translate(resource.view.query, projectId).then(({ tables: read }) => read)
      names.catch(() => named.delete(resource))
      named.set(resource, names)
    }
    return names
  }
  /** How often tables are read by each of these, views included: a view that reads a view twice reads its tables twice. */
  const tablesBehind = async (names: readonly string[]): Promise<string[]> => {
    const found = new Set<string>()
    const reads = new Map<string, number>()
    const readsOf = async (name: string, depth: number): Promise<number> => {
      const known = reads.get(name)
      if (known !== undefined) return known
      if (depth > limits.viewNesting)
        throw invalidArgument(`Exceeded the maximum depth of nested views: ${limits.viewNesting} levels, at ${name}.`)
      const [datasetId, tableId] = name.split('.') as [string, string]
      // A view over a table that is gone is refused for that table.
      table(datasetId, tableId)
      const inside = await namedBy(datasetId, tableId)
      if (!inside) found.add(name)
      const count = inside ? await total(inside, depth + 1) : 1
      reads.set(name, count)
      return count
    }
    const total = async (all: readonly string[], depth: number): Promise<number> => {
      let count = 0
      for (const name of all) count += await readsOf(name, depth)
      if (count > limits.tables) throw tooComplex()
      return count
    }
    await total(names, 0)
    return [...found]
  }
  const qualified = (datasetId: string, tableId: string): string => `${quote(datasetId)}.${quote(tableId)}`

  const createView = async (datasetId: string, tableId: string, query: string): Promise<void> => {
    const { sql, tables: read, verb } = await engine.translate(query, projectId)
    if (verb !== 'SELECT' && verb !== 'WITH') throw invalidArgument(`A view's query must be a SELECT, not ${verb}.`)
    await tablesBehind(read)
    try {
      await engine.execute(`CREATE OR REPLACE VIEW ${qualified(datasetId, tableId)} AS ${sql}`)
    } catch (error) {
      throw sqlError(error)
    }
  }

  return {
    dataset,
    table,
    find,
    tables,
    tablesBehind,
    namedBy,
    datasets: () => [...datasetTable.values()],
    async insertDataset(body) {
      const { datasetId = '' } = (body['datasetReference'] ?? {}) as { datasetId?: string }
      if (!idRule.test(datasetId))
        throw invalidArgument(
          `Invalid dataset ID "${datasetId}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
        )
      if (datasetTable.has(datasetId)) throw alreadyExists(`Already Exists: Dataset ${projectId}:${datasetId}`)
      const made: DatasetResource = {
        kind: 'bigquery#dataset',
        id: `${projectId}:${datasetId}`,
        location: region,
        ...body,
        datasetReference: { projectId, datasetId },
        creationTime: String(context.clock.now()),
        ...stamp(),
      }
      await engine.execute(`CREATE SCHEMA IF NOT EXISTS ${quote(datasetId)}`)
      datasetTable.set(datasetId, made)
      return made
    },
    patchDataset(datasetId, change) {
      const before = dataset(datasetId)
      if (change['location'] !== undefined && change['location'] !== before.location)
        throw invalidArgument('Dataset location can not be changed.')
      const next = {
        ...before,
        ...change,
        datasetReference: before.datasetReference,
        location: before.location,
        ...stamp(),
      }
      datasetTable.set(datasetId, next)
      return next
    },
    async deleteDataset(datasetId, deleteContents) {
      dataset(datasetId)
      const inside = tables(datasetId)
      if (inside.length > 0 && !deleteContents)
        throw new StatusError('FAILED_PRECONDITION', `Dataset ${projectId}:${datasetId} is still in use`)
      await engine.execute(`DROP SCHEMA IF EXISTS ${quote(datasetId)} CASCADE`)
      for (const { tableReference } of inside) tableTable.delete(keyOf(datasetId, tableReference.tableId))
      datasetTable.delete(datasetId)
    },
    async insertTable(datasetId, body) {
      dataset(datasetId)
      const { tableId = '' } = (body['tableReference'] ?? {}) as { tableId?: string }
      if (!idRule.test(tableId)) throw invalidArgument(`Invalid table ID "${tableId}".`)
      if (find(datasetId, tableId)) throw alreadyExists(`Already Exists: Table ${projectId}:${datasetId}.${tableId}`)
      const view = body['view'] as TableResource['view']
      const fields = (body['schema'] as TableResource['schema'])?.fields ?? []
      if (view?.useLegacySql !== false && view)
        throw invalidArgument('Legacy SQL is not served by the local cloud: set useLegacySql to false.')
      if (view) await createView(datasetId, tableId, view.query)
      else {
        checkFields(fields)
        const columns = fields.map((field) => `${quote(field.name)} ${duckType(field)}`)
        await engine.execute(
          `CREATE OR REPLACE TABLE ${qualified(datasetId, tableId)} (${columns.length > 0 ? columns.join(', ') : '"_" VARCHAR'})`,
        )
      }
      const made: TableResource = {
        kind: 'bigquery#table',
        id: `${projectId}:${datasetId}.${tableId}`,
        ...body,
        type: view ? 'VIEW' : 'TABLE',
        tableReference: { projectId, datasetId, tableId },
        creationTime: String(context.clock.now()),
        ...stamp(),
      }
      tableTable.set(keyOf(datasetId, tableId), made)
      return made
    },
    async patchTable(datasetId, tableId, change) {
      const before = table(datasetId, tableId)
      const fields = (change['schema'] as TableResource['schema'])?.fields
      if (fields && before.type === 'TABLE') {
        for (const sql of schemaChange(before, fields, qualified(datasetId, tableId))) await engine.execute(sql)
      }
      const view = change['view'] as TableResource['view']
      if (view) await createView(datasetId, tableId, view.query)
      const next: TableResource = {
        ...before,
        ...change,
        type: before.type,
        tableReference: before.tableReference,
        ...stamp(),
      }
      tableTable.set(keyOf(datasetId, tableId), next)
      return next
    },
    async deleteTable(datasetId, tableId) {
      const { type } = table(datasetId, tableId)
      await engine.execute(`DROP ${type} IF EXISTS ${qualified(datasetId, tableId)}`)
      tableTable.delete(keyOf(datasetId, tableId))
    },
  }
}

/** Source: https://cloud.google.com/bigquery/quotas#all_tables */
const MAX_RECORD_DEPTH = 15

function checkFields(fields: readonly FieldSchema[], depth = 0): void {
  if (depth > MAX_RECORD_DEPTH)
    throw invalidArgument(`Schema has more than ${MAX_RECORD_DEPTH} levels of nested RECORDs.`)
  const seen = new Set<string>()
  for (const field of fields) {
    const { name, type, fields: inner } = field
    checkParameters(field)
    if (!/^[A-Za-z_]\w{0,299}$/.test(name))
      throw invalidArgument(
        `Invalid field name "${name}". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most 300 characters long.`,
      )
    if (seen.has(name.toLowerCase())) throw invalidArgument(`Field ${name} already exists in schema`)
    seen.add(name.toLowerCase())
    if (inner) checkFields(inner, depth + 1)
    else if (!Object.hasOwn(scalarTypes, type.toUpperCase()))
      throw invalidArgument(`Invalid value for type: ${type} is not a valid value`)
  }
}

/** Columns may be added, not dropped or retyped. */
function schemaChange(before: TableResource, fields: readonly FieldSchema[], name: string): string[] {
  checkFields(fields)
  const known = new Map((before.schema?.fields ?? []).map((field) => [field.name.toLowerCase(), field]))
  for (const [key, field] of known) {
    const now = fields.find((one) => one.name.toLowerCase() === key)
    const { projectId, datasetId, tableId } = before.tableReference
    if (!now)
      throw invalidArgument(
        `Provided Schema does not match Table ${projectId}:${datasetId}.${tableId}. Field ${field.name} is missing in new schema`,
      )
    if (duckType(now) !== duckType(field))
      throw invalidArgument(
        `Provided Schema does not match Table ${projectId}:${datasetId}.${tableId}. Field ${field.name} has changed type from ${field.type} to ${now.type}`,
      )
  }
  return fields
    .filter((field) => !known.has(field.name.toLowerCase()))
    .map((field) => `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${quote(field.name)} ${duckType(field)}`)
}

/** A refusal as it is; DuckDB's error in BigQuery's words, as far as they are known. */
export function sqlError(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/Max expression depth limit/.test(message)) return tooComplex()
  return invalidArgument(errorText(message))
}

function errorText(message: string): string {
  const column = /Referenced column "([^"]+)" not found|Table "[^"]*" does not have a column named "([^"]+)"/.exec(
    message,
  )
  if (column) return `Unrecognized name: ${column[1] ?? column[2]}`
  return message.replace(/^(Binder|Parser|Catalog|Conversion|Invalid Input|Out of Range) Error: /, '').split('\n')[0]!
}
