/**
 * The operations by which clients reach a service, declared as data by the service that answers them (`functions/NAME/api.ts`,
 * made by `define-api.ts`). A public service takes them all: its grants follow from them (`with-operations.ts`), and its routes,
 * checks and document (`shared/edge/serve-operations.ts`). No schema is built before a public service starts.
 */

import type { Secrets } from '../base/secret.ts'
import type { Setting } from '../base/setting.ts'
import type { Contracts } from '../contracts/contract.ts'
import type { SecurityEvent } from '../signals/security-log.ts'
import type { ApiDescription, Caller, Operation, Webhooks } from './operation.ts'
import type { Edges } from './edges.ts'
import type { RequestObjective } from './request-objective.ts'
import type { EarlierVersion, Shaped } from './earlier-version.ts'

/** The request with which a declaration computes, checked as the operation declares. */
export interface Given<Params = object, Body = unknown, Key = string | undefined> {
  readonly caller: Caller
  readonly key: Key
  readonly body: Body
  readonly params: Params
}

interface Described<O extends Operation> {
  readonly method: Operation['method']
  readonly path: string
  readonly objective?: Pick<RequestObjective, 'name' | 'title'> | undefined
  /** Versions that are served beside it, which is the newest. */
  readonly earlier?: readonly EarlierVersion[] | undefined
  /** Called by a public service alone: the schemas of bodies and answers are built only there. */
  readonly describe: () => O
}

/** One query of the service, whose answer is handed on. */
export interface QueryOperation<O extends Operation = Operation> extends Described<O> {
  readonly asks: string
  /** @throws Refused */
  readonly request: (given: never) => object
  /** By status, of answers that are shown otherwise than the query's contract has them. */
  readonly shapes?: Readonly<Record<number, Shaped | undefined>> | undefined
  readonly timeoutMs?: number | undefined
  readonly hedged?: true | undefined
  readonly location?: ((given: never) => string) | undefined
  readonly securityEvent?: ((given: never) => ActOf) | undefined
}

/** One command of the service, submitted under the caller's key. */
export interface Submitted<O extends Operation = Operation, Checked = unknown> extends Described<O> {
  readonly submits: string
  readonly subject: string
  readonly answers: readonly string[]
  readonly derives: Readonly<Record<string, (caller: Caller, key: string) => unknown>>
  readonly limitedTo?: ((caller: Caller) => string | undefined) | undefined
  readonly isChecked: Checked
}

/** Code of the service at the edge answers it. */
export interface Handled<O extends Operation = Operation> extends Described<O> {
  readonly isHandled: true
}

export type DeclaredOperation = QueryOperation | Submitted | Handled

export type ActOf = Pick<SecurityEvent, 'event' | 'reason' | 'act'>

/** The needs of a service's code at the edge, besides the queries and commands that its operations name. */
export interface AtEdge {
  /** Contracts of other services. */
  readonly uses: readonly Contracts[]
  readonly queries: readonly string[]
  readonly submits: readonly string[]
  readonly settings: readonly Setting[]
  readonly secrets: Secrets
  /** Of the graph. */
  readonly edges: Edges
}

export interface Api {
  readonly contracts: Contracts
  readonly operations: Readonly<Record<string, DeclaredOperation>>
  readonly atEdge: AtEdge
  /** Members of its problem documents besides those of every service. */
  readonly problemMembers?: ApiDescription['problemMembers']
  /** The requests that the service posts to addresses of clients, by the type in their bodies. */
  readonly webhooks?: Webhooks
}

/** Whether it has code at the edge: the export `edge` of `functions/NAME/edge.ts`. */
export const hasCodeAtEdge = ({ operations, atEdge }: Pick<Api, 'operations' | 'atEdge'>): boolean =>
  Object.keys(atEdge.edges).length > 0 ||
  Object.values(operations).some((one) => 'isHandled' in one || ('isChecked' in one && one.isChecked === true))
