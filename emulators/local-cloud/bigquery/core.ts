/** BigQuery for the local cloud: catalog, jobs and appends over one engine. */

import { join } from 'node:path'
import type { CloudContext } from '../core/plugin.ts'
import { damaged } from '../core/state-files.ts'
import { makeAppends } from './appends.ts'
import { type Catalog, makeCatalog, type TableReference } from './catalog.ts'
import { type Engine, type EngineOptions, makeEngine } from './engine/engine.ts'
import { type Jobs, makeJobs } from './jobs.ts'
import type { FieldSchema } from './values/records.ts'

export interface BigQueryCore {
  readonly catalog: Catalog
  readonly jobs: Jobs
  readonly engine: Engine
  /** All rows or none. @throws NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit. */
  appendRows(table: TableReference, rows: readonly Record<string, unknown>[]): Promise<void>
  tableSchema(table: TableReference): { readonly fields: readonly FieldSchema[] } | undefined
  resourceExists(name: string): boolean | undefined
  /** @throws Error with the remedy when the database lacks tables that were created. */
  check(): Promise<void>
  close(): Promise<void>
}

export function makeCore(context: CloudContext, options: EngineOptions): BigQueryCore {
  const engine = makeEngine(options)
  const catalog = makeCatalog(context, engine)
  const append = makeAppends(engine, catalog)
  return {
    catalog,
    engine,
    jobs: makeJobs(context, engine, catalog),
    async appendRows(table, rows) {
      await append(table, rows)
      context.count('bigquery.rowsAppended', rows.length)
    },
    tableSchema: ({ datasetId, tableId }) => {
      const table = catalog.find(datasetId, tableId)
      return table ? { fields: table.schema?.fields ?? [] } : undefined
    },
    resourceExists(name) {
      const path = /^projects\/[^/]+\/datasets\/([^/]+)(?:\/tables\/([^/]+))?$/.exec(name)
      if (!path) return undefined
      return path[2] === undefined
        ? catalog.datasets().some(({ datasetReference }) => datasetReference.datasetId === path[1])
        : catalog.find(path[1]!, path[2]) !== undefined
    },
    async check() {
      if (options.directory === undefined) return
      const [missing] = await catalog.missing()
      if (missing === undefined) return
      const reason = ` (it lacks ${missing}, as after its bigquery.duckdb.wal was emptied or removed)`
      throw damaged(join(options.directory, 'bigquery.duckdb'), reason)
    },
    close: engine.close,
  }
}
