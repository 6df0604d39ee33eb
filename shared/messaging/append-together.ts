/** Appends to one stream that come while another of this instance is under way wait for its end, and go together as one write. */

import { AsyncResource } from 'node:async_hooks'
import { type Answer, createBatches, sameForAll } from '../base/batches.ts'
import type { Commit, StoredStream, StreamStore } from './stream-store.ts'

/** Of one write. */
const MAX_COMMITS = 20
/** Of their commits as JSON, unless it is one commit: a document has room for them. What is beyond goes alone. */
const MAX_CHARACTERS = 100_000

/** Of several, with a read between each two; then the store decides on each. */
const MAX_ATTEMPTS = 3

/** Decides on a copy of the stream. Undefined, or a throw: the store has to decide. */
type Decide = (before: StoredStream) => Commit | undefined

interface Appended {
  readonly commit: Commit
  readonly before: StoredStream
}

interface Proposed {
  readonly isNew: boolean
  readonly decide: Decide
}

export type Append = (
  stream: { readonly id: string; readonly isNew: boolean },
  decide: Decide,
) => Promise<Appended | undefined>

/**
 * Each is decided on the kept stream with the commits before it in the same write, which has one precondition: all of them are
 * appended, or none. Several whose write is refused, or of whose stream no copy is kept, share one read and go together again.
 * Undefined: it was not appended.
 */
export function appendTogether(store: Pick<StreamStore, 'recall' | 'load' | 'append'>): Append {
  const decideAll = (
    id: string,
    all: readonly Proposed[],
    loaded: StoredStream | undefined,
  ): (Appended | undefined)[] => {
    let stream = loaded
    let characters = 0
    return all.map(({ isNew, decide }) => {
      const before = stream ?? store.recall(id, isNew)
      const commit = before && attempted(() => decide(before))
      if (!before || !commit) return undefined
      const text = JSON.stringify(commit)
      if (characters > 0 && characters + text.length > MAX_CHARACTERS) return undefined
      characters += text.length
      const { version, commits, size } = before
      // Parsed, as a read would return it.
      const after = {
        version: version + 1,
        commits: [...commits, JSON.parse(text) as Commit],
        size: size + text.length,
      }
      stream = { ...before, ...after }
      return { commit, before }
    })
  }
  const appendAll = async (
    id: string,
    all: readonly Proposed[],
    { attempt, loaded }: { readonly attempt: number; readonly loaded?: StoredStream } = { attempt: 1 },
  ): Promise<readonly Answer<Appended | undefined>[]> => {
    const decided = decideAll(id, all, loaded)
    const [first, ...further] = decided.filter((one) => one !== undefined)
    try {
      if (first && (await store.append(first.before, first.commit, { further: further.map(({ commit }) => commit) })))
        return decided.map((value) => ({ value }))
    } catch (error) {
      // The outcome is unknown for each commit of the write, and for no other delivery.
      return decided.map((value) => (value ? { error } : { value }))
    }
    const isToRead = first ? further.length > 0 : all.length > 1 && !loaded && !store.recall(id)
    return isToRead && attempt < MAX_ATTEMPTS
      ? appendAll(id, all, { attempt: attempt + 1, loaded: await store.load(id) })
      : sameForAll(all, undefined)
  }

  const lines = new Map<
    string,
    { readonly append: (one: Proposed, size: number) => Promise<Appended | undefined>; users: number }
  >()
  return async ({ id, isNew }, decide) => {
    const line = lines.get(id) ?? {
      append: createBatches<Proposed, Appended | undefined>((all) => appendAll(id, all), {
        maxItems: MAX_COMMITS,
        maxSize: MAX_COMMITS,
        isOfOneItem: () => false,
      }),
      users: 0,
    }
    lines.set(id, line)
    line.users += 1
    try {
      // Another delivery may begin the write: each is decided in its own span.
      return await line.append({ isNew, decide: AsyncResource.bind(decide) }, 1)
    } finally {
      line.users -= 1
      if (line.users === 0) lines.delete(id)
    }
  }
}

function attempted<T>(decide: () => T): T | undefined {
  try {
    return decide()
  } catch {
    return undefined
  }
}
