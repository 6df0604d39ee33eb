/** Pages of a list. */

import { expect, it } from 'vitest'
import { pageOf, pageSizeOf } from './page.ts'

it('a list is read page by page to its end', () => {
  const all = [1, 2, 3, 4, 5]
  expect(pageOf(all, { pageSize: 2 }, 3)).toEqual({ page: [1, 2], nextPageToken: '2' })
  expect(pageOf(all, { pageSize: 9, pageToken: '2' }, 3)).toEqual({ page: [3, 4, 5], nextPageToken: '' })
  expect([pageSizeOf({}, 100, 10), pageSizeOf({ pageSize: 500 }, 100, 10)]).toEqual([10, 100])
})

it.each([
  [{ pageSize: -1 }, 'page_size must be a whole number that is not negative: -1'],
  [{ pageSize: Number.NaN }, 'page_size must be a whole number that is not negative: NaN'],
  [{ pageToken: 'x' }, 'page_token "x" is not of this list'],
  [{ pageToken: '-1' }, 'page_token "-1" is not of this list'],
])('refuses %j', (request, message) => {
  expect(() => pageOf([1], request, 3)).toThrow(message)
})
