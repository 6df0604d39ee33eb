/** Documents in the journal: a commit of several is there after a kill as a whole, or not at all. */

import type { Journal, Table } from '../core/journal.ts'
import type { Fields } from './value.ts'

/** What is kept of a document: fields, create and update time in microseconds. */
export interface StoredDocument {
  readonly f: Fields
  readonly c: number
  readonly u: number
}

export type Changes = ReadonlyMap<string, StoredDocument | undefined>

type Pending = readonly (readonly [path: string, after: StoredDocument | null])[]

const pendingTable = (journal: Journal, name: string): Table<Pending> => journal.table(`firestore/${name}/pending`)

/** The table by path, after a commit that a kill cut in two was finished. */
export function documentTable(journal: Journal, name: string): Table<StoredDocument> {
  const table = journal.table<StoredDocument>(`firestore/${name}/documents`)
  const pending = pendingTable(journal, name)
  for (const [path, after] of pending.get('commit') ?? []) {
    if (after) table.set(path, after)
    else table.delete(path)
  }
  pending.delete('commit')
  return table
}

/**
 * Notes a commit in one line before its documents are written line by line; the returned function forgets it again.
 * One document is one line anyway, and needs no note.
 */
export function beginCommit(journal: Journal, name: string, changes: Changes): () => void {
  if (changes.size < 2) return () => undefined
  const pending = pendingTable(journal, name)
  pending.set(
    'commit',
    [...changes].map(([path, after]) => [path, after ?? null]),
  )
  return () => void pending.delete('commit')
}
