/** Translates the items of FROM and JOIN: tables, arrays and subqueries. A project's name may contain dashes without quotes. */

import { invalidArgument } from '../../core/status.ts'
import { isWord } from '../tokens/words.ts'
import { aliasText, closes, type EndTest, quote, type Reader } from './reader.ts'

type Clauses = (reader: Reader, ends: EndTest) => string

/** Of the items of a FROM so far. */
export interface FromNames {
  /** In lower case, as later items may refer to them. */
  readonly aliases: Set<string>
  /** The quoted columns that are elements of arrays, STRUCTs perhaps. */
  readonly elements: Set<string>
}

interface Item extends FromNames {
  readonly reader: Reader
  readonly isOuter: boolean
}

/**
 * Translates one item with its alias. Adds the names under which later items may refer to it to `aliases`.
 * @param isOuter whether the join gives rows without this item.
 */
export function fromItem(reader: Reader, { aliases, elements }: FromNames, clauses: Clauses, isOuter = false): string {
  if (reader.takeIf('UNNEST')) {
    reader.expect('(')
    const array = clauses(reader, closes)
    reader.expect(')')
    return unnest(array, { reader, aliases, elements, isOuter })
  }
  if (reader.takeIf('(')) {
    const inner = reader.reads.inside(() => clauses(reader, closes))
    reader.expect(')')
    return withAlias(`(${inner})`, reader, aliases)
  }
  const path = tablePath(reader)
  // `FROM t, t.items`: the array is a column of an earlier table of the list.
  if (path.length > 1 && aliases.has(path[0]!.toLowerCase()))
    return unnest(path.map(quote).join('.'), { reader, aliases, elements, isOuter, byDefault: path.at(-1)! })
  return withAlias(readTable(path, reader), reader, aliases, path.at(-1))
}

/** Translates the name of the table that a statement changes. @param isRead whether its rows decide what is changed. */
export const changedTable = (reader: Reader, isRead = false): string =>
  (isRead ? readTable : tableName)(tablePath(reader), reader)

function readTable(path: readonly string[], reader: Reader): string {
  const before = reader.tables.length
  const named = tableName(path, reader)
  // A subquery that WITH names is no table.
  for (const table of reader.tables.slice(before)) reader.reads.table(table)
  return named
}

/** @param byDefault the name of a table without an alias. */
function withAlias(source: string, reader: Reader, aliases: Set<string>, byDefault?: string): string {
  const alias = aliasOf(reader)
  name(aliases, alias ?? byDefault)
  return alias === undefined ? source : `${source} AS ${quote(alias)}`
}

/** @throws INVALID_ARGUMENT for a second item of one name. */
function name(aliases: Set<string>, alias: string | undefined): void {
  if (alias === undefined) return
  if (aliases.has(alias.toLowerCase())) throw invalidArgument(`Duplicate table alias ${alias} in the same FROM clause`)
  aliases.add(alias.toLowerCase())
}

function tablePath(reader: Reader): string[] {
  const first = reader.take()
  if (first.kind === 'quoted') return [...first.text.split('.'), ...morePath(reader)]
  if (first.kind !== 'word') throw invalidArgument(`Syntax error: Unexpected "${first.text}"`)
  let name = first.text
  while (reader.is('-') && ['word', 'number'].includes(reader.peek(1)?.kind ?? '')) {
    reader.take()
    name += `-${reader.take().text}`
  }
  return [name, ...morePath(reader)]
}

function morePath(reader: Reader): string[] {
  const more: string[] = []
  while (reader.is('.') && ['word', 'quoted'].includes(reader.peek(1)?.kind ?? '')) {
    reader.take()
    more.push(...reader.take().text.split('.'))
  }
  return more
}

/** @param path `[table]`, `[dataset, table]` or `[project, dataset, table]`. @throws INVALID_ARGUMENT for another project. */
export function tableName(path: readonly string[], reader: Reader): string {
  const { projectId, defaultDataset, subqueries } = reader.names
  if (path.length === 1 && subqueries.has(path[0]!.toLowerCase())) return quote(path[0]!)
  const [table, dataset = defaultDataset, project] = path.toReversed()
  if (dataset === undefined)
    throw invalidArgument(`Table "${table}" must be qualified with a dataset (e.g. dataset.table).`)
  if (path.length > 3 || dataset === 'INFORMATION_SCHEMA')
    throw invalidArgument('INFORMATION_SCHEMA is not served by the local cloud: ask the datasets and tables APIs.')
  if (project !== undefined && project !== projectId)
    throw invalidArgument(`Access Denied: Project ${project}: the local cloud is the project ${projectId}.`)
  reader.tables.push(`${dataset}.${table}`)
  return `${quote(dataset)}.${quote(table!)}`
}

/**
 * In GoogleSQL the alias of UNNEST is the element, and the fields of a STRUCT are columns. In DuckDB a table of these columns has
 * that alias, and is a STRUCT too. It would have the offset as a field, and no NULL where an outer join finds no element:
 * there the element is one column.
 */
function unnest(
  array: string,
  { reader, aliases, elements, isOuter, byDefault }: Item & { byDefault?: string },
): string {
  const alias = aliasOf(reader) ?? byDefault
  name(aliases, alias)
  const element = quote(alias ?? reader.elementName())
  if (reader.is('WITH') && reader.is('OFFSET', 1)) {
    reader.take()
    reader.take()
    const offset = aliasOf(reader) ?? 'offset'
    elements.add(element)
    return `(SELECT unnest(${array}) AS ${element}, generate_subscripts(${array}, 1) - 1 AS ${quote(offset)}) AS ${inner(element)}`
  }
  if (isOuter) elements.add(element)
  if (isOuter) return `UNNEST(${array}) AS ${inner(element)}(${element})`
  return `(SELECT unnest(${array}, max_depth := 2) AS ${element}) AS ${element}`
}

const inner = (quoted: string): string => quoted.replace('"', '"_')

function aliasOf(reader: Reader): string | undefined {
  if (!reader.takeIf('AS')) {
    const token = reader.peek()
    if (token?.kind !== 'quoted' && (token?.kind !== 'word' || isWord(token, ...afterTable))) return undefined
  }
  return aliasText(reader.take())
}

/** The keywords that may follow a table, and are not its alias. */
const afterTable =
  'CROSS EXCEPT FOR FULL GROUP HAVING INNER INTERSECT JOIN LEFT LIMIT ON ORDER PIVOT QUALIFY RIGHT SELECT SET TABLESAMPLE UNION UNPIVOT USING VALUES WHEN WHERE WINDOW WITH'.split(
    ' ',
  )
