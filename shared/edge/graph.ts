/** The parts of a graph, as its routes and its fields have them. */

import type { Context } from 'hono'
import type DataLoader from 'dataloader'
import type { Edges, LoadEdge } from '../service/edges.ts'
import type { Caller, Operation } from '../service/operation.ts'
import type { Platform } from '../service/platform.ts'
import type { GraphqlSource } from '../service/public-api.ts'
import type { Bound } from './handle.ts'

/** All that a graph is made of. */
export interface Graph {
  readonly platform: Platform
  readonly source: GraphqlSource
  readonly operations: ReadonlyMap<string, { readonly operation: Operation; readonly bound: Bound }>
  readonly edges: Edges
  readonly loaders: Readonly<Record<string, LoadEdge>>
  /** The caller whose token the request carries, charged for it. @throws Refused, Limited, Unavailable */
  caller(c: Context): Promise<Caller>
  /** @throws Limited */
  chargeFurther(c: Context, caller: Caller, operations: number): void
}

/** One request of GraphQL: its caller, and what it has read. */
export interface Run {
  readonly c: Context
  readonly caller: Caller
  readonly loaders: Map<string, DataLoader<string, object>>
  /** Commands of the document that have no key of their own. With it, fields are counted, and nothing is done. */
  readonly counted?: { commands: number; withoutKey: number }
  /** The edges that were answered from copies. */
  readonly stale: StalePart[]
  followed?: { readonly id: string; readonly args: Arguments }
}
/** A part that was answered from copies: the result has it in its extensions. */
export interface StalePart {
  readonly edge: string
  /** Of the oldest copy. */
  readonly ageSeconds: number
  /** Why it was not read. */
  readonly code: string
}
export type Arguments = Readonly<Record<string, unknown>>
