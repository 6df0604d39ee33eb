/** Runs one query: its options, its statement, and the table that its rows are written to. */

import type { CloudContext } from '../core/plugin.ts'
import { invalidArgument } from '../core/status.ts'
import type { Catalog } from './catalog.ts'
import { checkWritten } from './coercion.ts'
import { makeDestinations } from './destination.ts'
import { checkListedNames, checkNeededColumns } from './listed-names.ts'
import { checkFilters } from './required-filters.ts'
import { runDdl } from './run-ddl.ts'
import type { Engine } from './engine/engine.ts'
import type { Query, QueryResult } from './engine/engine-work.ts'
import { guardOf } from './guards.ts'
import { sqlError } from './sql/engine-errors.ts'
import { quote } from './sql/reader.ts'
import type { Translation } from './sql/translate.ts'
import type { JobConfiguration, QueryConfiguration } from './values/configuration.ts'
import { asQueryError, bigqueryError } from './values/errors.ts'
import { limits } from './values/limits.ts'
import type { FieldSchema } from './values/records.ts'
import type { QueryParameter } from './values/requests.ts'
import { makeTurns } from './turns.ts'
import type { Row } from './values/rows.ts'

export interface Outcome {
  readonly statementType: string
  readonly schema: readonly FieldSchema[]
  readonly rows: readonly Row[]
  /** The approximate size of the rows as JSON. */
  readonly resultBytes: number
  /** The number of changed rows, of a statement that changes rows. */
  readonly changed: number | undefined
  readonly bytes: number
}

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

/** Statements that BigQuery runs two at a time on a table, and queues otherwise; inserts have a limit of their own. */
const mutating: ReadonlySet<string> = new Set(['UPDATE', 'DELETE', 'MERGE'])

export function makeRunQuery(
  context: CloudContext,
  engine: Engine,
  catalog: Catalog,
): (configuration: JobConfiguration) => Promise<Outcome> {
  const writeTo = makeDestinations(context, catalog)
  const inTurn = makeTurns(limits.queuedChanges)

  const run = async ({ query, dryRun = false, jobTimeoutMs }: JobConfiguration): Promise<Outcome> => {
    checkSettings(query, context.project.id)
    const translation = await engine.translate(query.query, context.project.id, query.defaultDataset?.datasetId)
    const { ddl } = translation
    const statementType = ddl?.kind ?? statementOf(translation)
    // Each table that is read, also through views; a query of none is free.
    const bytes = (await catalog.tablesBehind(translation.tables)).length * MIN_BYTES_PER_TABLE
    // A view may be made without: queries of it bring their filters.
    if (ddl?.kind !== 'CREATE_VIEW') await checkFilters(translation.reads, catalog)
    checkBytes(bytes, query.maximumBytesBilled)
    const parameters = query.queryParameters ?? []
    const isSelect = statementType === 'SELECT'
    if (ddl) {
      const made = 'tableId' in ddl ? `${ddl.datasetId}.${ddl.tableId}` : ddl.datasetId
      if (query.destinationTable) throw invalidArgument('Cannot set destination table in jobs with DDL statements')
      if (query.defaultDataset && 'query' in ddl && ddl.query !== undefined)
        throw invalidArgument(
          'The local cloud does not take defaultDataset with CREATE … AS: name the dataset of each table.',
        )
      if (!dryRun) await inTurn(made, () => runDdl(ddl, { catalog, engine, projectId: context.project.id, parameters }))
      return { statementType, schema: [], rows: [], resultBytes: 0, changed: undefined, bytes }
    }
    checkNeededColumns(translation, catalog.find)
    await checkListedNames(translation, engine, parameters)
    await checkTypes(translation, parameters)
    const { schema } = await engine.describe(translation.sql, parameters)
    if (translation.conditions !== undefined)
      await engine.describe(translation.conditions, parameters, { isNamed: false })
    const nothing = {
      statementType,
      schema: isSelect ? schema : [],
      rows: [],
      resultBytes: 0,
      changed: isSelect ? undefined : 0,
      bytes,
    }
    if (query.destinationTable && !isSelect)
      throw bigqueryError('invalid', 'Cannot set destination table in jobs with DML statements', {
        location: 'configuration.query.destinationTable',
      })
    const work: Omit<Query, 'timeoutMs'> = {
      sql: translation.sql,
      parameters,
      isSelect,
      ...(jobTimeoutMs === undefined ? {} : { timeoutMs: jobTimeoutMs }),
    }
    const { destinationTable } = query
    const written = destinationTable
      ? `${destinationTable.datasetId}.${destinationTable.tableId}`
      : translation.tables[0]
    if (!dryRun) await catalog.makeViews(translation.tables)
    const turn = async (): Promise<QueryResult | undefined> => {
      if (!isSelect) return dryRun ? undefined : engine.query({ ...work, ...guardsOf(translation) })
      const destination = destinationTable && (await writeTo(query, translation.sql, schema))
      if (dryRun) return undefined
      const rows = await engine.query({ ...work, ...destination?.work })
      destination?.written()
      return rows
    }
    const result = await inTurn(isSelect && !destinationTable ? undefined : written, turn, mutating.has(statementType))
    if (!result) return nothing
    context.count('bigquery.queries')
    context.count('bigquery.bytesQueried', bytes)
    return {
      ...nothing,
      ...result,
      schema: isSelect ? result.schema : [],
      changed: isSelect ? undefined : result.changed,
      resultBytes: result.bytes,
      bytes,
    }
  }

  const fieldsOf = (table: string): readonly FieldSchema[] => {
    const [datasetId, tableId] = table.split('.') as [string, string]
    return catalog.table(datasetId, tableId).schema?.fields ?? []
  }
  /** @throws INVALID_ARGUMENT for written values of another type than their columns. */
  const checkTypes = async (
    { verb, written = [], tables }: Translation,
    parameters: readonly QueryParameter[],
  ): Promise<void> => {
    for (const one of written) {
      const { columns: names, sql } = one
      const fields = fieldsOf(tables[0]!)
      const columns = names?.map((name) => {
        const field = fields.find((one) => one.name.toLowerCase() === name.toLowerCase())
        if (!field && verb === 'INSERT') throw invalidArgument(`Column ${name} is not present in table ${tables[0]}`)
        return field
      })
      // The engine knows best where a name is that is not there.
      if (columns?.includes(undefined)) return
      const { schema } = await engine.describe(sql, parameters, { isNamed: false })
      checkWritten(schema, (columns as FieldSchema[] | undefined) ?? fields, one)
    }
  }
  const guardsOf = ({ tables, matchedTwice }: Translation): Pick<Query, 'before' | 'after'> => {
    const [datasetId, tableId] = tables[0]!.split('.') as [string, string]
    const guard = guardOf(`${quote(datasetId)}.${quote(tableId)}`, fieldsOf(tables[0]!))
    return {
      before: matchedTwice === undefined ? [] : [{ sql: matchedTwice, refuses: true }],
      after: guard ? [guard] : [],
    }
  }

  return async (configuration) => {
    try {
      return await run(configuration)
    } catch (error) {
      throw asQueryError(sqlError(error, configuration.query.query))
    }
  }
}

function statementOf({ verb, hasWhere }: Translation): string {
  const statementType = statements[verb]
  if (!statementType)
    throw invalidArgument(
      `The local cloud runs SELECT, INSERT, UPDATE, DELETE, MERGE and TRUNCATE, not ${verb}: make tables and views through the API.`,
    )
  if ((verb === 'UPDATE' || verb === 'DELETE') && !hasWhere) throw invalidArgument(`${verb} must have a WHERE clause`)
  return statementType
}

function checkBytes(bytes: number, limit: number | undefined): void {
  if (limit === undefined || limit === 0 || bytes <= limit) return
  throw bigqueryError(
    'bytesBilledLimitExceeded',
    `Query exceeded limit for bytes billed: ${limit}. ${bytes} or higher required.`,
  )
}

/** Properties that ask for what every query here has. */
const propertiesServed: Readonly<Record<string, (value: string, projectId: string) => boolean>> = {
  time_zone: (value) => /^(UTC|Etc\/UTC|\+00:00)$/i.test(value),
  dataset_project_id: (value, projectId) => value === projectId,
  query_label: () => true,
}

/** @throws INVALID_ARGUMENT for an option whose value is not served. */
function checkSettings(query: QueryConfiguration, projectId: string): void {
  // Without the field a query is in legacy SQL at Google, unless its first line says otherwise.
  // https://cloud.google.com/bigquery/docs/introduction-sql#changing_from_the_default_dialect
  if (query.useLegacySql ?? !/^\s*#standardSQL\b/i.test(query.query))
    throw invalidArgument('Legacy SQL is not served by the local cloud: set useLegacySql to false.')
  const { queryParameters = [], defaultDataset, connectionProperties = [] } = query
  const parameterMode = query.parameterMode?.toUpperCase()
  const named = queryParameters.filter(({ name }) => name).length
  const isMixed = named > 0 && named < queryParameters.length
  if (
    isMixed ||
    (parameterMode === 'NAMED' && named === 0 && queryParameters.length > 0) ||
    (parameterMode === 'POSITIONAL' && named > 0)
  )
    throw bigqueryError(
      'invalid',
      `Query parameters must be all named or all positional, as parameterMode ${parameterMode ?? ''} says.`,
      { location: 'queryParameters' },
    )
  if (parameterMode !== undefined && parameterMode !== '' && !['NAMED', 'POSITIONAL'].includes(parameterMode))
    throw bigqueryError('invalid', `Invalid value for parameterMode: ${parameterMode} is not a valid value`, {
      location: 'parameterMode',
    })
  if (defaultDataset?.projectId && defaultDataset.projectId !== projectId)
    throw invalidArgument(
      `Access Denied: Project ${defaultDataset.projectId}: the local cloud is the project ${projectId}.`,
    )
  for (const { key, value } of connectionProperties) {
    const isServed = Object.hasOwn(propertiesServed, key) && propertiesServed[key]!(value, projectId)
    if (!isServed)
      throw bigqueryError('invalid', `The local cloud does not serve the connection property ${key} = ${value}.`, {
        location: 'connectionProperties',
      })
  }
}
