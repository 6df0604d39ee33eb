/** Lists of which `npm test` uses a selection. */

import { expect, it } from 'vitest'
import { firstAndLast, oneOf, representatives, wholeLists } from '../support/whole-lists.ts'

const nameOf = (name: string): string => name

it('selects the named items in the order of the list, and all items in npm run verify', () => {
  const all = ['one', 'two', 'three']
  expect(representatives(all, ['three', 'one'], nameOf)).toEqual(wholeLists ? all : ['one', 'three'])
})

it('refuses a name that is not in the list', () => {
  expect(() => representatives(['one'], ['one', 'tow'], nameOf)).toThrow('No tow among one.')
})

it('selects the first and the last item, one of a list of one, and all items in npm run verify', () => {
  expect(firstAndLast([0, 1, 2, 3])).toEqual(wholeLists ? [0, 1, 2, 3] : [0, 3])
  expect([firstAndLast([0]), firstAndLast([])]).toEqual([[0], []])
})

it('selects one of several items, spread over the list, and all items in npm run verify', () => {
  const all = [0, 1, 2, 3, 4, 5, 6]
  expect(oneOf(3, all)).toEqual(wholeLists ? all : [0, 3, 6])
})
