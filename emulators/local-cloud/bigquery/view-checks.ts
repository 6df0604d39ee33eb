/** Views and what they name: a view follows its tables, and a query of it reads all tables behind it. */

import { isDeepStrictEqual } from 'node:util'
import { invalidArgument } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import type { Description } from './engine/engine-work.ts'
import { checkListedNames, checkNeededColumns } from './listed-names.ts'
import { qualified, quote } from './sql/reader.ts'
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
  /**
   * Declares a view in the engine by its columns alone: to make it takes many times longer, and most views of a start are not
   * read. A query that reads it before `makeViews` fails.
   */
  declareView(datasetId: string, tableId: string, columns: Description): Promise<void>
  /** A view was declared, and names these tables and views. */
  checked(resource: TableResource, tables: readonly string[]): void
  /** Makes the views behind these that the engine has only by their columns. For names that `tablesBehind` has checked. */
  makeViews(names: readonly string[]): Promise<void>
}

/** A query reads a view that was replaced after the views behind the query were made. */
const UNMADE = 'The view was replaced while the query ran: repeat it.'

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
  /** Of each view that the engine has with its query, since it was declared last. */
  const making = new WeakMap<TableResource, Promise<void>>()
  const declareView: ViewChecks['declareView'] = (datasetId, tableId, { schema, types }) => {
    const columns = schema.map(({ name }, index) => `CAST(NULL AS ${types[index]!}) AS ${quote(name)}`)
    return engine.execute(
      `CREATE OR REPLACE VIEW ${qualified(datasetId, tableId)} AS SELECT ${columns.join(', ')} WHERE error('${UNMADE}') IS NULL`,
    )
  }
  /** Checks a view, and declares it anew if need be, when what it names has changed. @throws the refusal of its query */
  const checkView = async (resource: TableResource): Promise<void> => {
    const { datasetId, tableId } = resource.tableReference
    const translation = await translationOf(datasetId, tableId)!
    const { sql, tables: read } = translation
    const last = checks.get(resource)
    if (last && read.every((name, index) => versionOf(name) === last.named[index])) return last.done
    const check = async (): Promise<void> => {
      checkNeededColumns(translation, find)
      await checkListedNames(translation, engine, [])
      const wanted = await engine.describe(sql, [])
      // One that was made before this start may have been translated by other rules.
      const isSame =
        last && isDeepStrictEqual(wanted, await engine.describe(`SELECT * FROM ${qualified(datasetId, tableId)}`, []))
      if (isSame) return
      await declareView(datasetId, tableId, wanted)
      making.delete(resource)
    }
    await checkedBy(resource, read, check())
  }
  /** @returns the view's making, which the first query that reads it begins. */
  const made = (resource: TableResource, sql: string): Promise<void> => {
    const { datasetId, tableId } = resource.tableReference
    const begun = making.get(resource)
    if (begun) return begun
    const done = engine.execute(`CREATE OR REPLACE VIEW ${qualified(datasetId, tableId)} AS ${sql}`)
    making.set(resource, done)
    done.catch(() => making.delete(resource))
    return done
  }
  const makeViews: ViewChecks['makeViews'] = async (names) => {
    const seen = new Set<string>()
    const make = async (name: string): Promise<void> => {
      if (seen.has(name)) return
      seen.add(name)
      const [datasetId, tableId] = name.split('.') as [string, string]
      const resource = find(datasetId, tableId)
      const translation = await translationOf(datasetId, tableId)
      if (!resource || !translation) return
      for (const one of translation.tables) await make(one)
      if (find(datasetId, tableId) === resource) await made(resource, translation.sql)
    }
    for (const name of names) await make(name)
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
    declareView,
    makeViews,
    checked: (resource, tables) => void checkedBy(resource, tables, Promise.resolve()),
  }
}
