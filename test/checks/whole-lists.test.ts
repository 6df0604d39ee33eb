/** Lists of which `npm test` uses a selection. */

import { expect, it } from 'vitest'
import { representatives, wholeLists } from '../support/whole-lists.ts'

const nameOf = (name: string): string => name

it('selects the named items in the order of the list, and all items in npm run verify', () => {
  const all = ['one', 'two', 'three']
  expect(representatives(all, ['three', 'one'], nameOf)).toEqual(wholeLists ? all : ['one', 'three'])
})

it('refuses a name that is not in the list', () => {
  expect(() => representatives(['one'], ['one', 'tow'], nameOf)).toThrow('No tow among one.')
})
