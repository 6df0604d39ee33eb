/**
 * Streams that an instance keeps after it has read or written them, so that the next append needs no read. A copy may be that of
 * a former version, since other instances write too: only an append, which the store's precondition checks, may follow from it.
 */

import { keepDocuments } from './kept-documents.ts'
import type { StoredStream, StreamStore } from './stream-store.ts'

export interface KeptBounds {
  readonly maxStreams: number
  /** Of the commits of all of them, as JSON. As texts and parsed, each takes about three bytes. */
  readonly maxCharacters: number
  /** Of one that is kept: larger ones are read each time. */
  readonly maxCharactersEach: number
}

/** Some 25 MB of the memory of an instance. */
const bounds: KeptBounds = { maxStreams: 2_000, maxCharacters: 8_000_000, maxCharactersEach: 200_000 }

/**
 * The store, which keeps the streams that were used last, and documents that were written with them. None is kept of which the
 * last write was lost, or has an unknown outcome.
 */
export function keepStreams(
  store: StreamStore,
  { maxStreams, maxCharacters, maxCharactersEach } = bounds,
): StreamStore {
  /** From the one that was used longest ago. */
  const kept = new Map<string, StoredStream>()
  const documentsKept = keepDocuments()
  let characters = 0

  const drop = (id: string): void => {
    characters -= kept.get(id)?.size ?? 0
    kept.delete(id)
  }
  const keep = (stream: StoredStream): void => {
    // One of two reads at once may end last and be the older one.
    if (stream.version < (kept.get(stream.id)?.version ?? 1)) return
    drop(stream.id)
    if (stream.size > maxCharactersEach) return
    kept.set(stream.id, stream)
    characters += stream.size
    for (const id of kept.keys()) {
      if (kept.size <= maxStreams && characters <= maxCharacters) return
      drop(id)
    }
  }

  return {
    ...store,
    recall(id, isNew) {
      const stream = kept.get(id)
      if (!stream) return store.recall(id, isNew)
      kept.delete(id)
      kept.set(id, stream)
      return stream
    },
    async load(id, companion) {
      const stream = await store.load(id, companion)
      // A stream with a snapshot may be read in part.
      if (companion?.isSnapshot) return stream
      // The companion belongs to one delivery.
      const { companion: _companion, ...alone } = stream
      keep(alone)
      return stream
    },
    recallDocument: (path) => documentsKept.recall(path),
    async readDocuments(paths) {
      const found = await store.readDocuments(paths)
      documentsKept.read(found)
      return found
    },
    async append(stream, commit, beside) {
      const { id } = stream
      const lost = (): void => {
        drop(id)
        documentsKept.lost((beside?.documents ?? []).map(({ path }) => path))
      }
      let appended: StoredStream | undefined
      try {
        appended = await store.append(stream, commit, beside)
      } catch (error) {
        lost()
        throw error
      }
      if (!appended) {
        lost()
        return undefined
      }
      const { written = [], ...after } = appended
      documentsKept.written(written)
      if (!stream.companion?.isSnapshot) keep(after)
      return after
    },
    async transact(id, work) {
      drop(id)
      const written = new Set<string>()
      try {
        return await store.transact(id, (stream, transaction) =>
          work(stream, {
            ...transaction,
            set: (path, value) => (written.add(path), transaction.set(path, value)),
            delete: (path) => (written.add(path), transaction.delete(path)),
          }),
        )
      } finally {
        documentsKept.drop(written)
      }
    },
  }
}
