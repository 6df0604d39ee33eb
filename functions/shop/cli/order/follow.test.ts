import { beforeEach, expect, it } from 'vitest'
import { Refusal } from '../../../../cli/api.ts'
import type { OrderView, TimelineEntry } from '../order-view.ts'
import { followOrder } from './follow.ts'

let nowMs: number
let lines: string[]
/** The answers of reads, each with the time from which it is given. */
let script: readonly (readonly [fromMs: number, read: () => OrderView])[]

const START_MS = Date.UTC(2026, 0, 1)
const away = new TypeError('fetch failed')
const entry = (type: string, atMs: number): TimelineEntry => ({
  eventId: type,
  type,
  source: 'orders',
  time: new Date(START_MS + atMs).toISOString(),
  sequence: 1,
})
const order =
  (status: OrderView['status'], ...entries: TimelineEntry[]) =>
  (): OrderView =>
    ({ orderId: 'o-1', status, timeline: { entries } }) as unknown as OrderView
const fail = (error: Error) => (): OrderView => {
  throw error
}
const seconds = (): string => `${(nowMs - START_MS) / 1000} s`

const follow = (): Promise<OrderView> =>
  followOrder('o-1', {
    read: async () => script.findLast(([fromMs]) => nowMs - START_MS >= fromMs)![1](),
    obstacle: async () => `waits for seats, ${Math.round((30_000 - nowMs + START_MS) / 1000)} s left`,
    isUnreachable: (error) => error === away,
    printEntry: ({ type }, startMs) => lines.push(`${seconds()} ${type} from +${startMs - START_MS} ms`),
    note: (line) => lines.push(`${seconds()} ${line}`),
    again: 'npm run order -- --follow o-1',
    timeoutMs: 20_000,
    now: () => nowMs,
    async pause(ms) {
      nowMs += ms
    },
  })

beforeEach(() => {
  nowMs = START_MS
  lines = []
})

it('prints each event when it has happened, those that arrive late too, once', async () => {
  const [placed, reserved, completed] = [
    entry('order.placed', 0),
    entry('stock.reserved', 300),
    entry('order.completed', 1_000),
  ]
  script = [
    [0, order('pending')],
    [200, order('pending', placed)],
    [1_100, order('completed', placed, completed)],
    [1_200, order('completed', placed, reserved, completed)],
  ]
  await follow()
  expect(lines).toEqual(['0.2 s order.placed from +0 ms', '1.1 s order.completed from +0 ms'])
  script = [
    [0, order('pending', placed, completed)],
    [1_500, order('completed', placed, reserved, completed)],
  ]
  nowMs = START_MS
  lines = []
  await follow()
  expect(lines.map((line) => line.split(' ')[2])).toEqual(['order.placed', 'order.completed', 'stock.reserved'])
})

it('names the obstacle after three seconds without an event, and then every fifteen seconds', async () => {
  script = [
    [0, order('pending', entry('order.placed', 0))],
    [10_000, fail(new Refusal({ status: 503, code: 'unavailable', detail: 'later' }))],
  ]
  const ended = follow()
  await expect(ended).rejects.toThrow('o-1 has not ended within 20 s. npm run order -- --follow o-1 follows it further')
  expect(lines).toEqual([
    '0 s order.placed from +0 ms',
    '3 s waits for seats, 27 s left',
    '18 s waits for seats, 12 s left',
  ])
})

it('says how to follow the order again when the platform goes away, and goes on when it answers again', async () => {
  const placed = entry('order.placed', 0)
  script = [
    [0, order('pending', placed)],
    [1_000, fail(away)],
    [9_000, order('completed', placed, entry('order.completed', 8_900))],
  ]
  await follow()
  expect(lines).toEqual([
    '0 s order.placed from +0 ms',
    '1 s The platform does not answer. The order goes on when it runs again: npm run order -- --follow o-1 follows it.',
    '9 s The platform answers again.',
    '9 s order.completed from +0 ms',
  ])
})

it('throws any other error', async () => {
  script = [[0, fail(new Refusal({ status: 404, code: 'not-found', detail: 'no such order' }))]]
  await expect(follow()).rejects.toThrow('404 not-found')
})
