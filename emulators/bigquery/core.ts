/** BigQuery for the local cloud: catalog, jobs and appends over one engine. */

import type { CloudContext } from '../core/plugin.ts'
import { makeAppends } from './appends.ts'
import { type Catalog, makeCatalog, type TableReference } from './catalog.ts'
import { type Duck, openDuck } from './duck.ts'
import { type Jobs, makeJobs } from './jobs.ts'
import type { FieldSchema } from './records.ts'

export interface BigQueryCore {
  readonly catalog: Catalog
  readonly jobs: Jobs
  readonly duck: Duck
  /** All rows or none. @throws NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit. */
  appendRows(table: TableReference, rows: readonly Record<string, unknown>[]): Promise<void>
  tableSchema(table: TableReference): { readonly fields: readonly FieldSchema[] } | undefined
  resourceExists(name: string): boolean | undefined
  close(): Promise<void>
}

export async function makeCore(context: CloudContext, directory: string | undefined): Promise<BigQueryCore> {
  const duck = await openDuck(directory)
  const catalog = makeCatalog(context, duck)
  const append = makeAppends(duck, catalog)
  return {
    catalog,
    duck,
    jobs: makeJobs(context, duck, catalog),
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
    close: duck.close,
  }
}
