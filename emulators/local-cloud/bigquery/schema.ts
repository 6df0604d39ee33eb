/** The schemas of tables: what they may hold, and how they may change. */

import { limits, shown } from './values/limits.ts'
import { invalidArgument } from '../core/status.ts'
import { duckType, scalarTypes } from './values/duck-types.ts'
import type { FieldSchema, TableResource } from './values/records.ts'
import { noBigNumeric, typeOf } from './values/scalars.ts'
import { checkParameters } from './values/type-parameters.ts'
import { quote } from './sql/reader.ts'

/** Source: https://cloud.google.com/bigquery/quotas#all_tables */
const MAX_RECORD_DEPTH = 15
const modes = ['NULLABLE', 'REQUIRED', 'REPEATED']

/** @throws INVALID_ARGUMENT for a name, type or mode that a column can't have. */
export function checkFields(fields: readonly FieldSchema[], depth = 0): void {
  if (depth > MAX_RECORD_DEPTH)
    throw invalidArgument(`Schema has more than ${MAX_RECORD_DEPTH} levels of nested RECORDs.`)
  const seen = new Set<string>()
  for (const field of fields) {
    const { name, type, mode, fields: inner } = field
    checkParameters(field)
    if (mode !== undefined && !modes.includes(mode.toUpperCase()))
      throw invalidArgument(`Invalid value for mode: ${shown(mode)} is not a valid value`)
    if (name.length > limits.fieldNameCharacters || !/^[A-Za-z_]\w*$/.test(name))
      throw invalidArgument(
        `Invalid field name "${name}". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most ${limits.fieldNameCharacters} characters long.`,
      )
    if (seen.has(name.toLowerCase())) throw invalidArgument(`Field ${name} already exists in schema`)
    seen.add(name.toLowerCase())
    if (typeOf(type) === 'BIGNUMERIC') throw noBigNumeric()
    if (inner) checkFields(inner, depth + 1)
    else if (!Object.hasOwn(scalarTypes, type.toUpperCase()))
      throw invalidArgument(`Invalid value for type: ${type} is not a valid value`)
  }
}

/**
 * The statements that bring a table to these fields. Columns may be added, not dropped or retyped, and none becomes REQUIRED.
 * Source: https://cloud.google.com/bigquery/docs/managing-table-schemas
 * @throws INVALID_ARGUMENT
 */
export function schemaChange(before: TableResource, fields: readonly FieldSchema[], name: string): string[] {
  checkFields(fields)
  const known = new Map((before.schema?.fields ?? []).map((field) => [field.name.toLowerCase(), field]))
  const { projectId, datasetId, tableId } = before.tableReference
  const mismatch = (reason: string): Error =>
    invalidArgument(`Provided Schema does not match Table ${projectId}:${datasetId}.${tableId}. ${reason}`)
  for (const [key, field] of known) {
    const now = fields.find((one) => one.name.toLowerCase() === key)
    if (!now) throw mismatch(`Field ${field.name} is missing in new schema`)
    const changed = changedMode(field, now, field.name)
    if (changed !== undefined) throw mismatch(changed)
    if (duckType(now) !== duckType(field))
      throw mismatch(
        field.fields && now.fields
          ? `The local cloud adds, drops and retypes no fields within the RECORD ${field.name}`
          : `Field ${field.name} has changed type from ${field.type} to ${now.type}`,
      )
  }
  const added = fields.filter((field) => !known.has(field.name.toLowerCase()))
  const required = added.find((field) => modeOf(field) === 'REQUIRED')
  if (required) throw mismatch(`Cannot add required fields to an existing schema. (field: ${required.name})`)
  return added.map((field) => `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${quote(field.name)} ${duckType(field)}`)
}

const modeOf = ({ mode }: FieldSchema): string => mode?.toUpperCase() ?? 'NULLABLE'

/** The field, or one within it, whose mode may not become the new one: only REQUIRED may change, to NULLABLE. */
function changedMode(field: FieldSchema, now: FieldSchema, path: string): string | undefined {
  const [from, to] = [modeOf(field), modeOf(now)]
  if (from !== to && !(from === 'REQUIRED' && to === 'NULLABLE'))
    return `Field ${path} has changed mode from ${from} to ${to}`
  for (const inner of field.fields ?? []) {
    const found = now.fields?.find(({ name }) => name.toLowerCase() === inner.name.toLowerCase())
    const changed = found && changedMode(inner, found, `${path}.${inner.name}`)
    if (changed !== undefined) return changed
  }
  return undefined
}
