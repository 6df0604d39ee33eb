import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import { MAX_LETTERS } from '../../shared/messaging/replay.ts'
import { checkReplayable, replayEach } from './replay.ts'

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => void vi.restoreAllMocks())

const letter = (id: string, listener: string, type: string, data = '{}'): DeadLetter => ({
  id,
  listener,
  type,
  reason: '',
  sinceMs: 0,
  waiting: {
    subscription: `${listener}-dead-letters`,
    messageId: id,
    data: Buffer.from(data),
    attributes: { type },
    sinceMs: 0,
    ackId: id,
  },
})

describe('a replay', () => {
  it('names the letters of each listener, a bounded number in one task, and goes on after one that is refused', async () => {
    const asked: string[][] = []
    const many = Array.from({ length: MAX_LETTERS + 1 }, (_, at) => letter(`o-${at}`, 'orders', 'price.changed'))
    const stay = await replayEach(
      [...many, letter('i-1', 'inventory', 'ReserveStock'), letter('b-1', 'bigquery', 'order.placed')],
      {
        operator: { actor: 'jo', reason: 'x' },
        replayer: {
          async replay(letters) {
            asked.push(letters.map(({ id }) => id))
            if (asked.length === 2) throw new UsageError('the queue is gone')
          },
          close: async () => {},
        },
      },
    )
    expect(asked.map(({ length }) => length)).toEqual([MAX_LETTERS, 1, 1])
    expect(asked[2]).toEqual(['i-1'])
    expect(stay).toBe(2)
    expect(vi.mocked(console.error).mock.calls.map(([line]) => String(line).split(' ')[0])).toEqual([
      'b-1',
      `o-${MAX_LETTERS}`,
    ])
  })

  it.each([
    ['an event that it hears', 'orders', 'price.changed'],
    ['an event of a CloudEvent function', 'notifications', 'order.placed'],
    ['a command that it accepts', 'inventory', 'ReserveStock'],
  ])('of %s is possible', (_, listener, type) => {
    expect(() => checkReplayable({ listener, type })).not.toThrow()
  })

  it.each([
    ['a command of another service', 'orders', 'ReserveStock', /orders takes no ReserveStock/],
    ['an event that it does not hear', 'payments', 'price.changed', /payments takes no price\.changed/],
    ["BigQuery's own", 'bigquery', 'order.placed', /bigquery is no service/],
    [
      'a repeat, which any operator may ask for anew',
      'payments',
      'RepublishEvents',
      /payments takes no RepublishEvents/,
    ],
  ])('of %s is refused', (_, listener, type, says) => {
    expect(() => checkReplayable({ listener, type })).toThrow(says)
  })
})
