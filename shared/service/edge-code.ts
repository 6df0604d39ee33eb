/** Binds the code of a service at the edge to the operations that declare it. It runs in the public service. */

import type { SubmittedBy } from '../contracts/contract.ts'
import type { Api, AtEdge, Handled, Submitted } from './api.ts'
import type { Platform, PlatformOf } from './platform.ts'
import type { LoadEdge } from './edges.ts'
import type { Operation } from './operation.ts'
import type { OperationHandler, OperationRequest, SignatureCheck } from './public-api.ts'

/** Each part is made for one instance, at its start. */
export interface EdgeCode {
  handlers?(platform: Platform): Readonly<Record<string, OperationHandler<Operation>>>
  /** By operation: runs before its command is submitted. @throws Refused, Unavailable */
  checks?(platform: Platform): Readonly<Record<string, (given: OperationRequest<Operation>) => Promise<void>>>
  /** By edge: reads the objects with these keys, at most `BATCH_KEYS` of them. A key without an object is answered as not found. */
  edges?(platform: Platform): Readonly<Record<string, LoadEdge>>
  /** By operation: verifies the signature of a request to a `signed` one. */
  signatures?(platform: Platform): Readonly<Record<string, SignatureCheck>>
}

type Section<Name extends keyof EdgeCode, Own, Parts> = keyof Parts extends never
  ? unknown
  : { readonly [N in Name]: (platform: Own) => Parts }

type OperationsIn<A extends Pick<Api, 'operations'>> = A['operations']
type CodeOf<A extends Pick<Api, 'operations' | 'atEdge'>> = Section<
  'handlers',
  EdgePlatform<A>,
  {
    readonly [
      Id in keyof OperationsIn<A> as OperationsIn<A>[Id] extends Handled ? Id : never
    ]: OperationsIn<A>[Id] extends Handled<infer O> ? OperationHandler<O> : never
  }
> &
  Section<
    'checks',
    EdgePlatform<A>,
    {
      readonly [
        Id in keyof OperationsIn<A> as OperationsIn<A>[Id] extends Submitted<Operation, true> ? Id : never
      ]: OperationsIn<A>[Id] extends Submitted<infer O> ? (given: OperationRequest<O>) => Promise<void> : never
    }
  > &
  Section<
    'edges',
    EdgePlatform<A>,
    { readonly [Id in keyof A['atEdge']['edges'] as `${string}.${string}` extends Id ? never : Id]: LoadEdge }
  > &
  Section<
    'signatures',
    EdgePlatform<A>,
    {
      readonly [
        Id in keyof OperationsIn<A> as OperationsIn<A>[Id] extends Handled<infer O>
          ? O['access'] extends 'signed'
            ? Id
            : never
          : never
      ]: SignatureCheck
    }
  >

/** The platform that the code of a service at the edge gets: it has the secrets that its api names. */
export type EdgePlatform<A extends { readonly atEdge: Pick<AtEdge, 'secrets'> }> = PlatformOf<A['atEdge']>

/** The handler of one operation that code at the edge answers. */
export type HandlerOf<A extends Pick<Api, 'operations'>, Id extends keyof A['operations']> =
  A['operations'][Id] extends Handled<infer O> ? OperationHandler<O> : never

/** The commands that the code of a service at the edge submits, with their data: a closed union. */
export type SubmittedAtEdge<A extends Pick<Api, 'contracts'> & { readonly atEdge: AtEdge }> = SubmittedBy<{
  contracts: A['contracts']
  uses: readonly [A['contracts'], ...A['atEdge']['uses']]
  submits: A['atEdge']['submits']
}>

/** Binds code at the edge to the operations that declare it; a missing handler, check or signature does not compile. */
export const implementEdge = <const A extends Pick<Api, 'operations' | 'atEdge'>>(_api: A, code: CodeOf<A>): EdgeCode =>
  // Each part gets only what its own operation declares: the runtime checks before it calls.
  code as unknown as EdgeCode
