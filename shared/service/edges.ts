/** The edges of the graph: fields of a GraphQL type that lead to the answer of an operation, read for all objects of a request together. */

import type { Caller } from './operation.ts'

export interface Edge {
  /** The field of the object that has the key. */
  readonly by: string
  /** The operation whose access it has, and whose answer it leads to unless its type has the field already. */
  readonly like: string
  readonly summary: string
  /** The time in which its objects are read: beyond it the part is missing, or is answered from copies. */
  readonly timeoutMs: number
  /**
   * When they can not be read: copies that this instance has read within so many seconds, for objects that are the same for every
   * caller. Absent: the part is left out, and its error says why.
   */
  readonly copiesForSeconds?: number
}
/** By type and field: `Order.dish`. */
export type Edges = Readonly<Record<`${string}.${string}`, Edge>>

/** The most keys of one batch. */
export const BATCH_KEYS = 100

/** The objects by their keys, as their operation would answer this caller. @throws Refused, Unavailable */
export type LoadEdge = (
  keys: readonly string[],
  caller: Caller,
  options: Pick<Edge, 'timeoutMs'>,
) => Promise<ReadonlyMap<string, object>>
