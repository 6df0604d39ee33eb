/** Datasets, tables and views: their declarations, and the schemas, tables and views of DuckDB that follow from them. */

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound, StatusError } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import { checkListedNames, checkNeededColumns } from './listed-names.ts'
import { checkPartitioning, checkSamePartitioning } from './partitioning.ts'
import { patched, replaced } from './resource-change.ts'
import { checkFields, schemaChange } from './schema.ts'
import { duckType } from './values/duck-types.ts'
import { asQueryError } from './values/errors.ts'
import type { DatasetResource, FieldSchema, TableResource } from './values/records.ts'
import { sqlError } from './sql/engine-errors.ts'
import { limits } from './values/limits.ts'
import { qualified, quote } from './sql/reader.ts'
import type { Read } from './sql/reads.ts'
import { makeViewChecks, type ViewChecks } from './view-checks.ts'

export interface TableReference {
  readonly projectId: string
  readonly datasetId: string
  readonly tableId: string
}

export interface Catalog extends Pick<ViewChecks, 'makeViews' | 'namedBy' | 'tablesBehind'> {
  /** The tables and views, `dataset.table`, that were created and are not in the engine's database. */
  missing(): Promise<string[]>
  insertDataset(body: Record<string, unknown>): Promise<DatasetResource>
  dataset(datasetId: string): DatasetResource
  datasets(): DatasetResource[]
  patchDataset(datasetId: string, change: Record<string, unknown>): DatasetResource
  /** Removes the options that the body lacks. */
  replaceDataset(datasetId: string, body: Record<string, unknown>): DatasetResource
  deleteDataset(datasetId: string, deleteContents: boolean): Promise<void>
  insertTable(datasetId: string, body: Record<string, unknown>): Promise<TableResource>
  /** A table without rows, also in the place of another: the engine's statement that makes it, and what records it then. */
  replacement(datasetId: string, body: Record<string, unknown>): { readonly sql: string; record(): TableResource }
  countRows(datasetId: string, tableId: string): Promise<number>
  table(datasetId: string, tableId: string): TableResource
  find(datasetId: string, tableId: string): TableResource | undefined
  tables(datasetId: string): TableResource[]
  patchTable(datasetId: string, tableId: string, change: Record<string, unknown>): Promise<TableResource>
  /** Removes the options that the body lacks; columns stay. */
  replaceTable(datasetId: string, tableId: string, body: Record<string, unknown>): Promise<TableResource>
  deleteTable(datasetId: string, tableId: string): Promise<void>
  /** The names in a view with the filters of each, once for each place where it is read. */
  readBy(datasetId: string, tableId: string): Promise<readonly Read[] | undefined>
}

/** In the engine these names would be ambiguous, or are its own. */
const reservedIds = new Set(['bigquery', 'information_schema', 'main', 'memory', 'pg_catalog', 'system', 'temp'])
const idRule = new RegExp(`^[A-Za-z0-9_]{1,${limits.idCharacters}}$`)

/** `_field_1` is the name that a field without a name has in a result. */
const hasUnnamedField = ({ fields = [] }: FieldSchema): boolean =>
  fields.some((field) => /^_field_\d+$/.test(field.name) || hasUnnamedField(field))

export function makeCatalog(
  context: CloudContext,
  engine: Pick<Engine, 'translate' | 'execute' | 'query' | 'describe'>,
): Catalog {
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
  /** A table whose time is over is as good as deleted. */
  const isExpired = ({ expirationTime = '0' }: TableResource): boolean =>
    expirationTime !== '0' && Number(expirationTime) <= context.clock.now()
  const find = (datasetId: string, tableId: string): TableResource | undefined => {
    const found = tableTable.get(keyOf(datasetId, tableId))
    return found && !isExpired(found) ? found : undefined
  }
  const table = (datasetId: string, tableId: string): TableResource => {
    const { location } = dataset(datasetId)
    const found = find(datasetId, tableId)
    if (!found)
      throw notFound(`Not found: Table ${projectId}:${datasetId}.${tableId} was not found in location ${location}`)
    return found
  }
  const tables = (datasetId: string): TableResource[] =>
    [...tableTable.values()].filter((one) => one.tableReference.datasetId === datasetId && !isExpired(one))
  const { translationOf, namedBy, tablesBehind, declareView, makeViews, checked } = makeViewChecks(engine, {
    projectId,
    find,
    table,
    recorded: (name) => tableTable.get(name),
  })

  /** @returns what records the view with its columns. */
  const createView = async (
    datasetId: string,
    tableId: string,
    query: string,
  ): Promise<(recorded: (fields: FieldSchema[]) => TableResource) => TableResource> => {
    try {
      const translation = await engine.translate(query, projectId)
      const { sql, tables: read, verb } = translation
      if (verb !== 'SELECT' && verb !== 'WITH') throw invalidArgument(`A view's query must be a SELECT, not ${verb}.`)
      await tablesBehind(read)
      checkNeededColumns(translation, find)
      await checkListedNames(translation, engine, [])
      const columns = await engine.describe(sql, [])
      const { schema, firstUnnamed } = columns
      if (firstUnnamed !== undefined)
        throw invalidArgument(`CREATE VIEW columns must be named, but column ${firstUnnamed} has no name`)
      if (schema.some(hasUnnamedField))
        throw invalidArgument(
          'The local cloud makes no view with a STRUCT whose fields have no names: write STRUCT(1 AS a).',
        )
      await declareView(datasetId, tableId, columns)
      return (recorded) => {
        const resource = recorded([...schema])
        checked(resource, read)
        return resource
      }
    } catch (error) {
      throw asQueryError(sqlError(error, query))
    }
  }
  const expirationOf = (datasetId: string, body: Record<string, unknown>): { expirationTime?: string } => {
    const { defaultTableExpirationMs = 0 } = dataset(datasetId)
    if (body['expirationTime'] !== undefined || Number(defaultTableExpirationMs) === 0) return {}
    return { expirationTime: String(context.clock.now() + Number(defaultTableExpirationMs)) }
  }
  const checkExpiration = ({ expirationTime }: Record<string, unknown>): void => {
    if (expirationTime === undefined || expirationTime === null || Number(expirationTime) === 0) return
    if (!(Number(expirationTime) > context.clock.now()))
      throw invalidArgument(`Invalid value for expirationTime: ${String(expirationTime)} is not in the future.`)
  }
  /** The address at Google: Terraform's provider parses it, and does not call it. */
  const selfLink = (datasetId: string): string =>
    `https://bigquery.googleapis.com/bigquery/v2/projects/${projectId}/datasets/${datasetId}`
  const record = (datasetId: string, body: Record<string, unknown>): TableResource => {
    const { tableId } = body['tableReference'] as { tableId: string }
    const made: TableResource = {
      kind: 'bigquery#table',
      id: `${projectId}:${datasetId}.${tableId}`,
      selfLink: `${selfLink(datasetId)}/tables/${tableId}`,
      ...body,
      ...expirationOf(datasetId, body),
      type: body['view'] ? 'VIEW' : 'TABLE',
      tableReference: { projectId, datasetId, tableId },
      creationTime: String(context.clock.now()),
      ...stamp(),
    }
    tableTable.set(keyOf(datasetId, tableId), made)
    return made
  }
  const replacement: Catalog['replacement'] = (datasetId, body) => {
    const { tableId = '' } = (body['tableReference'] ?? {}) as { tableId?: string }
    if (!idRule.test(tableId)) throw invalidArgument(`Invalid table ID "${tableId}".`)
    checkExpiration(body)
    const fields = (body['schema'] as TableResource['schema'])?.fields ?? []
    checkFields(fields)
    checkPartitioning(fields, body)
    const columns = fields.map((field) => `${quote(field.name)} ${duckType(field)}`)
    return {
      sql: `CREATE OR REPLACE TABLE ${qualified(datasetId, tableId)} (${columns.length > 0 ? columns.join(', ') : '"_" VARCHAR'})`,
      record: () => record(datasetId, body),
    }
  }
  const changeDataset = (datasetId: string, change: Record<string, unknown>, how: typeof patched): DatasetResource => {
    const before = dataset(datasetId)
    if (change['location'] !== undefined && change['location'] !== before.location)
      throw invalidArgument('Dataset location can not be changed.')
    const next = { ...how(before, change), ...stamp() }
    datasetTable.set(datasetId, next)
    return next
  }
  const changeTable = async (
    datasetId: string,
    tableId: string,
    change: Record<string, unknown>,
    how: typeof patched,
  ): Promise<TableResource> => {
    const before = table(datasetId, tableId)
    const next = how(before, change)
    checkExpiration(change)
    if (before.type === 'TABLE') {
      const fields = next.schema?.fields ?? []
      const statements = change['schema'] ? schemaChange(before, fields, qualified(datasetId, tableId)) : []
      checkSamePartitioning(before, next)
      checkPartitioning(fields, next)
      for (const sql of statements) await engine.execute(sql)
    }
    const view = change['view'] as TableResource['view']
    const recorded = (seen: Partial<TableResource>): TableResource => {
      const changed: TableResource = { ...next, ...seen, ...stamp() }
      tableTable.set(keyOf(datasetId, tableId), changed)
      return changed
    }
    if (!view) return recorded({})
    return (await createView(datasetId, tableId, view.query))((fields) => recorded({ schema: { fields } }))
  }

  return {
    async missing() {
      if (tableTable.size === 0) return []
      const sql = 'SELECT table_schema, table_name FROM information_schema.tables'
      const { rows } = await engine.query({ sql, parameters: [], isSelect: true })
      const there = new Set(rows.map(({ f }) => f.map(({ v }) => String(v)).join('.')))
      return [...tableTable.keys()].filter((key) => !there.has(key))
    },
    dataset,
    table,
    find,
    tables,
    replacement,
    async countRows(datasetId, tableId) {
      const sql = `SELECT COUNT(*) FROM ${qualified(datasetId, tableId)}`
      const { rows } = await engine.query({ sql, parameters: [], isSelect: true })
      return Number(rows[0]!.f[0]!.v)
    },
    tablesBehind,
    makeViews,
    namedBy,
    readBy: async (datasetId, tableId) => (await translationOf(datasetId, tableId))?.reads,
    datasets: () => [...datasetTable.values()],
    async insertDataset(body) {
      const { datasetId = '' } = (body['datasetReference'] ?? {}) as { datasetId?: string }
      if (!idRule.test(datasetId))
        throw invalidArgument(
          `Invalid dataset ID "${datasetId}". Dataset IDs must be alphanumeric (plus underscores) and must be at most ${limits.idCharacters} characters long.`,
        )
      if (reservedIds.has(datasetId.toLowerCase()))
        throw invalidArgument(`A dataset can not be named "${datasetId}" in the local cloud: choose another name.`)
      if (datasetTable.has(datasetId)) throw alreadyExists(`Already Exists: Dataset ${projectId}:${datasetId}`)
      const made: DatasetResource = {
        kind: 'bigquery#dataset',
        id: `${projectId}:${datasetId}`,
        selfLink: selfLink(datasetId),
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
    patchDataset: (datasetId, change) => changeDataset(datasetId, change, patched),
    replaceDataset: (datasetId, body) => changeDataset(datasetId, body, replaced),
    async deleteDataset(datasetId, deleteContents) {
      dataset(datasetId)
      const inside = tables(datasetId)
      if (inside.length > 0 && !deleteContents)
        throw new StatusError('FAILED_PRECONDITION', `Dataset ${projectId}:${datasetId} is still in use`)
      for (const { tableReference } of inside) tableTable.delete(keyOf(datasetId, tableReference.tableId))
      datasetTable.delete(datasetId)
      // Last: a kill in between leaves a table that a later one replaces, and none that was created and is missing.
      await engine.execute(`DROP SCHEMA IF EXISTS ${quote(datasetId)} CASCADE`)
    },
    async insertTable(datasetId, body) {
      dataset(datasetId)
      const { tableId = '' } = (body['tableReference'] ?? {}) as { tableId?: string }
      if (!idRule.test(tableId)) throw invalidArgument(`Invalid table ID "${tableId}".`)
      if (find(datasetId, tableId)) throw alreadyExists(`Already Exists: Table ${projectId}:${datasetId}.${tableId}`)
      const view = body['view'] as TableResource['view']
      if (view && view.useLegacySql !== false)
        throw invalidArgument('Legacy SQL is not served by the local cloud: set useLegacySql to false.')
      if (view) {
        const made = await createView(datasetId, tableId, view.query)
        return made((fields) => record(datasetId, { ...body, schema: { fields } }))
      }
      const made = replacement(datasetId, body)
      await engine.execute(made.sql)
      return made.record()
    },
    patchTable: (datasetId, tableId, change) => changeTable(datasetId, tableId, change, patched),
    replaceTable(datasetId, tableId, body) {
      const { type, schema } = table(datasetId, tableId)
      if (type === 'VIEW' && !body['view']) throw invalidArgument('Required parameter is missing: view')
      const whole = type === 'VIEW' || !schema ? body : { schema: { fields: [] }, ...body }
      return changeTable(datasetId, tableId, whole, replaced)
    },
    async deleteTable(datasetId, tableId) {
      const { type } = table(datasetId, tableId)
      tableTable.delete(keyOf(datasetId, tableId))
      await engine.execute(`DROP ${type} IF EXISTS ${qualified(datasetId, tableId)}`)
    },
  }
}
