import { expect, it } from 'vitest'
import { fakeContext } from '../../core/fake-context.testing.ts'
import { countOperation } from './operations.ts'

it.each([
  [0, 1],
  [1, 1],
  [32 * 1024, 1],
  [32 * 1024 + 1, 2],
  [100 * 1024, 4],
])('%i bytes are %i operations', (bytes, operations) => {
  const { context, counts } = fakeContext()
  countOperation(context, 'projects/p/locations/l/queues/orders/tasks/t', bytes)
  expect(Object.fromEntries(counts)).toEqual({ 'tasks.operations': operations, 'tasks.operations.orders': operations })
})
