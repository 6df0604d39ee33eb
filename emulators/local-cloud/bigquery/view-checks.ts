/** Views and what they name: a view follows its tables, and a query of it reads all tables behind it. */

import { isDeepStrictEqual } from 'node:util'
import { invalidArgument } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import { checkListedNames, checkNeededColumns } from './listed-names.ts'
import { quote } from './sql/reader.ts'
import type { Translation } from './sql/translate.ts'
import { limits, tooComplex } from './values/limits.ts'
import type { TableResource } from './values/records.ts'

export interface ViewChecks {
  /**
   * The tables behind these, which may be views of views: `dataset.table`, each once.
   * @throws NOT_FOUND in BigQuery's words for the first that is not there.
   */
  tablesBehind(names: readonly string[]): Promise<string[]>
  /** The tables and views that a view names, `dataset.table`; undefined for a table, and for a missing name. */
  namedBy(datasetId: string, tableId: string): Promise<readonly string[] | undefined>
  /** Undefined for a table, and for a missing name. */
  translationOf(datasetId: string, tableId: string): Promise<Translation> | undefined
  /** A view was made, and names these tables and views. */
  checked(resource: TableResource, tables: readonly string[]): void
}

interface Tables {
  readonly projectId: string
  find(datasetId: string, tableId: string): TableResource | undefined
  /** @throws NOT_FOUND */
  table(datasetId: string, tableId: string): TableResource
  /** Also a table whose time is over. @param name `dataset.table` */
  recorded(name: string): TableResource | undefined
}

export function makeViewChecks(
  engine: Pick<Engine, 'translate' | 'execute' | 'describe'>,
  { projectId, find, table, recorded }: Tables,
): ViewChecks {
  /** By the view's text, which is read once. */
  const translations = new WeakMap<TableResource, Promise<Translation>>()
  const translationOf = (datasetId: string, tableId: string): Promise<Translation> | undefined => {
    const resource = find(datasetId, tableId)
    if (!resource?.view) return undefined
    let translation = translations.get(resource)
    if (!translation) {
      translation = engine.translate(resource.view.query, projectId)
      translation.catch(() => translations.delete(resource))
      translations.set(resource, translation)
    }
    return translation
  }
  /** Of each view that was made or checked: what it names, as it was then. */
  const checks = new WeakMap<TableResource, { readonly named: readonly unknown[]; readonly done: Promise<void> }>()
  /** Another value for each declaration of a table, and each check of a view. */
  const versionOf = (name: string): unknown => {
    const resource = recorded(name)
    return resource && (checks.get(resource) ?? resource)
  }
  const checkedBy = (resource: TableResource, tables: readonly string[], done: Promise<void>): Promise<void> => {
    checks.set(resource, { named: tables.map(versionOf), done })
    done.catch(() => checks.delete(resource))
    return done
  }
  /** Checks a view, and makes it anew if need be, when what it names has changed. @throws the refusal of its query */
  const checkView = async (resource: TableResource): Promise<void> => {
    const { datasetId, tableId } = resource.tableReference
    const translation = await translationOf(datasetId, tableId)!
    const { sql, tables: read } = translation
    const last = checks.get(resource)
    if (last && read.every((name, index) => versionOf(name) === last.named[index])) return last.done
    const made = async (): Promise<void> => {
      const name = `${quote(datasetId)}.${quote(tableId)}`
      checkNeededColumns(translation, find)
      await checkListedNames(translation, engine, [])
      const wanted = await engine.describe(sql, [])
      // One that was made before this start may have been translated by other rules.
      const isSame = last && isDeepStrictEqual(wanted, await engine.describe(`SELECT * FROM ${name}`, []))
      if (!isSame) await engine.execute(`CREATE OR REPLACE VIEW ${name} AS ${sql}`)
    }
    await checkedBy(resource, read, made())
  }
  const namedBy = async (datasetId: string, tableId: string): Promise<readonly string[] | undefined> =>
    (await translationOf(datasetId, tableId))?.tables
  /** How often tables are read by each of these, views included: a view that reads a view twice reads its tables twice. */
  const tablesBehind = async (names: readonly string[]): Promise<string[]> => {
    const found = new Set<string>()
    const reads = new Map<string, number>()
    const readsOf = async (name: string, depth: number): Promise<number> => {
      const known = reads.get(name)
      if (known !== undefined) return known
      if (depth > limits.viewNesting)
        throw invalidArgument(`Exceeded the maximum depth of nested views: ${limits.viewNesting} levels, at ${name}.`)
      const [datasetId, tableId] = name.split('.') as [string, string]
      // A view over a table that is gone is refused for that table.
      const resource = table(datasetId, tableId)
      const inside = await namedBy(datasetId, tableId)
      if (!inside) found.add(name)
      const count = inside ? await total(inside, depth + 1) : 1
      if (inside) await checkView(resource)
      reads.set(name, count)
      return count
    }
    const total = async (all: readonly string[], depth: number): Promise<number> => {
      let count = 0
      for (const name of all) count += await readsOf(name, depth)
      if (count > limits.tables) throw tooComplex()
      return count
    }
    await total(names, 0)
    return [...found]
  }
  return {
    translationOf,
    namedBy,
    tablesBehind,
    checked: (resource, tables) => void checkedBy(resource, tables, Promise.resolve()),
  }
}
