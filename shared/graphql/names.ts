/** The names by which GraphQL has an operation. */

import { isRpc } from '../rpc/names.ts'
import type { Operation } from '../service/operation.ts'

export type RootType = 'Query' | 'Mutation' | 'Subscription'

/** Arguments of a mutation beside those of its operation: of REST they are the headers. */
export const KEY_ARGUMENT = 'idempotencyKey'
export const WAIT_ARGUMENT = 'waitSeconds'
export const VERSION_ARGUMENT = 'expectedVersion'
export const HEADER_ARGUMENTS: readonly string[] = [KEY_ARGUMENT, WAIT_ARGUMENT, VERSION_ARGUMENT]

/** Undefined: REST alone has it, as gRPC has it not. A stream is a subscription. */
export function rootTypeOf(operation: Operation): RootType | undefined {
  if (operation.streams) return 'Subscription'
  if (!isRpc(operation)) return undefined
  return operation.method === 'get' ? 'Query' : 'Mutation'
}
