/**
 * Names that GoogleSQL does not find and the engine would: a subquery in FROM sees no table beside it, a name that two columns of a
 * subquery have is ambiguous, and ORDER BY after a set operation sees the columns of the first query.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_aliases
 */

import { invalidArgument } from '../../../core/status.ts'
import { shown } from '../../values/limits.ts'
import { place, type Token } from '../../tokens/tokens.ts'
import { expressionsIn, expressionsOver, subqueryIn } from './children.ts'
import { nameOf } from './from.ts'
import type { Body, Column, Expression, Query, Select, Source, Statement } from './tree.ts'

/** A name that is found if one of these tables, `dataset.table`, has such a column. */
export interface NeededColumn {
  readonly name: string
  readonly tables: readonly string[]
  /** Or one of these, at any depth: it may be a field of an element. */
  readonly deep: readonly string[]
  /** The refusal otherwise. */
  readonly message: string
}

/** A column by its name, or those of a table, `dataset.table`, but these. */
export type Part = { readonly name: string } | { readonly table: string; readonly excepted: readonly string[] }

/** Columns of which no two may have one name: the engine numbers the second one within a query. */
export interface DistinctColumns {
  readonly parts: readonly Part[]
  /** In lower case: only this name. */
  readonly name?: string
  /** The refusal; without a name, the one that is there twice follows. */
  readonly message: string
}

/** The columns of a table or query, as far as they are known. */
interface Columns {
  /** In lower case. */
  readonly names: ReadonlySet<string>
  /** Names of several columns. */
  readonly repeated: ReadonlySet<string>
  /** All columns of these tables, too. */
  readonly tables: readonly string[]
  /** Fields of these tables, at any depth. */
  readonly deep: readonly string[]
  /** In their order, as far as they are known. */
  readonly parts: readonly Part[]
  /** Whether there may be others: the fields of an element are columns. */
  readonly isOpen: boolean
}

interface Scope {
  readonly sources: {
    readonly alias: string | undefined
    readonly columns: Columns
    /** In lower case: the columns of USING, which are those of the tables before it. */
    readonly using: readonly string[]
  }[]
  readonly outer: Scope | undefined
  /** Subqueries of WITH. */
  readonly named: ReadonlyMap<string, Columns>
  /** Whether the engine sees further tables, which are beside a subquery of FROM. */
  readonly isStrict: boolean
}

const columnsOf = (names: Iterable<string>, more: Partial<Columns> = {}): Columns => ({
  names: new Set(names),
  repeated: new Set(),
  tables: [],
  deep: [],
  parts: [],
  isOpen: false,
  ...more,
})

/** Functions that are called without parentheses. */
const calls = new Set(['current_date', 'current_datetime', 'current_time', 'current_timestamp'])

/** @throws INVALID_ARGUMENT for a name that no table can have. @returns those that depend on the tables' columns. */
export function namesIn(
  statement: Statement,
  text: string,
  defaultDataset: string | undefined,
): { readonly needed: readonly NeededColumn[]; readonly distinct: readonly DistinctColumns[] } {
  const needed = new Map<string, NeededColumn>()
  const distinct: DistinctColumns[] = []
  const at = (token: Token): string => ` at ${place(text, token.at ?? text.length)}`

  const tableColumns = (path: readonly Token[]): Columns => {
    const parts = path.flatMap((token) => token.text.split('.'))
    const [table, dataset = defaultDataset] = parts.toReversed()
    const name = `${dataset}.${table}`
    return columnsOf([], { tables: [name], parts: [{ table: name, excepted: [] }] })
  }

  /** @throws INVALID_ARGUMENT for a name that is nowhere, or ambiguous. */
  const find = (names: readonly Token[], scope: Scope, listed: ReadonlySet<string>): void => {
    const [first, second] = names.map((token) => token.text.toLowerCase())
    if (listed.has(first!) || (calls.has(first!) && second === undefined)) return
    const tables: string[] = []
    const deep: string[] = []
    for (let now: Scope | undefined = scope; now; now = now.outer) {
      for (const { alias, columns } of now.sources) {
        const [table, column] = alias === first ? [true, second] : [false, first]
        if (column !== undefined && columns.repeated.has(column)) {
          const token = names[table ? 1 : 0]!
          throw invalidArgument(`Column name ${shown(token.text)} is ambiguous${at(token)}`)
        }
        // A table of an inner query may have the name: then it is that one.
        if (column !== undefined && columns.parts.length > 1 && (table || tables.length === 0))
          distinct.push({
            parts: columns.parts,
            name: column,
            message: `Column name ${shown(names[table ? 1 : 0]!.text)} is ambiguous${at(names[table ? 1 : 0]!)}`,
          })
        if (table || columns.isOpen || columns.names.has(first!)) return
        // `dataset.table.column`.
        if (columns.tables.some((one) => one.toLowerCase().startsWith(`${first}.`))) return
        tables.push(...columns.tables)
        deep.push(...columns.deep)
      }
    }
    if (!scope.isStrict) return
    const message = `Unrecognized name: ${shown(names[0]!.text)}${at(names[0]!)}`
    if (tables.length + deep.length === 0) throw invalidArgument(message)
    needed.set(message, { name: names[0]!.text, tables, deep, message })
  }

  const none: ReadonlySet<string> = new Set()
  const walk = (expression: Expression, scope: Scope, listed = none): void => {
    if (expression.kind === 'path') find(expression.names, scope, listed)
    for (const one of expressionsIn(expression)) walk(one, scope, listed)
    const query = subqueryIn(expression)
    if (query) walkQuery(query, { ...scope, sources: [], outer: withListed(scope, listed) })
  }

  const addSource = ({ item, alias, offset, on, using }: Source, scope: Scope, isBeside: boolean): void => {
    const own = nameOf({ item, alias } as Source)?.toLowerCase()
    const joined = using.map(({ text: name }) => name.toLowerCase())
    const add = (columns: Columns): void => void scope.sources.push({ alias: own, columns, using: joined })
    if (item.kind === 'query')
      add(walkQuery(item.query, { ...scope, sources: [], isStrict: scope.isStrict || isBeside }))
    else if (item.kind === 'array') {
      walk(item.array, scope)
      const fields = elementsOf(item.array, scope)
      add({ ...fields, names: new Set([...fields.names, own ?? '', offset?.text.toLowerCase() ?? 'offset']) })
    } else {
      const [first] = item.path
      const isArray = item.path.length > 1 && scope.sources.some((one) => one.alias === first!.text.toLowerCase())
      const subquery = item.path.length === 1 ? scope.named.get(first!.text.toLowerCase()) : undefined
      if (!isArray) add(subquery ?? tableColumns(item.path))
      else {
        const fields = elementsOf({ kind: 'path', at: first!, names: item.path }, scope)
        add({ ...fields, names: new Set([...fields.names, own!, offset?.text.toLowerCase() ?? 'offset']) })
      }
    }
    if (on) walk(on, scope)
  }

  const walkSelect = (select: Select, around: Scope): Columns & { readonly scope: Scope } => {
    const scope: Scope = { ...around, sources: [] }
    // Subqueries of FROM see what is around the query, and no table beside them.
    for (const [index, source] of select.from.entries()) addSource(source, scope, index > 0)
    const names = new Set<string>()
    const parts: Part[] = []
    const tables: string[] = []
    const deep: string[] = []
    let isOpen = false
    for (const column of select.columns) {
      if (column.kind === 'value') {
        walk(column.value, scope)
        const name = (column.alias ?? lastName(column.value))?.text
        if (name === undefined) continue
        parts.push({ name })
        names.add(name.toLowerCase())
      } else {
        for (const { value } of column.replaced) walk(value, scope)
        if (column.of) walk(column.of, scope)
        parts.push(...partsOfStar(column, scope))
        distinct.push(...exceptedOnce(column, scope, at))
        // The columns of a star are those of its tables; which of them EXCEPT leaves out does not matter here.
        for (const { columns } of scope.sources) {
          isOpen ||= columns.isOpen || column.of !== undefined
          tables.push(...columns.tables)
          deep.push(...columns.deep)
          for (const name of columns.names) names.add(name)
        }
      }
    }
    if (select.where) walk(select.where, scope)
    for (const group of select.groups) walk(group, scope, names)
    if (select.having) walk(select.having, scope, names)
    if (select.qualify) walk(select.qualify, scope, names)
    for (const { over } of select.windows) for (const one of expressionsOver(over)) walk(one, scope)
    return { ...columnsOf(names, { repeated: repeatedIn(parts), tables, deep, parts, isOpen }), scope }
  }

  const walkBody = (body: Body, scope: Scope): Columns & { readonly scope: Scope } => {
    if (body.kind === 'select') return walkSelect(body.select, scope)
    if (body.kind === 'query') return { ...walkQuery(body.query, scope), scope: onlyColumns(scope) }
    const [first] = body.parts.map((part) => walkBody(part, scope))
    return { ...first!, scope: onlyColumns(scope) }
  }

  const walkQuery = (query: Query, around: Scope): Columns => {
    let scope = around
    for (const { name, query: inner } of query.subqueries) {
      const named = new Map(scope.named)
      // A recursive one sees itself.
      if (query.isRecursive) named.set(name.text.toLowerCase(), columnsOf([], { isOpen: true }))
      const columns = walkQuery(inner, { ...scope, named })
      scope = { ...scope, named: new Map(named).set(name.text.toLowerCase(), columns) }
    }
    const found = walkBody(query.body, scope)
    const sorted =
      found.scope.sources.length > 0 || query.body.kind === 'select'
        ? found.scope
        : { ...found.scope, sources: [{ alias: undefined, columns: found, using: [] }], isStrict: true }
    for (const { value } of query.order) walk(value, sorted, query.body.kind === 'select' ? found.names : none)
    return found
  }

  const top: Scope = { sources: [], outer: undefined, named: new Map(), isStrict: false }
  if (statement.kind === 'query') {
    const { parts } = walkQuery(statement.query, top)
    const message = 'Duplicate column names in the result are not supported. Found duplicate(s): '
    if (parts.length > 1) distinct.push({ parts, message })
  } else if (statement.kind === 'insert') {
    if (statement.query) walkQuery(statement.query, top)
    for (const value of statement.rows.flat()) walk(value, top)
  } else if (statement.kind === 'change') {
    const scope: Scope = { ...top, sources: [] }
    addSource(statement.target, scope, false)
    for (const source of statement.from) addSource(source, scope, true)
    for (const one of statement.expressions) walk(one, scope)
  }
  return { needed: [...needed.values()], distinct }
}

/** Of `t.*` the columns of `t`, of `*` those of all tables, without those that EXCEPT and USING leave out. */
function partsOfStar({ of, excepted }: Extract<Column, { kind: 'star' }>, { sources }: Scope): Part[] {
  const without = excepted.map(({ text }) => text.toLowerCase())
  const own = of?.kind === 'path' && of.names.length === 1 ? of.names[0]!.text.toLowerCase() : undefined
  const starred = of ? sources.filter(({ alias }) => alias !== undefined && alias === own) : sources
  return starred.flatMap(({ columns, using }) => {
    const left = [...without, ...(of ? [] : using)]
    return columns.parts.flatMap((part): Part[] => {
      if ('table' in part) return [{ ...part, excepted: [...part.excepted, ...left] }]
      return left.includes(part.name.toLowerCase()) ? [] : [part]
    })
  })
}

/** In one table or subquery: EXCEPT of the engine leaves out the first column of a name, and numbers the second. */
function exceptedOnce(
  { excepted }: Extract<Column, { kind: 'star' }>,
  { sources }: Scope,
  at: (token: Token) => string,
): DistinctColumns[] {
  const several = sources.filter(({ columns }) => columns.parts.length > 1)
  return several.flatMap(({ columns: { parts } }) =>
    excepted.map((token) => ({
      parts,
      name: token.text.toLowerCase(),
      message: `EXCEPT of a name that two columns have is not translated by the local cloud: ${shown(token.text)}${at(token)}`,
    })),
  )
}

function repeatedIn(parts: readonly Part[]): ReadonlySet<string> {
  const names = parts.flatMap((part) => ('name' in part ? [part.name.toLowerCase()] : []))
  return new Set(names.filter((name, at) => names.indexOf(name) < at))
}

/** The fields of an array's elements, as far as they are known. */
function elementsOf(array: Expression, scope: Scope): Columns {
  if (array.kind === 'operation' && array.operator === '()') return elementsOf(array.operands[0]!, scope)
  if (array.kind === 'call' && plainArrays.has(array.name)) return columnsOf([])
  if (array.kind === 'operation' && array.operator === 'ARRAY') {
    const [first] = array.operands
    if (!first || first.kind === 'literal' || first.kind === 'parameter') return columnsOf([])
    if (first.kind !== 'struct') return columnsOf([], { isOpen: true })
    return columnsOf(first.fields.flatMap(({ value, alias }) => (alias ?? lastName(value))?.text.toLowerCase() ?? []))
  }
  if (array.kind !== 'path') return columnsOf([], { isOpen: true })
  const deep: string[] = []
  for (let now: Scope | undefined = scope; now; now = now.outer)
    for (const { columns } of now.sources) {
      // The types of a subquery's columns are not known.
      if (columns.isOpen || columns.names.size > 0) return columnsOf([], { isOpen: true })
      deep.push(...columns.tables)
    }
  return columnsOf([], { deep })
}

/** Functions whose arrays have elements without fields. */
const plainArrays = new Set([
  'GENERATE_ARRAY',
  'GENERATE_DATE_ARRAY',
  'JSON_EXTRACT_ARRAY',
  'JSON_QUERY_ARRAY',
  'JSON_VALUE_ARRAY',
  'REGEXP_EXTRACT_ALL',
  'SPLIT',
])

const onlyColumns = (scope: Scope): Scope => ({ ...scope, sources: [] })

/** The names of a list are seen by the subqueries of ORDER BY. */
const withListed = (scope: Scope, listed: ReadonlySet<string>): Scope =>
  listed.size === 0
    ? scope
    : { ...scope, sources: [...scope.sources, { alias: undefined, columns: columnsOf(listed), using: [] }] }

/** The name of a column that is given none. */
export function lastName(value: Expression): Token | undefined {
  if (value.kind === 'path') return value.names.at(-1)
  if (value.kind === 'operation' && value.operator === '()') return lastName(value.operands[0]!)
  return value.kind === 'field' ? value.name : undefined
}
