/** Statements that make and drop tables, views and datasets: the simple ones are read here, the others are refused by name. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language

import { invalidArgument, type StatusError } from '../../core/status.ts'
import type { FieldSchema } from '../values/records.ts'
import { changedTable } from './from.ts'
import { isWord } from '../tokens/words.ts'
import { type Reader } from './reader.ts'

export type Ddl =
  | {
      readonly kind: 'CREATE_TABLE' | 'CREATE_TABLE_AS_SELECT' | 'CREATE_VIEW'
      readonly datasetId: string
      readonly tableId: string
      readonly replaces: boolean
      readonly ifNotExists: boolean
      readonly fields: readonly FieldSchema[]
      /** The text after AS, behind as many blanks and lines as there are before it: its places are those of the statement. */
      readonly query: string | undefined
    }
  | { readonly kind: 'CREATE_SCHEMA'; readonly datasetId: string; readonly ifNotExists: boolean }
  | {
      readonly kind: 'DROP_TABLE' | 'DROP_VIEW'
      readonly datasetId: string
      readonly tableId: string
      readonly ifExists: boolean
    }
  | { readonly kind: 'DROP_SCHEMA'; readonly datasetId: string; readonly ifExists: boolean; readonly cascade: boolean }

const refused = (what: string): StatusError =>
  invalidArgument(
    `The local cloud does not run ${what.toUpperCase()}: it runs CREATE TABLE, CREATE VIEW, CREATE SCHEMA and DROP of these; use the API for the rest`,
  )

/** Undefined for a statement that is no DDL. @param googleSql the statement's text. @throws INVALID_ARGUMENT for DDL that is not run. */
export function ddlOf(reader: Reader, googleSql: string): Ddl | undefined {
  if (reader.takeIf('CREATE')) return created(reader, googleSql)
  if (reader.takeIf('DROP')) return dropped(reader)
  if (
    isWord(
      reader.peek(),
      'ALTER',
      'GRANT',
      'REVOKE',
      'EXPORT',
      'LOAD',
      'CALL',
      'DECLARE',
      'BEGIN',
      'COMMIT',
      'ROLLBACK',
      'SET',
      'ASSERT',
      'EXECUTE',
      'UNDROP',
    )
  )
    throw refused(`${reader.take().text} ${reader.peek()?.text ?? ''}`.trim())
  return undefined
}

function created(reader: Reader, googleSql: string): Ddl {
  const replaces = reader.takeIf('OR')
  if (replaces) reader.expect('REPLACE')
  const what = reader.take().text.toUpperCase()
  if (!['TABLE', 'VIEW', 'SCHEMA'].includes(what)) throw refused(`CREATE ${what}`)
  const ifNotExists = reader.takeIf('IF')
  if (ifNotExists) {
    reader.expect('NOT')
    reader.expect('EXISTS')
  }
  if (what === 'SCHEMA') {
    const datasetId = datasetOf(reader)
    endOf(reader, 'CREATE SCHEMA')
    return { kind: 'CREATE_SCHEMA', datasetId, ifNotExists }
  }
  const path = pathOf(reader)
  const fields = what === 'TABLE' && reader.takeIf('(') ? columns(reader) : []
  const query = reader.takeIf('AS') ? textFrom(reader.peek()?.at ?? googleSql.length, googleSql) : undefined
  if (query === undefined) endOf(reader, `CREATE ${what}`)
  if (query !== undefined && fields.length > 0) throw refused('CREATE TABLE with columns and AS')
  if (what === 'VIEW' && query === undefined) throw invalidArgument('Syntax error: Expected keyword AS')
  const kind = what === 'VIEW' ? 'CREATE_VIEW' : query === undefined ? 'CREATE_TABLE' : 'CREATE_TABLE_AS_SELECT'
  return { kind, ...path, replaces, ifNotExists, fields, query }
}

const textFrom = (begin: number, googleSql: string): string =>
  googleSql.slice(0, begin).replaceAll(/\S/gu, ' ') + googleSql.slice(begin)

function dropped(reader: Reader): Ddl {
  const what = reader.take().text.toUpperCase()
  if (what !== 'TABLE' && what !== 'VIEW' && what !== 'SCHEMA') throw refused(`DROP ${what}`)
  const ifExists = reader.takeIf('IF')
  if (ifExists) reader.expect('EXISTS')
  if (what === 'SCHEMA') {
    const datasetId = datasetOf(reader)
    const cascade = reader.takeIf('CASCADE')
    if (!cascade) reader.takeIf('RESTRICT')
    endOf(reader, 'DROP SCHEMA')
    return { kind: 'DROP_SCHEMA', datasetId, ifExists, cascade }
  }
  const path = pathOf(reader)
  endOf(reader, `DROP ${what}`)
  return { kind: `DROP_${what}`, ...path, ifExists }
}

/** @throws INVALID_ARGUMENT for a clause that follows, such as PARTITION BY. */
function endOf(reader: Reader, statement: string): void {
  const next = reader.peek()
  if (next) throw refused(`${statement} … ${next.text} ${reader.peek(1)?.text ?? ''}`.trim())
}

function pathOf(reader: Reader): { datasetId: string; tableId: string } {
  changedTable(reader)
  // The statement does not read it.
  const [datasetId, tableId] = reader.tables.pop()!.split('.') as [string, string]
  return { datasetId, tableId }
}

function datasetOf(reader: Reader): string {
  const parts = [reader.take().text]
  while (reader.takeIf('.')) parts.push(reader.take().text)
  return parts.join('.').split('.').at(-1)!
}

/** `a INT64 NOT NULL, b ARRAY<STRING>)`. */
function columns(reader: Reader): FieldSchema[] {
  const fields: FieldSchema[] = []
  do {
    const name = reader.take().text
    const field = { name, ...typeOf(reader) }
    const isRequired = reader.takeIf('NOT')
    if (isRequired) reader.expect('NULL')
    if (isRequired && field.mode === 'REPEATED')
      throw invalidArgument(`NOT NULL is not allowed for ARRAY column ${name}`)
    if (!reader.is(',') && !reader.is(')')) throw refused(`CREATE TABLE … ${name} … ${reader.peek()?.text ?? ''}`)
    fields.push(isRequired ? { ...field, mode: 'REQUIRED' } : field)
  } while (reader.takeIf(',') && !reader.is(')'))
  reader.expect(')')
  return fields
}

function typeOf(reader: Reader): Omit<FieldSchema, 'name'> {
  const type = reader.take().text.toUpperCase()
  if (type === 'ARRAY') {
    reader.expect('<')
    const element = typeOf(reader)
    if (element.mode === 'REPEATED')
      throw invalidArgument('Cannot construct array with element type ARRAY because nested arrays are not supported')
    closeAngle(reader)
    return { ...element, mode: 'REPEATED' }
  }
  if (type === 'STRUCT') {
    reader.expect('<')
    const fields: FieldSchema[] = []
    do fields.push({ name: reader.take().text, ...typeOf(reader) })
    while (reader.takeIf(','))
    closeAngle(reader)
    return { type: 'RECORD', fields }
  }
  if (!reader.takeIf('(')) return { type }
  const parameters = [reader.take().text]
  if (reader.takeIf(',')) parameters.push(reader.take().text)
  reader.expect(')')
  if (type === 'STRING' || type === 'BYTES') return { type, maxLength: parameters[0]! }
  return { type, precision: parameters[0]!, ...(parameters[1] === undefined ? {} : { scale: parameters[1] }) }
}

function closeAngle(reader: Reader): void {
  if (reader.is('>>'))
    throw invalidArgument(
      'Syntax error: the local cloud reads ">>" as an operator: write "> >" at the end of nested types',
    )
  reader.expect('>')
}
