import { expect, it } from 'vitest'
import { z } from 'zod'
import { isHashOfRequest, requestHashOf } from './request-hash.ts'

const line = { quantity: 2, sku: 'TEA-001' }
const order = { currency: 'EUR', lines: [line], addressRef: 'a-1', note: null }

it('a request has one hash, in whatever order its schema declares the fields', () => {
  const fields = { a: z.int(), b: z.object({ c: z.int(), d: z.int() }) }
  const reordered = { b: z.object({ d: z.int(), c: z.int() }), a: z.int() }
  const body = { a: 1, b: { c: 2, d: 3 } }
  const [hash, later] = [fields, reordered].map((shape) => requestHashOf(z.strictObject(shape).parse(body)))
  expect(later).toBe(hash)
  expect(
    requestHashOf({ addressRef: 'a-1', note: null, currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 2 }] }),
  ).toBe(requestHashOf(order))
})

it.each([
  ['a value', { ...order, currency: 'GBP' }],
  ['a type', { ...order, addressRef: ['a-1'] }],
  ['a nested value', { ...order, lines: [{ ...line, quantity: 3 }] }],
  ['the order of a list', { ...order, lines: [{ sku: 'TEA-002', quantity: 1 }, line] }],
  ['a missing field', { currency: 'EUR', lines: [line], addressRef: 'a-1' }],
  ['an additional field', { ...order, more: 1 }],
])('another request in %s has another hash', (_difference, other) => {
  const lines = [line, { sku: 'TEA-002', quantity: 1 }]
  const request = 'lines' in other && other.lines.length === 2 ? { ...order, lines } : order
  expect(requestHashOf(other)).not.toBe(requestHashOf(request))
  expect(isHashOfRequest(requestHashOf(other), request)).toBe(false)
})

it('a recorded hash is recognised under both rules', () => {
  // Frozen.
  expect(requestHashOf(order)).toBe('c5c71699f55ca113ffe83081f3e65cc8b35d263fba6630ef05d6cc87350cd82e')
  expect(isHashOfRequest('c5c71699f55ca113ffe83081f3e65cc8b35d263fba6630ef05d6cc87350cd82e', order)).toBe(true)
  expect(isHashOfRequest('75454703e18dd742319f6e9f77461d3329b13651ff18a586516b52f368014e0b', order)).toBe(true)
  expect(
    isHashOfRequest('75454703e18dd742319f6e9f77461d3329b13651ff18a586516b52f368014e0b', { ...order, currency: 'GBP' }),
  ).toBe(false)
  expect(isHashOfRequest(undefined, order)).toBe(false)
})
