import { expect, it } from 'vitest'
import { nearest } from './nearest.ts'

it.each([
  ['analytics.order', 'analytics.orders'],
  ['analytics.funel', 'analytics.funnel'],
  ['ANALYTICS.ORDERS', 'analytics.orders'],
  ['events.order_lines', undefined],
  ['x', undefined],
])('nearest to %s is %s', (typed, found) => {
  expect(nearest(typed, ['analytics.orders', 'analytics.funnel'])).toBe(found)
  expect(nearest(typed, [])).toBeUndefined()
})
