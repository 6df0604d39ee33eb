/** Reads the objects of an edge, and answers from copies while they can not be read, if the edge is declared so. */

import { Cancelled, Refused } from '../base/errors.ts'
import type { Caller } from '../service/operation.ts'
import type { Edges, LoadEdge } from '../service/edges.ts'

/** Copies of all edges of an instance: a new one beyond it replaces the one that was read longest ago. */
const MAX_COPIES = 2_000

export interface ReadObjects {
  readonly objects: ReadonlyMap<string, object>
  /** The objects are copies, of which the oldest is so old; an object without a copy fails with this error. */
  readonly stale?: { readonly ageSeconds: number; readonly error: unknown }
}

/** @throws what `load` throws, where no copy is left */
export type ReadEdge = (name: string, keys: readonly string[], caller: Caller) => Promise<ReadObjects>

export function createEdgeReads(
  edges: Edges,
  loaders: Readonly<Record<string, LoadEdge>>,
  now: () => number,
): ReadEdge {
  const copies = new Map<string, { readonly object: object; readonly atMs: number }>()
  const nameOf = (edge: string, key: string): string => JSON.stringify([edge, key])

  const keep = (edge: string, objects: ReadonlyMap<string, object>): void => {
    for (const [key, object] of objects) {
      const name = nameOf(edge, key)
      // Deleted first, so that the map is in the order in which they were read.
      copies.delete(name)
      copies.set(name, { object, atMs: now() })
      if (copies.size > MAX_COPIES) copies.delete(copies.keys().next().value!)
    }
  }

  return async (name, keys, caller) => {
    const { timeoutMs, copiesForSeconds = 0 } = edges[name as keyof Edges]!
    try {
      const objects = await loaders[name]!(keys, caller, { timeoutMs })
      if (copiesForSeconds > 0) keep(name, objects)
      return { objects }
    } catch (error) {
      // A refusal is an answer, and a request that has ended waits for none.
      if (error instanceof Refused || error instanceof Cancelled) throw error
      const sinceMs = now() - copiesForSeconds * 1_000
      const kept = keys.flatMap((key) => {
        const copy = copies.get(nameOf(name, key))
        return copy && copiesForSeconds > 0 && copy.atMs >= sinceMs ? [[key, copy] as const] : []
      })
      if (kept.length === 0) throw error
      const oldestMs = Math.min(...kept.map(([, { atMs }]) => atMs))
      return {
        objects: new Map(kept.map(([key, { object }]) => [key, object])),
        stale: { ageSeconds: Math.floor((now() - oldestMs) / 1_000), error },
      }
    }
  }
}
