/** One message as a row: the whole data in one column, or its JSON fields in columns of the same names. */
// https://cloud.google.com/pubsub/docs/bigquery#properties_subscription

import { nestsDeeper } from '../../core/json.ts'
import { invalidArgument } from '../../core/status.ts'
import type { TableField } from './config.ts'
import { limits } from '../values/limits.ts'
import type { BigQueryConfig, MessageRecord } from '../values/records.ts'

interface Target {
  readonly subscription: string
  readonly fields: readonly TableField[]
}

/** Throws INVALID_ARGUMENT when the message does not fit the table. */
export function bigqueryRow(record: MessageRecord, config: BigQueryConfig, target: Target): Record<string, unknown> {
  const metadata = config.writeMetadata
    ? {
        subscription_name: target.subscription,
        message_id: record.id,
        publish_time: new Date(record.publishMs).toISOString(),
        attributes: JSON.stringify(record.attributes),
      }
    : {}
  return {
    ...(config.useTableSchema ? columns(record, config, target.fields) : data(record, target.fields)),
    ...metadata,
  }
}

function data(record: MessageRecord, fields: readonly TableField[]): Record<string, unknown> {
  const type = fields.find(({ name }) => name.toLowerCase() === 'data')?.type.toUpperCase()
  if (type === 'BYTES') return { data: record.data }
  const text = textOf(record)
  if (type === 'JSON') parseJson(record, text)
  return { data: text }
}

function columns(
  record: MessageRecord,
  config: BigQueryConfig,
  fields: readonly TableField[],
): Record<string, unknown> {
  const value = parseJson(record, textOf(record))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(`Message ${record.id} is not a JSON object, so its fields cannot be columns.`)
  }
  const known = new Set(fields.map(({ name }) => name.toLowerCase()))
  const entries = Object.entries(value)
  const unknown = entries.find(([name]) => !known.has(name.toLowerCase()))
  if (unknown && !config.dropUnknownFields)
    throw invalidArgument(`Message ${record.id} has a field "${unknown[0]}" that the table lacks.`)
  return Object.fromEntries(entries.filter(([name]) => known.has(name.toLowerCase())))
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Other bytes would be stored as another text than was published. */
function textOf(record: MessageRecord): string {
  try {
    return utf8.decode(Buffer.from(record.data, 'base64'))
  } catch {
    throw invalidArgument(`The data of message ${record.id} is not UTF-8, which its column or schema needs.`)
  }
}

function parseJson(record: MessageRecord, text: string): unknown {
  if (nestsDeeper(text, limits.bigqueryJsonNesting))
    throw invalidArgument(`The data of message ${record.id} nests deeper than ${limits.bigqueryJsonNesting} levels.`)
  try {
    return JSON.parse(text)
  } catch {
    throw invalidArgument(`The data of message ${record.id} is not JSON, which its column or schema needs.`)
  }
}
