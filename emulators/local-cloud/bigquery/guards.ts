/** The rules that a changed table must keep, as one query that finds the first row that breaks one. DuckDB knows none of them. */

import type { Step } from './engine/engine-work.ts'
import { quote, text } from './sql/reader.ts'
import type { FieldSchema } from './values/records.ts'
import { typeOf } from './values/scalars.ts'
import { parameterOf, typeName } from './values/type-parameters.ts'

interface Rule {
  /** True for a value that breaks it. */
  readonly broken: string
  /** The message, as SQL. */
  readonly message: string
}

/** Undefined for a table whose columns take every value of their types. @param table its quoted name. */
export function guardOf(table: string, fields: readonly FieldSchema[]): Step | undefined {
  const rules = fields.flatMap((field) => rulesOf(field, quote(field.name), field.name, 0))
  if (rules.length === 0) return undefined
  const cases = rules.map(({ broken, message }) => `WHEN ${broken} THEN ${message}`)
  const where = rules.map(({ broken }) => broken).join(' OR ')
  return { sql: `SELECT CASE ${cases.join(' ')} END FROM ${table} WHERE ${where} LIMIT 1`, refuses: true }
}

function rulesOf(field: FieldSchema, value: string, path: string, depth: number): Rule[] {
  const mode = field.mode?.toUpperCase()
  if (mode === 'REPEATED') {
    const element = `element_${depth}`
    const inside = valueRules(field, element, path, depth + 1).map(({ broken, message }) => ({
      broken: `len(list_filter(${value}, lambda ${element}: coalesce(${broken}, FALSE))) > 0`,
      // A message may not speak of an element.
      message: message.includes(element) ? text(`A value does not fit in field ${path}: ${typeName(field)}`) : message,
    }))
    const withNull = {
      broken: `len(${value}) <> list_count(${value})`,
      message: text(`Array cannot have a null element; error in writing field ${path}`),
    }
    return [withNull, ...inside]
  }
  const missing = { broken: `${value} IS NULL`, message: text(`Required field ${path} cannot be null`) }
  return [...(mode === 'REQUIRED' ? [missing] : []), ...valueRules(field, value, path, depth)]
}

/** The least and the greatest value of the types that have more in DuckDB. */
const ranges: Readonly<Record<string, string>> = {
  DATE: `DATE '0001-01-01' AND DATE '9999-12-31'`,
  DATETIME: `TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'`,
  TIMESTAMP: `TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'`,
}

function valueRules(field: FieldSchema, value: string, path: string, depth: number): Rule[] {
  if (field.fields)
    return field.fields.flatMap((inner) => {
      const rules = rulesOf(inner, `${value}.${quote(inner.name)}`, `${path}.${inner.name}`, depth)
      // A record that is NULL has no fields, so none is missing.
      return rules.map((rule) => ({ ...rule, broken: `(${value} IS NOT NULL AND ${rule.broken})` }))
    })
  const type = typeOf(field.type)
  const { maxLength } = parameterOf(field)
  if (maxLength !== undefined) {
    const length = type === 'BYTES' ? `octet_length(${value})` : `length(${value})`
    const before = `${typeName(field)} has maximum length ${maxLength} but got a value with length `
    return [
      { broken: `${length} > ${maxLength}`, message: `${text(before)} || ${length} || ${text(` in field ${path}`)}` },
    ]
  }
  const range = ranges[type]
  if (range === undefined) return []
  return [
    {
      broken: `${value} NOT BETWEEN ${range}`,
      message: text(`${type} value is out of allowed range in field ${path}: from 0001-01-01 to 9999-12-31`),
    },
  ]
}
