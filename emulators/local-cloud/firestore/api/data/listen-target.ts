/** The state of one target of a listener: the sent result, and the next changes. */

import type { Database } from '../../database.ts'
import type { Document } from '../../documents/document-table.ts'
import { type Query, compareDocuments, isMatch, runQuery } from '../../query/query.ts'
import { type Change, documentInScope } from '../../documents/store.ts'

export type Selection = { readonly query: Query } | { readonly paths: readonly string[] }

/** One change from the client's result to the present result. */
export type Delta =
  | { readonly kind: 'changed'; readonly document: Document }
  /** `exists`: the document is still there, but is no result any more. */
  | { readonly kind: 'gone'; readonly path: string; readonly exists: boolean }

export interface ListenTarget {
  /** The difference between the present result and the one at the time that the client has seen, if any. */
  begin(sinceMicros: number | undefined): Delta[]
  /** The changes of the target's result by a commit. */
  follow(changes: readonly Change[]): Delta[]
  readonly count: number
}

export function createTarget({ store }: Database, selection: Selection): ListenTarget {
  /** Paths of the result, with the update time that was sent. */
  let sent = new Map<string, number>()

  const resultAt = (atMicros?: number): readonly Document[] =>
    'query' in selection
      ? runQuery(selection.query, store.scan(selection.query.scope, atMicros)).documents
      : selection.paths.flatMap((path) => store.get(path, atMicros) ?? [])

  function difference(result: readonly Document[]): Delta[] {
    const now = new Map(result.map(({ path, u }) => [path, u]))
    const gone = [...sent.keys()].filter((path) => !now.has(path))
    const changed = result.filter(({ path, u }) => sent.get(path) !== u)
    sent = now
    return [
      ...gone.map((path): Delta => ({ kind: 'gone', path, exists: store.get(path) !== undefined })),
      ...changed.map((document): Delta => ({ kind: 'changed', document })),
    ]
  }

  function isTouched({ path, before, after }: Change): boolean {
    if (!('query' in selection)) return selection.paths.includes(path)
    const { query } = selection
    if (!documentInScope(path, query.scope)) return false
    return sent.has(path) || [before, after].some((one) => one !== undefined && isMatch(query, one))
  }

  function followOne({ path, after }: Change): Delta[] {
    const belongs = after !== undefined && (!('query' in selection) || isMatch(selection.query, after))
    if (belongs) {
      sent.set(path, after.u)
      return [{ kind: 'changed', document: after }]
    }
    const isMissingDocument = !('query' in selection) && after === undefined
    return sent.delete(path) || isMissingDocument ? [{ kind: 'gone', path, exists: after !== undefined }] : []
  }

  return {
    begin(sinceMicros) {
      if (sinceMicros !== undefined) sent = new Map(resultAt(sinceMicros).map(({ path, u }) => [path, u]))
      const result = resultAt()
      const missing = 'paths' in selection ? selection.paths.filter((path) => !store.get(path) && !sent.has(path)) : []
      return [...difference(result), ...missing.map((path): Delta => ({ kind: 'gone', path, exists: false }))]
    },
    follow(changes) {
      const touched = changes.filter(isTouched)
      if (touched.length === 0) return []
      // A window over the result is computed anew: a document that leaves it makes room for the next one.
      if ('query' in selection && isWindow(selection.query)) return difference(resultAt())
      return inOrder(touched.flatMap(followOne), selection)
    },
    get count() {
      return sent.size
    },
  }
}

const isWindow = ({ limit, offset }: Query): boolean => limit !== undefined || offset > 0

function inOrder(deltas: Delta[], selection: Selection): Delta[] {
  if (!('query' in selection)) return deltas
  const { orders } = selection.query
  return deltas.toSorted((left, right) => {
    if (left.kind === 'changed' && right.kind === 'changed') {
      return compareDocuments(orders, left.document, right.document)
    }
    return Number(left.kind === 'changed') - Number(right.kind === 'changed')
  })
}
