/** The documents of one database: current, by collection, and as they were up to an hour ago. */

import type { Clock } from '../../core/clock.ts'
import type { Journal } from '../../core/journal.ts'
import { type Changes, type Document, type StoredDocument, documentTable } from './document-table.ts'
import { createHistory } from './history.ts'
import { idOf, parentOf } from '../values/paths.ts'

export type CommitListener = (changes: readonly Change[], commitMicros: number) => void

export interface Change {
  readonly path: string
  readonly before: Document | undefined
  readonly after: Document | undefined
}

export interface Scope {
  /** Document above, or '' for the root. */
  readonly parent: string
  /** Empty means every collection. */
  readonly collectionId: string
  readonly allDescendants: boolean
}

export interface Store {
  get(path: string, atMicros?: number): Document | undefined
  /** Every document in scope, in no order. */
  scan(scope: Scope, atMicros?: number): Iterable<Document>
  collectionIds(parent: string): string[]
  /** A time at which all commits so far are visible; a later commit has a later time. */
  readTime(): number
  /** Strictly later than every commit and every read time given out. */
  nextCommitTime(): number
  /** Writes a commit, all of it or nothing. */
  apply(changes: Changes, commitMicros: number): void
  /** Refuses a read time from the future, or whose versions are gone. */
  checkReadTime(atMicros: number): void
  onCommit(listener: CommitListener): () => void
  /** Documents that do not exist but have documents below them, by path. */
  missing(parent: string, collectionId: string): string[]
  /** Grows with every change. */
  readonly revision: number
  readonly size: number
}

/** The documents of the database of that name, `project/database`. */
export function createStore(journal: Journal, name: string, clock: Clock): Store {
  const table = documentTable(journal, name)
  const collections = new Map<string, Map<string, Document>>()
  const listeners = new Set<CommitListener>()
  let lastMicros = 0
  let revision = 0

  const collectionAt = (path: string): Map<string, Document> => {
    let collection = collections.get(path)
    if (!collection) collections.set(path, (collection = new Map()))
    return collection
  }
  for (const [path, stored] of table.entries()) {
    collectionAt(parentOf(path)).set(idOf(path), { path, ...stored })
    lastMicros = Math.max(lastMicros, stored.u)
  }
  // Versions from before this process are lost.
  const history = createHistory(clock, Math.max(clock.now() * 1000, lastMicros))

  const current = (path: string): Document | undefined => collections.get(parentOf(path))?.get(idOf(path))

  function* scanCurrent(scope: Scope): Iterable<Document> {
    if (!scope.allDescendants && scope.collectionId !== '') {
      yield* collections.get(join(scope.parent, scope.collectionId))?.values() ?? []
      return
    }
    for (const [path, collection] of collections) if (inScope(path, scope)) yield* collection.values()
  }

  function applyOne(path: string, stored: StoredDocument | undefined, commitMicros: number): Change {
    const before = current(path)
    const after = stored && { path, ...stored }
    history.add(path, before, commitMicros)
    if (stored) table.set(path, stored)
    else table.delete(path)
    const collection = collectionAt(parentOf(path))
    if (after) collection.set(idOf(path), after)
    else if (collection.delete(idOf(path)) && collection.size === 0) collections.delete(parentOf(path))
    return { path, before, after }
  }

  return {
    get(path, atMicros) {
      const now = current(path)
      return atMicros === undefined ? now : history.at(path, atMicros, now)
    },
    *scan(scope, atMicros) {
      if (atMicros === undefined) {
        yield* scanCurrent(scope)
        return
      }
      const earlier = history.differences(atMicros)
      for (const document of scanCurrent(scope)) if (!earlier.has(document.path)) yield document
      for (const [path, document] of earlier) if (document && inScope(parentOf(path), scope)) yield document
    },
    collectionIds(parent) {
      const ids = new Set<string>()
      const depth = parent === '' ? 0 : parent.split('/').length
      for (const path of collections.keys()) {
        if (parent === '' || path.startsWith(`${parent}/`)) ids.add(path.split('/')[depth] as string)
      }
      return [...ids]
    },
    readTime: () => (lastMicros = Math.max(lastMicros, clock.now() * 1000)),
    nextCommitTime: () => (lastMicros = Math.max(lastMicros + 1, clock.now() * 1000)),
    apply(changes, commitMicros) {
      const done: Change[] = []
      // In one turn of the event loop, hence one line of the journal: a kill leaves all of a commit or nothing.
      for (const [path, stored] of changes) {
        if (stored || current(path)) done.push(applyOne(path, stored, commitMicros))
      }
      revision += done.length
      if (done.length > 0) for (const listener of listeners) listener(done, commitMicros)
    },
    checkReadTime: (atMicros) => history.check(atMicros, Math.max(lastMicros, clock.now() * 1000)),
    onCommit(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    missing(parent, collectionId) {
      const collection = join(parent, collectionId)
      const found = new Set<string>()
      for (const path of collections.keys()) {
        if (!path.startsWith(`${collection}/`)) continue
        const child = path.slice(0, path.indexOf('/', collection.length + 1))
        if (!current(child)) found.add(child)
      }
      return [...found]
    },
    get revision() {
      return revision
    },
    get size() {
      return table.size
    },
  }
}

const join = (parent: string, id: string): string => (parent === '' ? id : `${parent}/${id}`)

function inScope(collectionPath: string, scope: Scope): boolean {
  const { parent, collectionId, allDescendants } = scope
  if (parent !== '' && !collectionPath.startsWith(`${parent}/`)) return false
  if (collectionId !== '' && idOf(collectionPath) !== collectionId) return false
  return allDescendants || join(parent, idOf(collectionPath)) === collectionPath
}

/** Whether a document is in the scope of a query or list. */
export const documentInScope = (path: string, scope: Scope): boolean => inScope(parentOf(path), scope)
