/** The rows of the backlog: which are listed, and in which order. */

import { expect, it } from 'vitest'
import { heldUp } from './queues.ts'
import { waitingRows } from './waiting.ts'

const NOW_MS = 10_000
const queue = {
  name: 'projects/p/locations/l/queues/seats',
  state: 'RUNNING',
  waiting: 0,
  attempts: 0,
} as const
const rowsOf = (...queues: Parameters<typeof waitingRows>[0]['queues']) =>
  waitingRows({ queues, subscriptions: [] }, NOW_MS)

it('lists a paused queue, with no task or with one that is due, and no next attempt of it', () => {
  const rows = rowsOf(
    queue,
    { ...queue, state: 'PAUSED' },
    { ...queue, state: 'PAUSED', waiting: 1, oldestMs: 5000, nextAttemptMs: 5000 },
  )
  expect(rows.map(({ state, waiting, nextAttemptMs }) => [state, waiting, nextAttemptMs])).toEqual([
    ['paused', 1, undefined],
    ['paused', 0, undefined],
  ])
})

it('lists what fails before what waits, and what waits before what is scheduled', () => {
  const rows = rowsOf(
    { ...queue, waiting: 1, oldestMs: 1, nextAttemptMs: NOW_MS + 1 },
    { ...queue, waiting: 2, oldestMs: 2, nextAttemptMs: NOW_MS },
    { ...queue, waiting: 3, oldestMs: 3, attempts: 1, nextAttemptMs: NOW_MS + 1 },
  )
  expect(rows.map(({ state, waiting }) => `${state} ${waiting}`)).toEqual(['failing 3', 'waiting 2', 'scheduled 1'])
})

it('names what is paused and what fails, and nothing else, as what keeps a saga waiting', () => {
  const rows = rowsOf(
    { ...queue, waiting: 1, oldestMs: 1, nextAttemptMs: NOW_MS + 1 },
    { ...queue, waiting: 2, oldestMs: 2, nextAttemptMs: NOW_MS },
    { ...queue, waiting: 1, oldestMs: 3, attempts: 4, lastError: 'no answer within 30 s', nextAttemptMs: NOW_MS + 1 },
    { ...queue, state: 'PAUSED', waiting: 5, oldestMs: 4, attempts: 1, nextAttemptMs: NOW_MS + 1 },
  )
  expect(heldUp(rows)).toEqual([
    'The queue seats is paused, and 5 tasks wait: see npm run ops -- queues.',
    'A delivery of seats failed 4 times (no answer within 30 s), and 1 waits: see npm run ops -- queues.',
  ])
})
