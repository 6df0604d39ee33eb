import { expect, it } from 'vitest'
import { UsageError } from '../command.ts'
import { type DeadLetter, pageOfLetters } from './dead-letters.ts'

const letter = (id: string, sinceMs: number, type = 'seat.taken'): DeadLetter =>
  ({ id, sinceMs, type, consumer: 'tickets', reason: 'none' }) as DeadLetter
const letters = [letter('4', 9), letter('2', 7), letter('3', 7, 'TakeSeat'), letter('1', 3)]
const page = (given: Partial<Parameters<typeof pageOfLetters>[1]>) => {
  const { letters: some, more } = pageOfLetters(letters, { type: undefined, limit: 2, after: undefined, ...given })
  return [some.map(({ id }) => id), more]
}

it('dead letters are shown oldest first, page by page', () => {
  expect(page({})).toEqual([['1', '2'], 2])
  expect(page({ after: '2' })).toEqual([['3', '4'], 0])
  expect(page({ after: '4' })).toEqual([[], 0])
  expect(page({ type: 'TakeSeat' })).toEqual([['3'], 0])
})

it('a page after a dead letter that is gone is refused', () => {
  expect(() => page({ after: '9' })).toThrow(UsageError)
  expect(() => page({ after: '3', type: 'seat.taken' })).toThrow('begin it without --after')
})
