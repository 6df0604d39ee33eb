/** Datasets and tables as the REST API returns them. The emulator stores them in this form. */

import type { AccessEntry } from './access-entry.ts'

export interface FieldSchema {
  readonly name: string
  readonly type: string
  readonly mode?: string
  readonly description?: string
  readonly maxLength?: string
  readonly precision?: string
  readonly scale?: string
  readonly fields?: readonly FieldSchema[]
}

export interface DatasetResource {
  readonly datasetReference: { readonly projectId: string; readonly datasetId: string }
  readonly location: string
  readonly defaultTableExpirationMs?: string
  readonly access?: readonly AccessEntry[]
  readonly creationTime: string
  readonly lastModifiedTime: string
  readonly etag: string
  readonly [other: string]: unknown
}

export interface TimePartitioning {
  readonly type?: string
  /** Absent for partitions by the time at which rows arrive. */
  readonly field?: string
  /** The deprecated place of the table's option. */
  readonly requirePartitionFilter?: boolean
}
export interface RangePartitioning {
  readonly field?: string
  readonly range?: { readonly start?: string; readonly end?: string; readonly interval?: string }
}

export interface TableResource {
  readonly tableReference: { readonly projectId: string; readonly datasetId: string; readonly tableId: string }
  readonly schema?: { readonly fields: readonly FieldSchema[] }
  readonly view?: { readonly query: string; readonly useLegacySql?: boolean }
  readonly type: 'TABLE' | 'VIEW'
  readonly timePartitioning?: TimePartitioning
  readonly rangePartitioning?: RangePartitioning
  readonly clustering?: { readonly fields?: readonly string[] }
  readonly requirePartitionFilter?: boolean
  /** In milliseconds since the epoch; absent or 0 for a table that does not expire. */
  readonly expirationTime?: string
  readonly creationTime: string
  readonly lastModifiedTime: string
  readonly etag: string
  readonly [other: string]: unknown
}
