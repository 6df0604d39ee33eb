/** Tables whose queries must filter by the column of their partitions: https://cloud.google.com/bigquery/docs/managing-partitioned-tables#require-filter */

import { invalidArgument } from '../core/status.ts'
import type { Catalog } from './catalog.ts'
import type { Read } from './sql/reads.ts'
import type { TableResource } from './values/records.ts'

/** The column by which every query of the table must filter. */
function filterColumn({
  timePartitioning: time,
  rangePartitioning: range,
  ...table
}: TableResource): string | undefined {
  const isRequired = table.requirePartitionFilter ?? time?.requirePartitionFilter ?? false
  return isRequired ? (time?.field ?? range?.field) : undefined
}

/**
 * Whether Google can use a filter is not decided here: it must name the column.
 * @param around the filters of the queries that read the view which these belong to.
 * @throws INVALID_ARGUMENT for the first table that demands a filter and has none.
 */
export async function checkFilters(
  reads: readonly Read[],
  catalog: Pick<Catalog, 'readBy' | 'table'>,
  around: Read['filters'] = [],
): Promise<void> {
  for (const { table, filters } of reads) {
    const [datasetId, tableId] = table.split('.') as [string, string]
    const all = [...filters, ...around]
    const inside = await catalog.readBy(datasetId, tableId)
    if (inside) {
      await checkFilters(inside, catalog, all)
      continue
    }
    const resource = catalog.table(datasetId, tableId)
    const column = filterColumn(resource)
    if (column !== undefined && !all.some((names) => names.has(column.toLowerCase())))
      throw invalidArgument(
        `Cannot query over table '${resource.tableReference.projectId}.${table}' without a filter over column(s) '${column}' that can be used for partition elimination`,
      )
  }
}
