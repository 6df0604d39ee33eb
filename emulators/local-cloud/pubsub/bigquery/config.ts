/** The settings of a BigQuery subscription: their validation, and whether its table still fits. */
// https://cloud.google.com/pubsub/docs/create-bigquery-subscription#properties

import { invalidArgument, notFound, StatusError } from '../../core/status.ts'
import { checkAccountEmail } from '../values/names.ts'
import { notWritable } from '../permissions.ts'
import type { BigQueryConfig } from '../values/records.ts'
import type { PubsubState } from '../state.ts'

/** The part of the BigQuery emulator's core that subscriptions write through. */
export interface BigQueryWriter {
  /** All rows or none; NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit. */
  appendRows(table: TableReference, rows: readonly Record<string, unknown>[]): Promise<void>
  tableSchema(table: TableReference): { readonly fields: readonly TableField[] } | undefined
}

export interface TableReference {
  readonly projectId: string
  readonly datasetId: string
  readonly tableId: string
}

export interface TableField {
  readonly name: string
  readonly type: string
  readonly mode?: string
}

export type BigQueryState = 'ACTIVE' | 'NOT_FOUND' | 'PERMISSION_DENIED' | 'SCHEMA_MISMATCH'

/** Columns that metadata is written to, and the types that they may have. */
const METADATA_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  subscription_name: ['STRING'],
  message_id: ['STRING'],
  publish_time: ['TIMESTAMP'],
  attributes: ['STRING', 'JSON'],
}
const DATA_TYPES = ['BYTES', 'STRING', 'JSON']

export const bigqueryWriter = (state: PubsubState): BigQueryWriter => state.context.peer<BigQueryWriter>('bigquery')

export function bigqueryConfig(
  input: Readonly<Record<string, unknown>> | null | undefined,
  state: PubsubState,
): BigQueryConfig | null {
  if (!input?.['table']) return null
  if (input['useTopicSchema']) {
    throw new StatusError(
      'UNIMPLEMENTED',
      'The field use_topic_schema in bigquery_config is not emulated: set use_table_schema, which needs JSON in the columns of the table.',
    )
  }
  const config: BigQueryConfig = {
    table: String(input['table']),
    useTableSchema: Boolean(input['useTableSchema']),
    writeMetadata: Boolean(input['writeMetadata']),
    dropUnknownFields: Boolean(input['dropUnknownFields']),
    serviceAccountEmail: String(input['serviceAccountEmail'] ?? ''),
  }
  if (config.serviceAccountEmail) checkAccountEmail(config.serviceAccountEmail, 'bigquery_config')
  const table = tableReference(config.table)
  const fields = bigqueryWriter(state).tableSchema(table)?.fields
  if (!fields) throw notFound(`The BigQuery table does not exist (table=${config.table}). Create it first.`)
  const denied = notWritable(state.context, table, config.serviceAccountEmail)
  if (denied) throw new StatusError('PERMISSION_DENIED', denied)
  const mismatch = schemaMismatch(config, fields)
  if (mismatch) throw invalidArgument(`Incompatible schema for the BigQuery table ${config.table}: ${mismatch}`)
  return config
}

export function bigqueryMessage(config: BigQueryConfig, state: PubsubState): BigQueryConfig & { state: BigQueryState } {
  return { ...config, state: bigqueryState(config, state) }
}

export function bigqueryState(config: BigQueryConfig, state: PubsubState): BigQueryState {
  const table = tableReference(config.table)
  const fields = bigqueryWriter(state).tableSchema(table)?.fields
  if (!fields) return 'NOT_FOUND'
  if (notWritable(state.context, table, config.serviceAccountEmail)) return 'PERMISSION_DENIED'
  return schemaMismatch(config, fields) ? 'SCHEMA_MISMATCH' : 'ACTIVE'
}

/** `p.d.t` and `p:d.t`; a project id may itself contain a colon (`example.com:p`). */
export function tableReference(table: string): TableReference {
  const match = /^(.+)[.:]([A-Za-z0-9_]+)\.([^.:]+)$/.exec(table)
  if (!match) throw invalidArgument(`Invalid BigQuery table "${table}": name it as project.dataset.table.`)
  return { projectId: match[1]!, datasetId: match[2]!, tableId: match[3]! }
}

/** Why the table can't take the rows; undefined when it can. */
function schemaMismatch(config: BigQueryConfig, fields: readonly TableField[]): string | undefined {
  const types = new Map(fields.map((field) => [field.name.toLowerCase(), field.type.toUpperCase()]))
  const wanted: [string, readonly string[]][] = [
    ...(config.useTableSchema ? [] : [['data', DATA_TYPES] as [string, readonly string[]]]),
    ...(config.writeMetadata ? Object.entries(METADATA_COLUMNS) : []),
  ]
  for (const [column, allowed] of wanted) {
    const type = types.get(column)
    if (type === undefined) return `it has no column "${column}".`
    if (!allowed.includes(type)) return `its column "${column}" is ${type}, but must be ${allowed.join(' or ')}.`
  }
  const written = new Set(wanted.map(([column]) => column))
  const required = fields.find(({ name, mode }) => mode === 'REQUIRED' && !written.has(name.toLowerCase()))
  if (required && !config.useTableSchema) return `its column "${required.name}" is REQUIRED, but is not written.`
  return undefined
}
