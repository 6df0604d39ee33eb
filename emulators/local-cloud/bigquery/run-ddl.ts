/** Runs statements that make and drop tables, views and datasets, by the same functions as the API. */

import { alreadyExists, invalidArgument, StatusError } from '../core/status.ts'
import type { Catalog } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import { insertOf } from './destination.ts'
import { checkListedNames, checkNeededColumns } from './listed-names.ts'
import type { Ddl } from './sql/ddl.ts'
import type { QueryParameter } from './values/requests.ts'

export interface DdlTools {
  readonly catalog: Catalog
  readonly engine: Engine
  readonly projectId: string
  readonly parameters: readonly QueryParameter[]
}

export async function runDdl(ddl: Ddl, tools: DdlTools): Promise<void> {
  const { catalog, projectId } = tools
  switch (ddl.kind) {
    case 'CREATE_SCHEMA': {
      const exists = catalog.datasets().some(({ datasetReference }) => datasetReference.datasetId === ddl.datasetId)
      if (!exists || !ddl.ifNotExists) await catalog.insertDataset({ datasetReference: { datasetId: ddl.datasetId } })
      return
    }
    case 'DROP_SCHEMA':
      return ignoring(ddl.ifExists, () => catalog.deleteDataset(ddl.datasetId, ddl.cascade))
    case 'DROP_TABLE':
    case 'DROP_VIEW': {
      const { datasetId, tableId, ifExists } = ddl
      const found = catalog.find(datasetId, tableId)
      const wanted = ddl.kind === 'DROP_VIEW' ? 'VIEW' : 'TABLE'
      if (found && found.type !== wanted)
        throw invalidArgument(`${projectId}:${datasetId}.${tableId} has type ${found.type}, not ${wanted}.`)
      return ignoring(ifExists, () => catalog.deleteTable(datasetId, tableId))
    }
    case 'CREATE_TABLE':
    case 'CREATE_TABLE_AS_SELECT':
    case 'CREATE_VIEW':
      return create(ddl, tools)
  }
}

async function ignoring(missing: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!missing || !(error instanceof StatusError) || error.code !== 'NOT_FOUND') throw error
  }
}

async function create(
  ddl: Extract<Ddl, { ifNotExists: boolean; tableId: string }>,
  { catalog, engine, projectId, parameters }: DdlTools,
): Promise<void> {
  const { datasetId, tableId, kind, query, replaces, ifNotExists } = ddl
  catalog.dataset(datasetId)
  const existing = catalog.find(datasetId, tableId)
  if (existing && ifNotExists) return
  if (existing && !replaces) throw alreadyExists(`Already Exists: Table ${projectId}:${datasetId}.${tableId}`)
  const isView = kind === 'CREATE_VIEW'
  if (existing && (existing.type === 'VIEW') !== isView)
    throw invalidArgument(`${projectId}:${datasetId}.${tableId} has type ${existing.type}: drop it first.`)
  if (isView) {
    const view = { query: query!.trimStart(), useLegacySql: false }
    try {
      if (existing) await catalog.patchTable(datasetId, tableId, { view })
      else await catalog.insertTable(datasetId, { tableReference: { tableId }, view })
    } catch (error) {
      throw inStatement(error, query!.slice(0, query!.length - view.query.length))
    }
    return
  }
  if (query === undefined && ddl.fields.length === 0)
    throw invalidArgument('CREATE TABLE requires a list of columns, or AS with a query')
  if (query === undefined) {
    const made = catalog.replacement(datasetId, { tableReference: { tableId }, schema: { fields: ddl.fields } })
    await engine.execute(made.sql)
    made.record()
    return
  }
  const translation = await engine.translate(query, projectId)
  const { sql, tables } = translation
  checkNeededColumns(translation, catalog.find)
  const { schema, firstUnnamed } = await engine.describe(sql, parameters)
  await checkListedNames(translation, engine, parameters)
  if (firstUnnamed !== undefined)
    throw invalidArgument(`CREATE TABLE columns must be named, but column ${firstUnnamed} has no name`)
  // Its own rows may be read for its replacement, so the old table must live until the new one is filled.
  if (tables.includes(`${datasetId}.${tableId}`))
    throw invalidArgument('The local cloud does not replace a table by a query that reads it: make another table.')
  const made = catalog.replacement(datasetId, { tableReference: { tableId }, schema: { fields: schema } })
  await catalog.makeViews(tables)
  await engine.query({
    sql: insertOf(datasetId, tableId, schema, sql),
    parameters,
    isSelect: true,
    before: [{ sql: made.sql }],
  })
  made.record()
}

/** A refusal of a view's text, with the place that it has in the statement. @param before what the statement has before that text. */
function inStatement(error: unknown, before: string): unknown {
  if (!(error instanceof StatusError)) return error
  const lines = before.split('\n')
  const message = error.message.replace(/\[(\d+):(\d+)\]$/, (_, line: string, column: string) => {
    const first = Number(line) === 1 ? lines.at(-1)!.length : 0
    return `[${Number(line) + lines.length - 1}:${Number(column) + first}]`
  })
  return message === error.message ? error : invalidArgument(message)
}
