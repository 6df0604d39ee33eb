import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import { discardCommand, replayCommand } from '../../shared/base/names.ts'
import { MAX_LETTERS } from '../../shared/messaging/dead-letter-commands.ts'
import { theatre } from '../theatre.testing.ts'
import { checkReplayable, requestEach } from './letter-tasks.ts'

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => void vi.restoreAllMocks())

const letter = (id: string, consumer: string, type: string, data = '{}'): DeadLetter => ({
  id,
  consumer,
  type,
  reason: '',
  sinceMs: 0,
  waiting: {
    subscription: `${consumer}-dead-letters`,
    messageId: id,
    data: Buffer.from(data),
    attributes: { type },
    sinceMs: 0,
    ackId: id,
  },
})

describe('a replay', () => {
  it('names the dead letters of each consumer, a bounded number in one task, and continues after a refused task', async () => {
    const sent: string[][] = []
    const many = Array.from({ length: MAX_LETTERS + 1 }, (_, at) => letter(`o-${at}`, 'tickets', 'seat.taken'))
    const failed = await requestEach(
      [...many, letter('i-1', 'seating', 'TakeSeat'), letter('b-1', 'bigquery', 'seat.taken')],
      {
        command: replayCommand,
        services: theatre,
        operator: { actor: 'jo', reason: 'x' },
        tasks: {
          async request(_, letters) {
            sent.push(letters.map(({ id }) => id))
            if (sent.length === 2) throw new UsageError('the queue is gone')
          },
          close: async () => {},
        },
      },
    )
    expect(sent.map(({ length }) => length)).toEqual([MAX_LETTERS, 1, 1])
    expect(sent[2]).toEqual(['i-1'])
    expect(failed).toBe(2)
    expect(vi.mocked(console.error).mock.calls.map(([line]) => String(line).split(' ')[0])).toEqual([
      'b-1',
      `o-${MAX_LETTERS}`,
    ])
  })

  it.each([
    ['an event that it subscribes to', 'tickets', 'seat.taken'],
    ['an event of a CloudEvent function', 'posters', 'seat.taken'],
    ['a command that it accepts', 'seating', 'TakeSeat'],
  ])('of %s is possible', (_, consumer, type) => {
    expect(() => checkReplayable({ consumer, type }, theatre)).not.toThrow()
  })

  it.each([
    ['a command of another service', 'tickets', 'TakeSeat', /tickets has no handler for TakeSeat/],
    ['an event that it does not subscribe to', 'seating', 'seat.taken', /seating has no handler for seat\.taken/],
    ["BigQuery's own", 'bigquery', 'seat.taken', /bigquery is not a service/],
    [
      'a republish request, which an operator can send again',
      'tickets',
      'RepublishEvents',
      /tickets has no handler for RepublishEvents/,
    ],
  ])('of %s is refused', (_, consumer, type, says) => {
    expect(() => checkReplayable({ consumer, type }, theatre)).toThrow(says)
  })
})

it('a discard needs a service, and no handler', async () => {
  const sent: string[] = []
  const failed = await requestEach(
    [letter('t-1', 'tickets', 'TearUp'), letter('b-1', 'bigquery', 'seat.taken'), letter('g-1', 'gone', 'seat.taken')],
    {
      command: discardCommand,
      services: theatre,
      operator: { actor: 'jo', reason: 'x' },
      tasks: {
        async request(command, letters) {
          for (const { id } of letters) sent.push(`${command} ${id}`)
        },
        close: async () => {},
      },
    },
  )
  expect([failed, sent]).toEqual([2, ['DiscardDeadLetters t-1']])
  expect(vi.mocked(console.error).mock.calls).toEqual([
    [expect.stringMatching(/^b-1 {2}seat\.taken was not discarded: bigquery is not a service/)],
    [expect.stringMatching(/^g-1 {2}seat\.taken was not discarded: gone is not a service/)],
  ])
})
