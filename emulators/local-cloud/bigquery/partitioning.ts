/** The partitions and clusters of a table: which columns they may have, and which of them a table may get later. */
// https://cloud.google.com/bigquery/docs/partitioned-tables, https://cloud.google.com/bigquery/docs/clustered-tables

import { invalidArgument } from '../core/status.ts'
import { shown } from './values/limits.ts'
import type { FieldSchema, TableResource } from './values/records.ts'
import { typeOf } from './values/scalars.ts'

type Partitioned = Pick<TableResource, 'timePartitioning' | 'rangePartitioning' | 'clustering'>

const timeUnits = ['HOUR', 'DAY', 'MONTH', 'YEAR']
const timeTypes = ['TIMESTAMP', 'DATE', 'DATETIME']
const clusterTypes = [...timeTypes, 'BOOL', 'INT64', 'NUMERIC', 'STRING']
const MAX_CLUSTER_FIELDS = 4

/** @throws INVALID_ARGUMENT for partitions or clusters that a table of these columns can't have. */
export function checkPartitioning(fields: readonly FieldSchema[], table: Partitioned): void {
  const { timePartitioning: time, rangePartitioning: range, clustering } = table
  if (time && range) throw invalidArgument('Only one of timePartitioning and rangePartitioning can be specified.')
  const find = (name: string): FieldSchema | undefined =>
    fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  const checkColumn = (kind: string, name: string, types: readonly string[], listed: string): void => {
    const field = find(name)
    if (!field) throw invalidArgument('The field specified for partitioning cannot be found in the schema.')
    const isRepeated = field.mode?.toUpperCase() === 'REPEATED'
    if (isRepeated || !types.includes(typeOf(field.type)))
      throw invalidArgument(
        `The field specified for ${kind} partitioning can only be of type ${listed}. The type found is: ${isRepeated ? `ARRAY<${typeOf(field.type)}>` : field.type}.`,
      )
  }
  if (time) {
    const unit = time.type ?? ''
    if (!timeUnits.includes(unit)) throw invalidArgument(`Invalid value for type: ${shown(unit)} is not a valid value`)
    // Without a column, rows belong to the partition of the time at which they arrive.
    if (time.field) checkColumn('time', time.field, timeTypes, 'TIMESTAMP, DATE or DATETIME')
    if (unit === 'HOUR' && time.field && typeOf(find(time.field)!.type) === 'DATE')
      throw invalidArgument(`Field ${time.field} is a DATE, which has no hours: partition it by DAY, MONTH or YEAR.`)
  }
  if (range) {
    checkColumn('range', range.field ?? '', ['INT64'], 'INTEGER')
    const { start, end, interval } = range.range ?? {}
    if (!(Number(start) < Number(end)) || !(Number(interval) > 0))
      throw invalidArgument('rangePartitioning.range needs a start before its end, and a positive interval.')
  }
  const clusters = clustering?.fields ?? []
  if (clusters.length > MAX_CLUSTER_FIELDS)
    throw invalidArgument(`Too many fields for clustering: ${clusters.length}, at most ${MAX_CLUSTER_FIELDS}.`)
  for (const name of clusters) {
    const field = find(name)
    if (!field)
      throw invalidArgument(
        `The field specified for clustering cannot be found in the schema. Invalid field: ${shown(name)}.`,
      )
    if (field.mode?.toUpperCase() === 'REPEATED' || !clusterTypes.includes(typeOf(field.type)))
      throw invalidArgument(`Field ${name} of type ${field.type} can not be used for clustering.`)
  }
}

/** @throws INVALID_ARGUMENT for other partitions: a table keeps those that it was made with. */
export function checkSamePartitioning(before: Partitioned, now: Partitioned): void {
  const had = before.timePartitioning ?? before.rangePartitioning
  const has = now.timePartitioning ?? now.rangePartitioning
  if (!had && has) throw invalidArgument('Cannot convert non partitioned table to partitioned table.')
  if (had && !has) throw invalidArgument('Cannot change partitioned table to non partitioned table.')
  if (specOf(before) !== specOf(now))
    throw invalidArgument('Cannot change partitioning/clustering spec for a partitioned/clustered table.')
}

const specOf = ({ timePartitioning: time, rangePartitioning: range }: Partitioned): string =>
  [time?.type, time?.field, range?.field, range?.range?.start, range?.range?.end, range?.range?.interval].join(' ')
