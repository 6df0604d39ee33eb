/** One page of a list in the order of names; a page token is where the page before it ended. */

import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'

export interface PageRequest {
  readonly pageSize?: number
  readonly pageToken?: string
}

export function page(names: readonly string[], request: PageRequest): { names: string[]; nextPageToken: string } {
  const { pageSize = 0, pageToken = '' } = request
  if (pageSize < 0) throw invalidArgument(`You have passed an invalid argument to the service (argument=page_size).`)
  const size = Math.min(pageSize || limits.defaultPageSize, limits.pageSizeMax)
  const after = pageToken === '' ? '' : Buffer.from(pageToken, 'base64url').toString()
  if (pageToken !== '' && !after.startsWith('projects/')) {
    throw invalidArgument(`You have passed an invalid page token to the service (page_token=${pageToken}).`)
  }
  const left = names.filter((name) => name > after).toSorted()
  const found = left.slice(0, size)
  const last = left.length > size ? found.at(-1)! : ''
  return { names: found, nextPageToken: Buffer.from(last).toString('base64url') }
}
