/** Pages of a list whose tokens are positions. */

import { invalidArgument } from '../status.ts'

interface PageRequest {
  readonly pageSize?: number | undefined
  readonly pageToken?: string | undefined
}

/** The size of a page, `most` at most and by default. @throws INVALID_ARGUMENT for a negative one. */
export function pageSizeOf({ pageSize = 0 }: PageRequest, most: number, byDefault = most): number {
  if (!Number.isInteger(pageSize) || pageSize < 0)
    throw invalidArgument(`page_size must be a whole number that is not negative: ${pageSize}`)
  return Math.min(pageSize || byDefault, most)
}

/** @throws INVALID_ARGUMENT for a token that no list gave, and a negative size. */
export function pageOf<T>(
  all: readonly T[],
  request: PageRequest,
  ...sizes: [most: number, byDefault?: number]
): { readonly page: readonly T[]; readonly nextPageToken: string } {
  const { pageToken = '' } = request
  if (!/^\d{0,15}$/.test(pageToken)) throw invalidArgument(`page_token "${pageToken}" is not of this list.`)
  const from = Number(pageToken)
  const to = from + pageSizeOf(request, ...sizes)
  return { page: all.slice(from, to), nextPageToken: to < all.length ? String(to) : '' }
}
