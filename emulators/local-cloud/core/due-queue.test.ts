import { expect, it } from 'vitest'
import { DueQueue } from './due-queue.ts'
import { seededRandom } from './random.ts'

const all = <Item>(queue: DueQueue<Item>): Item[] => {
  const taken: Item[] = []
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item)
  return taken
}

it('returns items by time, and items of equal time in the order of arrival', () => {
  const random = seededRandom(1)
  const queue = new DueQueue<{ atMs: number; arrival: number }>()
  const added = Array.from({ length: 5000 }, (_, arrival) => ({ atMs: Math.floor(random.next() * 100), arrival }))
  for (const item of added) queue.add(item, item.atMs)
  expect(all(queue)).toEqual(added.toSorted((a, b) => a.atMs - b.atMs || a.arrival - b.arrival))
})

it('without times is first in, first out, also when adding and taking alternate', () => {
  const queue = new DueQueue<number>()
  const taken: number[] = []
  for (let at = 0; at < 3000; at++) {
    queue.add(at)
    if (at % 3 === 0) taken.push(queue.take()!)
  }
  expect([...taken, ...all(queue)]).toEqual(Array.from({ length: 3000 }, (_, at) => at))
})

it('takes due items and leaves the others', () => {
  const queue = new DueQueue<string>()
  queue.add('later', 20)
  queue.add('sooner', 10)
  expect([queue.take(9), queue.take(10), queue.take(19), queue.first()?.item]).toEqual([
    undefined,
    'sooner',
    undefined,
    'later',
  ])
})

it('skips cancelled items', () => {
  const waiting = new Map([['a', 1]])
  const queue = new DueQueue<string>((name, atMs) => waiting.get(name) === atMs)
  queue.add('a', 1)
  waiting.set('a', 5)
  queue.add('a', 5)
  expect(queue.first()).toMatchObject({ item: 'a', atMs: 5 })
  waiting.clear()
  expect(queue.take()).toBeUndefined()
})

it('does not grow with cancelled items', () => {
  let current = 0
  const queue = new DueQueue<number>((item) => item === current)
  for (let item = 0; item < 100_000; item++) {
    current = item
    queue.add(item, 1_000_000 - item)
    expect(queue.size).toBeLessThanOrEqual(1001)
  }
  expect(queue.take()).toBe(current)
})
