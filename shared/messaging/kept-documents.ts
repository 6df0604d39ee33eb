/**
 * Documents beside the streams that an instance keeps after a commit, so that the next one need not read them. As with kept
 * streams, only a commit may follow from a copy: the store's precondition checks it.
 */

import { isDeepStrictEqual } from 'node:util'
import type { ReadDocument } from './stream-store.ts'

export interface KeptDocumentBounds {
  readonly maxDocuments: number
  /** Of its value as JSON: larger ones are read each time. */
  readonly maxCharactersEach: number
}

/** Some 2 MB of the memory of an instance. */
const bounds: KeptDocumentBounds = { maxDocuments: 2_000, maxCharactersEach: 400 }
/** After a lost race a document is read, until so many reads in a row find it as this instance wrote it: others write it too. */
const QUIET_READS = 4

export interface KeptDocuments {
  recall(path: string): ReadDocument | undefined
  read(documents: readonly ReadDocument[]): void
  written(documents: readonly ReadDocument[]): void
  /** Forgets documents that this instance has written in another way: a commit on their copies would lose a race to that write. */
  drop(paths: Iterable<string>): void
  /** A commit lost a race, or its outcome is unknown: its documents are dropped. */
  lost(paths: readonly string[]): void
}

interface Kept {
  /** Undefined: it was lost. */
  readonly document: ReadDocument | undefined
  /** Reads that are left until it is kept again. */
  readonly readsLeft: number
}

export function keepDocuments({ maxDocuments, maxCharactersEach } = bounds): KeptDocuments {
  /** From the one that was used longest ago. */
  const kept = new Map<string, Kept>()
  const put = (path: string, entry: Kept): void => {
    kept.delete(path)
    kept.set(path, entry)
    if (kept.size > maxDocuments) kept.delete(kept.keys().next().value!)
  }
  return {
    recall(path) {
      const entry = kept.get(path)
      if (!entry?.document || entry.readsLeft > 0) return undefined
      put(path, entry)
      return entry.document
    },
    read(documents) {
      for (const document of documents) {
        const { document: before, readsLeft = 0 } = kept.get(document.path) ?? {}
        if (readsLeft === 0) continue
        const isQuiet = before && isDeepStrictEqual(before.concurrencyToken, document.concurrencyToken)
        put(document.path, { document: before, readsLeft: isQuiet ? readsLeft - 1 : QUIET_READS })
      }
    },
    written(documents) {
      for (const document of documents) {
        const isKept = document.value && JSON.stringify(document.value).length <= maxCharactersEach
        if (isKept) put(document.path, { document, readsLeft: kept.get(document.path)?.readsLeft ?? 0 })
        else kept.delete(document.path)
      }
    },
    drop(paths) {
      for (const path of paths) if (kept.get(path)?.readsLeft === 0) kept.delete(path)
    },
    lost(paths) {
      for (const path of paths) put(path, { document: undefined, readsLeft: QUIET_READS })
    },
  }
}
