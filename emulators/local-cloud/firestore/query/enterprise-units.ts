/**
 * The bill of Enterprise edition for the same operations, in units of data processed:
 * https://firebase.google.com/docs/firestore/enterprise/pricing-examples. Reads in 4 KiB, writes and deletes in 1 KiB, each
 * index entry that a write adds or removes one write unit more; there are no indexes but those that were made.
 */

import type { Document } from '../documents/document-table.ts'
import type { CompositeIndex } from './index-plan.ts'
import { documentSize } from '../values/limits.ts'
import { parseFieldPath } from '../values/paths.ts'
import { getField } from '../values/field-access.ts'
import type { Change } from '../documents/store.ts'
import type { Value } from '../values/firestore-value.ts'

const READ_UNIT_BYTES = 4096
const WRITE_UNIT_BYTES = 1024
/** The billed bytes of an item whose existence is read and whose content is not. */
const MIN_ITEM_BYTES = 32

const sizeOf = ({ path, f }: Document): number => documentSize(path, f)

/** Each document is read by itself; a document that is not there costs as much as a small one. */
export const pointReadUnits = (documents: readonly (Document | undefined)[]): number =>
  documents.reduce((sum, document) => sum + (document ? Math.ceil(sizeOf(document) / READ_UNIT_BYTES) : 1), 0)

/** Adds up the bytes of all documents that a query reads, skipped ones included. */
export function scanUnits(documents: readonly Document[], skipped: number): number {
  const bytes = documents.reduce((sum, document) => sum + sizeOf(document), 0)
  const mean = documents.length > 0 ? bytes / documents.length : MIN_ITEM_BYTES
  return Math.max(1, Math.ceil((bytes + skipped * mean) / READ_UNIT_BYTES))
}

export const countUnits = (entries: number): number =>
  Math.max(1, Math.ceil((entries * MIN_ITEM_BYTES) / READ_UNIT_BYTES))

/** `indexes`: those of a document's collection. */
export function writeUnits(
  changes: readonly Change[],
  indexes: (collectionId: string) => readonly CompositeIndex[],
): number {
  return changes.reduce((sum, { path, before, after }) => {
    const document = after ?? before
    const own = document ? Math.ceil(sizeOf(document) / WRITE_UNIT_BYTES) : 1
    const collectionId = path.split('/').at(-2)!
    const entries = indexes(collectionId).reduce((all, index) => all + changedEntries(index, before, after), 0)
    return sum + own + entries
  }, 0)
}

function changedEntries(index: CompositeIndex, before: Document | undefined, after: Document | undefined): number {
  const old = entriesOf(index, before)
  const now = entriesOf(index, after)
  return [...old].filter((entry) => !now.has(entry)).length + [...now].filter((entry) => !old.has(entry)).length
}

/** One for each element of an array that is indexed by its elements; none without one of the fields. */
function entriesOf({ fields }: CompositeIndex, document: Document | undefined): Set<string> {
  if (!document) return new Set()
  let entries = ['']
  for (const { path, kind } of fields) {
    if (path === '__name__') continue
    const value = getField(document.f, parseFieldPath(path))
    if (value === undefined) return new Set()
    const parts: readonly Value[] = kind === 'CONTAINS' ? (Array.isArray(value) ? value : []) : [value]
    entries = entries.flatMap((entry) => parts.map((part) => `${entry}${JSON.stringify(part)} `))
  }
  return new Set(entries)
}
