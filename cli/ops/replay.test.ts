import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import { destinationOf, replayEach } from './replay.ts'

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
  it('takes a copy off the shelf when its task exists, not before, and goes on after one that is refused', async () => {
    const acts: string[] = []
    const stay = await replayEach(
      [letter('1', 'orders', 'a'), letter('2', 'orders', 'b'), letter('3', 'orders', 'c')],
      {
        operator: { actor: 'jo', reason: 'x' },
        shelf: { take: async ({ messageId }) => void acts.push(`take ${messageId}`) },
        replayer: {
          async replay({ id }) {
            await new Promise((resolve) => setImmediate(resolve))
            acts.push(`task ${id}`)
            if (id === '2') throw new UsageError('the queue is gone')
            return { path: '/', body: Buffer.from('') }
          },
          close: async () => {},
        },
      },
    )
    expect(acts).toEqual(['task 1', 'take 1', 'task 2', 'task 3', 'take 3'])
    expect(stay).toBe(1)
  })

  it('goes where its listener takes it, in the shape in which it was delivered', () => {
    const event = destinationOf(letter('1', 'orders', 'price.changed', '{"a":1}'), 'p')
    expect(event.path).toBe('/events/price.changed')
    const { message, subscription } = JSON.parse(event.body.toString()) as {
      message: { data: string }
      subscription: string
    }
    expect(Buffer.from(message.data, 'base64').toString()).toBe('{"a":1}')
    expect(subscription).toBe('projects/p/subscriptions/orders.price.changed')
    expect(destinationOf(letter('1', 'notifications', 'order.placed'), 'p').path).toBe(
      '/projects/p/topics/order.placed',
    )
    const command = destinationOf(letter('1', 'inventory', 'ReserveStock', '{"a":1}'), 'p')
    expect([command.path, command.body.toString()]).toEqual(['/commands/ReserveStock', '{"a":1}'])
    expect(destinationOf(letter('1', 'payments', 'RepeatEvents'), 'p').path).toBe('/commands/RepeatEvents')
  })

  it.each([
    ['a command of another service', letter('1', 'orders', 'ReserveStock'), /orders takes no ReserveStock/],
    ['an event that it does not hear', letter('1', 'payments', 'price.changed'), /payments takes no price\.changed/],
    ["BigQuery's own", letter('1', 'bigquery', 'order.placed'), /bigquery is no service/],
    ['what no task can hold', letter('1', 'orders', 'price.changed', 'x'.repeat(900_000)), /a task holds/],
  ])('of %s is refused', (_, given, says) => {
    expect(() => destinationOf(given, 'p')).toThrow(says)
  })
})
