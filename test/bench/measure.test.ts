import { expect, it } from 'vitest'
import { median, percentile, underLoad } from './measure.ts'

it.each([
  [[3, 1, 2], 0.5, 2],
  [[4, 1, 2, 3], 0.5, 2],
  [Array.from({ length: 100 }, (_, at) => at + 1), 0.99, 99],
  [[7], 0.99, 7],
])('of %j the percentile %d is %d', (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected)
})

it('a median is not changed by an outlier', () => {
  expect(median([1, 1000, 2, 3, 2])).toBe(2)
})

it('places the requested number of orders, concurrently at maxActive as many as there are clients', async () => {
  let active = 0
  let maxActive = 0
  let placed = 0
  await underLoad({
    clients: 4,
    orders: 10,
    async order() {
      placed += 1
      maxActive = Math.max(maxActive, (active += 1))
      await Promise.resolve()
      active -= 1
    },
  })
  expect([placed, maxActive]).toEqual([10, 4])
})
