/** The hash by which the request under an idempotency key is recorded, and recognised when it is repeated. */

import { hashOf } from './ids.ts'

/** @param request JSON values, parsed by their schema. The order in which a schema declares its fields does not matter. */
export const requestHashOf = (request: unknown): string => hashOf(JSON.stringify(request, withSortedFields))

/** @param recorded by `requestHashOf`, or by the former rule: the hash of the fields in the order of their schema */
export const isHashOfRequest = (recorded: unknown, request: unknown): boolean =>
  recorded === requestHashOf(request) || recorded === hashOf(JSON.stringify(request))

const withSortedFields = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
    : value
