/** Lists of which `npm test` takes some. */

import { expect, it } from 'vitest'
import { representatives, wholeLists } from '../support/whole-lists.ts'

const nameOf = (name: string): string => name

it('those that are named, in the order of the list, and all of it in npm run verify', () => {
  const all = ['one', 'two', 'three']
  expect(representatives(all, ['three', 'one'], nameOf)).toEqual(wholeLists ? all : ['one', 'three'])
})

it('refuses a name that the list does not hold, so that nothing is left out unseen', () => {
  expect(() => representatives(['one'], ['one', 'tow'], nameOf)).toThrow('No tow among one.')
})
