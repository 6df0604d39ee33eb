import { expect, it } from 'vitest'
import { differencesOf } from './differences.ts'

const first = { id: 1, list: [{ price: 2, at: 'now' }, { price: 3 }], note: null }

it('names what is missing, added and changed, by its place', () => {
  const second = { id: 1, list: [{ price: 2.5, at: 'now' }], note: null, more: true }
  expect(differencesOf(first, second)).toEqual([
    { path: 'list.0.price', kind: 'changed' },
    { path: 'list.1', kind: 'missing' },
    { path: 'more', kind: 'added' },
  ])
  expect(differencesOf(first, structuredClone(first))).toEqual([])
  expect(differencesOf([], {})).toEqual([{ path: '', kind: 'changed' }])
  expect(differencesOf({ a: null }, { a: {} })).toEqual([{ path: 'a', kind: 'changed' }])
})

it('does not compare ignored members, in any entry of a list', () => {
  const second = {
    ...first,
    id: 2,
    list: [
      { price: 2, at: 'then' },
      { price: 3, at: 'then' },
    ],
  }
  expect(differencesOf(first, second, ['id', 'list.at'])).toEqual([])
})

it('ends after twenty differences', () => {
  const many = Array.from({ length: 100 }, (_, index) => index)
  expect(differencesOf(many, [])).toHaveLength(20)
})
