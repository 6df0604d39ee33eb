/** The local BigQuery with the tables of one file of GoogleSQL's suite, and its answers in the suite's form. */

import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { bigquery } from 'local-google-cloud/bigquery'
import { iam } from 'local-google-cloud/iam'
import type { Case } from './cases.testing.ts'
import {
  areEqual,
  type Field,
  itemsOf,
  NotOfBigQuery,
  ofRest,
  type Printed,
  readPrinted,
  type Type,
  type Value,
} from './values.testing.ts'

export type Verdict = 'right' | 'refused' | 'different' | 'outside'

export interface Judgement {
  readonly verdict: Verdict
  readonly says: string
}

interface Answer {
  readonly error?: { readonly code: number; readonly message: string }
  readonly jobComplete?: boolean
  readonly schema?: { readonly fields?: readonly Field[] }
  readonly rows?: readonly { readonly f: readonly { readonly v: unknown }[] }[]
  readonly numDmlAffectedRows?: string
}

interface Table {
  readonly name: string
  readonly fields: readonly Field[]
  readonly rows: readonly object[]
  /** Whether columns of types that BigQuery does not have are left out. */
  readonly isPart: boolean
}

export interface JudgedBigQuery {
  /** Judges the cases of a file; those that make tables come first. */
  judge(cases: readonly Case[], each: (one: Case, judgement: Judgement) => void): Promise<void>
  close(): Promise<void>
}

export async function startJudgedBigQuery(): Promise<JudgedBigQuery> {
  const cloud = await createLocalCloud({
    plugins: [iam, bigquery()],
    project: { id: 'p', number: '1', region: 'europe-west1' },
  })
  let datasets = 0
  return {
    async judge(cases, each) {
      const datasetId = `d${(datasets += 1)}`
      const file = new JudgedFile(cloud, datasetId)
      await file.send('POST', '/datasets', { datasetReference: { datasetId } })
      for (const one of cases) {
        if (one.options.has('prepare_database')) await file.prepare(one)
        if (one.name !== '') each(one, await file.judge(one))
      }
      await file.send('DELETE', `/datasets/${datasetId}?deleteContents=true`)
    },
    close: () => cloud.close(),
  }
}

class JudgedFile {
  readonly #cloud: LocalCloud
  readonly #datasetId: string
  readonly #tables = new Map<string, Table>()
  constructor(cloud: LocalCloud, datasetId: string) {
    this.#cloud = cloud
    this.#datasetId = datasetId
  }

  async send(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`http://${this.#cloud.ownerHost}/bigquery/v2/projects/p${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    })
    const text = await response.text()
    return (text === '' ? {} : JSON.parse(text)) as Answer
  }

  /** Makes the table from its printed rows. A statement of another kind makes nothing, so statements that need it are refused. */
  async prepare({ statement, expected }: Case): Promise<void> {
    const name = /^CREATE\s+(?:TEMP\s+)?TABLE\s+`?(\w+)`?\s+AS\b/i.exec(statement)?.[1]
    if (name === undefined) return
    try {
      const table = tableOf(name, readPrinted(expected, true))
      await this.#make(table)
      this.#tables.set(name.toLowerCase(), table)
    } catch (error) {
      if (!(error instanceof NotOfBigQuery)) throw error
    }
  }

  async #make({ name, fields, rows }: Table): Promise<void> {
    const path = `/datasets/${this.#datasetId}/tables`
    await this.send('DELETE', `${path}/${name}`)
    const made = await this.send('POST', path, { tableReference: { tableId: name }, schema: { fields } })
    if (made.error) throw new NotOfBigQuery(`${name}: ${made.error.message}`)
    if (rows.length === 0) return
    const inserted = await this.send('POST', `${path}/${name}/insertAll`, { rows: rows.map((json) => ({ json })) })
    if (inserted.error || 'insertErrors' in inserted) throw new NotOfBigQuery(`${name}: ${JSON.stringify(inserted)}`)
  }

  async judge(one: Case): Promise<Judgement> {
    const changed = this.#changedTable(one.statement)
    try {
      const answer = await this.#query(one)
      if (answer.error) return judgeRefusal(one, answer.error)
      if (answer.jobComplete === false) return { verdict: 'different', says: 'does not end' }
      if (ofTheSuite.test(one.expected)) return { verdict: 'outside', says: one.expected }
      if (one.expected.startsWith('ERROR'))
        return { verdict: 'different', says: `answers ${shownRows(answer)} for ${one.expected}` }
      const printed = readPrinted(one.expected)
      return changed ? await this.#judgeChange(changed, printed, answer) : this.#judgeRows(one, printed, answer)
    } catch (error) {
      if (error instanceof NotOfBigQuery) return { verdict: 'outside', says: error.message }
      throw error
    } finally {
      if (changed) await this.#make(changed)
    }
  }

  #changedTable(statement: string): Table | undefined {
    const name = /^\s*(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE)\s+(?:(?:INTO|FROM|TABLE)\s+)?`?(\w+)/i.exec(
      statement,
    )?.[1]
    return name === undefined ? undefined : this.#tables.get(name.toLowerCase())
  }

  async #query({ statement, options }: Case): Promise<Answer> {
    const parameters = await this.#parameters(options.get('parameters'))
    return 'error' in parameters ? parameters : this.#run(statement, parameters.queryParameters)
  }

  #run(statement: string, queryParameters: readonly object[] = []): Promise<Answer> {
    return this.send('POST', '/queries', {
      query: withFloat64(statement),
      useLegacySql: false,
      defaultDataset: { datasetId: this.#datasetId },
      timeoutMs: 60_000,
      ...(queryParameters.length > 0 ? { parameterMode: 'NAMED', queryParameters } : {}),
    })
  }

  /** Parameters are given as expressions: their values are those of a query. */
  async #parameters(
    list: string | undefined,
  ): Promise<(Pick<Answer, 'error'> & { readonly error: object }) | { readonly queryParameters: readonly object[] }> {
    if (list === undefined || list === '') return { queryParameters: [] }
    const answer = await this.#run(`SELECT ${list}`)
    if (answer.error) return { error: answer.error }
    const fields = answer.schema!.fields!
    return {
      queryParameters: fields.map((field, index) => {
        const value = answer.rows![0]!.f[index]!.v
        const type = standard[field.type] ?? field.type
        if (field.fields) throw new NotOfBigQuery('a parameter of type STRUCT')
        if (field.mode !== 'REPEATED')
          return { name: field.name, parameterType: { type }, parameterValue: { value: parameterText(field, value) } }
        const arrayValues = (value as { v: unknown }[]).map(({ v }) => ({ value: parameterText(field, v) }))
        return {
          name: field.name,
          parameterType: { type: 'ARRAY', arrayType: { type } },
          parameterValue: { arrayValues },
        }
      }),
    }
  }

  async #judgeChange(table: Table, { value }: Printed, answer: Answer): Promise<Judgement> {
    const [count, rows] = value as readonly [string, Value]
    if (table.isPart) return { verdict: 'outside', says: 'columns of other types' }
    const after = await this.#run(`SELECT * FROM ${table.name}`)
    if (answer.numDmlAffectedRows !== count)
      return { verdict: 'different', says: `changes ${answer.numDmlAffectedRows} rows, not ${count}` }
    return compared({ items: itemsOf(rows), isOrdered: false }, after)
  }

  #judgeRows({ isUndetermined, statement }: Case, { type, value }: Printed, answer: Answer): Judgement {
    const columns = type.element?.fields?.length ?? 1
    const isPart = [...this.#tables.values()].some(
      (table) => table.isPart && new RegExp(`\\b${table.name}\\b`, 'i').test(statement),
    )
    if (isPart && (columns !== answer.schema?.fields?.length || /\*|\bUSING\b/i.test(statement)))
      return { verdict: 'outside', says: 'columns of other types' }
    if (!type.element) return { verdict: 'outside', says: `a result ${type.kind}` }
    const judgement = compared(
      type.element.fields
        ? value
        : { ...(value as { items: readonly Value[]; isOrdered: boolean }), items: itemsOf(value).map((one) => [one]) },
      answer,
    )
    return isUndetermined && judgement.verdict === 'different'
      ? { verdict: 'outside', says: 'several answers' }
      : judgement
  }
}

/** Errors of what BigQuery does not have: keys of tables that it enforces, and types. */
const ofTheSuite = /^ERROR: (?:generic::unimplemented|.*primary key|.*int32 out of range)/

/** DOUBLE is FLOAT64 by another name, which BigQuery does not know. */
const withFloat64 = (statement: string): string =>
  statement.replaceAll(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|#.*$|--.*$|\bDOUBLE\b(?!_)/gims, (token) =>
    /^double$/i.test(token) ? 'FLOAT64' : token,
  )

const standard: Readonly<Record<string, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' }

function parameterText(field: Field, value: unknown): string | null {
  const found = ofRest({ ...field, mode: 'NULLABLE' }, value) as string | number | null
  return found === null ? null : withZone(field, String(found))
}

const withZone = ({ type }: Field, text: string): string => (type === 'TIMESTAMP' ? `${text}Z` : text)

function judgeRefusal({ expected }: Case, { code, message }: { code: number; message: string }): Judgement {
  if (code >= 500) return { verdict: 'different', says: `fails: ${code} ${message}` }
  return { verdict: expected.startsWith('ERROR') ? 'right' : 'refused', says: message }
}

function compared(expected: Value, answer: Answer): Judgement {
  const fields = answer.schema?.fields ?? []
  const items = (answer.rows ?? []).map(({ f }) => fields.map((field, index) => ofRest(field, f[index]!.v)))
  const found: Value = { items, isOrdered: true }
  if (areEqual(expected, found)) return { verdict: 'right', says: '' }
  return {
    verdict: 'different',
    says: `answers ${shownRows(answer)} for ${JSON.stringify(itemsOf(expected)).slice(0, 600)}`,
  }
}

const shownRows = ({ rows = [], numDmlAffectedRows }: Answer): string =>
  numDmlAffectedRows === undefined
    ? JSON.stringify(rows.map(({ f }) => f.map(({ v }) => v))).slice(0, 600)
    : `${numDmlAffectedRows} rows`

const columnTypes: Readonly<Record<string, string>> = {
  INT64: 'INTEGER',
  INT32: 'INTEGER',
  UINT32: 'INTEGER',
  DOUBLE: 'FLOAT',
  BOOL: 'BOOLEAN',
  ...Object.fromEntries(
    ['STRING', 'BYTES', 'DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'NUMERIC', 'JSON'].map((one) => [one, one]),
  ),
}

/** @throws NotOfBigQuery for a table of values without columns. */
function tableOf(name: string, { type, value }: Printed): Table {
  const columns = type.element?.fields
  if (!columns) throw new NotOfBigQuery('a table without columns')
  const rows = itemsOf(value).map(itemsOf)
  const kept = columns.flatMap(({ name: column, type: one }, index) => {
    const field = fieldOf(
      column,
      one,
      rows.map((row) => row[index]!),
    )
    return field ? [{ field, index }] : []
  })
  return {
    name,
    fields: kept.map(({ field }) => field),
    rows: rows.map((row) =>
      Object.fromEntries(kept.map(({ field, index }) => [field.name, stored(field, row[index]!)])),
    ),
    isPart: kept.length < columns.length,
  }
}

/** A time in nanoseconds. */
const isFine = /:\d\d\.\d{7,}/

/** Undefined for a column that BigQuery cannot store: of another type, without a name, an array that is NULL or has NULL. */
function fieldOf(name: string, { kind, element, fields }: Type, values: readonly Value[]): Field | undefined {
  if (!/^[a-z_]\w*$/i.test(name)) return undefined
  if (kind === 'ARRAY') {
    const one = element && !element.element && !values.includes(null) && fieldOf(name, element, values.flatMap(itemsOf))
    return one && !values.flatMap(itemsOf).includes(null) ? { ...one, mode: 'REPEATED' } : undefined
  }
  if (kind === 'STRUCT') {
    const inner = fields!.map((field, index) =>
      fieldOf(
        field.name,
        field.type,
        values.map((value) => itemsOf(value)[index] ?? null),
      ),
    )
    return inner.includes(undefined) || inner.length === 0
      ? undefined
      : { name, type: 'RECORD', fields: inner as Field[] }
  }
  const type = columnTypes[kind]
  const isStored = values.every((value) =>
    typeof value === 'number' ? Number.isFinite(value) : !(typeof value === 'string' && isFine.test(value)),
  )
  return type && (isStored || type === 'STRING') ? { name, type } : undefined
}

function stored(field: Field, value: Value): unknown {
  if (value === null) return null
  if (field.mode === 'REPEATED') return itemsOf(value).map((one) => stored({ ...field, mode: 'NULLABLE' }, one))
  if (field.fields)
    return Object.fromEntries(field.fields.map((one, index) => [one.name, stored(one, itemsOf(value)[index]!)]))
  if (field.type === 'BOOLEAN') return value === 'true'
  return typeof value === 'string' ? withZone(field, value) : value
}
