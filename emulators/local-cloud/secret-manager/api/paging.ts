/** One page of a list; a page token is where the page before it ended. */

import { invalidArgument, StatusError } from '../../core/status.ts'
import { limits } from '../values/limits.ts'

export interface ListRequest {
  readonly parent?: string
  readonly pageSize?: number
  readonly pageToken?: string
  readonly filter?: string
}

/** @throws INVALID_ARGUMENT, and UNIMPLEMENTED for a filter */
export function page<Item>(
  items: readonly Item[],
  { pageSize = 0, pageToken = '', filter = '' }: ListRequest,
): { items: readonly Item[]; nextPageToken: string; totalSize: number } {
  if (filter !== '') throw new StatusError('UNIMPLEMENTED', `filter "${filter}" is not served by the local cloud.`)
  if (pageSize < 0) throw invalidArgument(`page_size: ${pageSize} must not be negative.`)
  const from = pageToken === '' ? 0 : Number(pageToken)
  if (!Number.isInteger(from) || from < 0 || from > items.length)
    throw invalidArgument(`page_token: "${pageToken}" is of no page of this list.`)
  const to = from + Math.min(pageSize || limits.pageSize, limits.pageSize)
  return {
    items: items.slice(from, to),
    nextPageToken: to < items.length ? String(to) : '',
    totalSize: items.length,
  }
}
