/** The schemas of tables: what they may hold, and how they may change. */

import { limits } from './values/limits.ts'
import { invalidArgument } from '../core/status.ts'
import { duckType, scalarTypes } from './values/duck-types.ts'
import type { FieldSchema, TableResource } from './values/records.ts'
import { checkParameters } from './values/type-parameters.ts'
import { quote } from './sql/reader.ts'

/** Source: https://cloud.google.com/bigquery/quotas#all_tables */
const MAX_RECORD_DEPTH = 15

/** @throws INVALID_ARGUMENT for a name or type that a column can't have. */
export function checkFields(fields: readonly FieldSchema[], depth = 0): void {
  if (depth > MAX_RECORD_DEPTH)
    throw invalidArgument(`Schema has more than ${MAX_RECORD_DEPTH} levels of nested RECORDs.`)
  const seen = new Set<string>()
  for (const field of fields) {
    const { name, type, fields: inner } = field
    checkParameters(field)
    if (name.length > limits.fieldNameCharacters || !/^[A-Za-z_]\w*$/.test(name))
      throw invalidArgument(
        `Invalid field name "${name}". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most ${limits.fieldNameCharacters} characters long.`,
      )
    if (seen.has(name.toLowerCase())) throw invalidArgument(`Field ${name} already exists in schema`)
    seen.add(name.toLowerCase())
    if (inner) checkFields(inner, depth + 1)
    else if (!Object.hasOwn(scalarTypes, type.toUpperCase()))
      throw invalidArgument(`Invalid value for type: ${type} is not a valid value`)
  }
}

/** The statements that bring a table to these fields. Columns may be added, not dropped or retyped. @throws INVALID_ARGUMENT */
export function schemaChange(before: TableResource, fields: readonly FieldSchema[], name: string): string[] {
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
