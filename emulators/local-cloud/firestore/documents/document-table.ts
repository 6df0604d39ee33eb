/** Documents in the journal. */

import type { Journal, Table } from '../../core/journal.ts'
import type { Fields } from '../values/firestore-value.ts'

/** A stored document: fields, create and update time in microseconds. */
export interface StoredDocument {
  readonly f: Fields
  readonly c: number
  readonly u: number
}

export type Changes = ReadonlyMap<string, StoredDocument | undefined>

/** The documents of the database of that name, `project/database`, by path. */
export const documentTable = (journal: Journal, name: string): Table<StoredDocument> =>
  journal.table(`firestore/${name}/documents`)

export interface Document extends StoredDocument {
  /** Relative to the database: `rooms/1`. */
  readonly path: string
}
