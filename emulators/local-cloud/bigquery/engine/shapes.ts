/**
 * An empty table for each table and view, in a second database in memory. The types of a query are found there: with the texts of
 * views, a plan is megabytes, and each text was checked when its view was made.
 */

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { quote } from '../sql/reader.ts'
import { type Borrowed, connectionsTo } from './connections.ts'

export interface Shapes {
  /** Lends a connection to empty tables with the columns that tables and views have now. */
  readonly borrowed: Borrowed
  /** A table or a view may have been made, changed or dropped. */
  changed(): void
}

/** The columns of each table and view as SQL, by their names. */
type Relations = ReadonlyMap<string, string>

/** @param real the database itself. */
export function makeShapes(
  real: Borrowed,
  settings: Record<string, string>,
  prepare: (connection: DuckDBConnection) => Promise<void>,
): Shapes {
  let opened: Promise<Borrowed> | undefined
  let made: Relations = new Map()
  let changes = 1
  let followed = 0
  let following: Promise<unknown> = Promise.resolve()

  const open = async (): Promise<Borrowed> => {
    const borrowed = connectionsTo(await DuckDBInstance.create(':memory:', settings))
    await borrowed(prepare)
    return borrowed
  }
  const follow = async (): Promise<Borrowed> => {
    const borrowed = await (opened ??= open())
    if (followed === changes) return borrowed
    const now = changes
    const relations = await real(relationsOf)
    const statements = differences(made, relations)
    if (statements.length > 0)
      await borrowed((connection) => connection.run(['BEGIN', ...statements, 'COMMIT'].join('; ')))
    made = relations
    followed = now
    return borrowed
  }
  return {
    async borrowed(work) {
      const ready = following.then(follow)
      following = ready.catch(() => undefined)
      return (await ready)(work)
    },
    changed() {
      changes += 1
    },
  }
}

async function relationsOf(connection: DuckDBConnection): Promise<Relations> {
  const reader = await connection.runAndReadAll(
    'SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY schema_name, table_name, column_index',
  )
  const relations = new Map<string, string>()
  for (const [schema, table, column, type] of reader.getRows().map((row) => row.map(String))) {
    const name = `${quote(schema!)}.${quote(table!)}`
    const before = relations.get(name)
    relations.set(name, `${before === undefined ? '' : `${before}, `}${quote(column!)} ${type}`)
  }
  return relations
}

function differences(before: Relations, after: Relations): string[] {
  const dropped = [...before.keys()].filter((name) => !after.has(name)).map((name) => `DROP TABLE IF EXISTS ${name}`)
  const made = [...after].flatMap(([name, columns]) => {
    if (before.get(name) === columns) return []
    const schema = name.slice(0, name.indexOf('"."') + 1)
    return [`CREATE SCHEMA IF NOT EXISTS ${schema}`, `CREATE OR REPLACE TABLE ${name} (${columns})`]
  })
  return [...dropped, ...made]
}
