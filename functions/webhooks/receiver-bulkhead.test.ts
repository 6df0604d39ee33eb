import { describe, expect, it } from 'vitest'
import {
  createReceiverBulkhead,
  MAX_OF_CUSTOMER,
  MAX_OF_ENDPOINT,
  MAX_OF_SPEED,
  QUICK_MS,
  type Receiver,
} from './receiver-bulkhead.ts'

const receiver = (endpointId: string, given: Partial<Receiver> = {}): Receiver => ({
  endpointId,
  customer: `customer of ${endpointId}`,
  isFailing: false,
  ...given,
})
/** How many attempts are made of those that come. */
const entered = (bulkhead: ReturnType<typeof createReceiverBulkhead>, of: Receiver): number => {
  let count = 0
  while (count < 100 && bulkhead.enter(of).leave) count += 1
  return count
}

describe('attempts beside each other', () => {
  it.each<[string, number | undefined, Partial<Receiver>, number]>([
    ['that answered within a second', QUICK_MS, {}, MAX_OF_ENDPOINT.quick],
    ['that took longer', QUICK_MS + 1, {}, MAX_OF_ENDPOINT.slow],
    ['that was not tried here', undefined, {}, MAX_OF_ENDPOINT.untried],
    ['that fails', QUICK_MS, { isFailing: true }, MAX_OF_ENDPOINT.slow],
  ])('at an endpoint %s are limited by it', (_, tookMs, given, expected) => {
    const bulkhead = createReceiverBulkhead()
    if (tookMs !== undefined) bulkhead.answered('w-1', tookMs)
    expect(entered(bulkhead, receiver('w-1', given))).toBe(expected)
  })

  it('of one customer are as many at five endpoints as at two', () => {
    const bulkhead = createReceiverBulkhead()
    const endpoints = ['1', '2', '3', '4', '5']
    for (const id of endpoints) bulkhead.answered(id, 1)
    expect(endpoints.map((id) => entered(bulkhead, receiver(id, { customer: 'c' })))).toEqual([
      8,
      MAX_OF_CUSTOMER - 8,
      0,
      0,
      0,
    ])
  })

  it('at receivers that are not tried yet or slow leave room for the others', () => {
    const bulkhead = createReceiverBulkhead()
    const ofMany = (prefix: string): number =>
      Array.from({ length: 100 }, (_, at) => entered(bulkhead, receiver(`${prefix}-${at}`))).reduce(
        (sum, one) => sum + one,
      )
    for (let at = 0; at < 100; at++) bulkhead.answered(`slow-${at}`, QUICK_MS + 1)
    bulkhead.answered('quick', 1)
    expect(ofMany('slow')).toBe(MAX_OF_SPEED.slow)
    expect(ofMany('untried')).toBe(MAX_OF_SPEED.untried)
    expect(entered(bulkhead, receiver('quick'))).toBe(MAX_OF_ENDPOINT.quick)
  })

  it('at a quick endpoint that hang are one beside those that do not, and count with those at slow ones', () => {
    const bulkhead = createReceiverBulkhead()
    for (const id of ['w-1', 'w-2']) bulkhead.answered(id, 1)
    bulkhead.enter(receiver('w-1'))
    expect(entered(bulkhead, receiver('w-1', { hangs: true }))).toBe(1)
    expect(entered(bulkhead, receiver('w-1'))).toBe(MAX_OF_ENDPOINT.quick - 2)
    for (let at = 1; at < MAX_OF_SPEED.slow; at++) bulkhead.enter(receiver(`slow-${at}`, { isFailing: true }))
    expect(bulkhead.enter(receiver('w-2', { hangs: true }))).toEqual({ speed: 'slow' })
    expect(entered(bulkhead, receiver('w-2'))).toBe(MAX_OF_ENDPOINT.quick)
  })

  it('that end make room, and a quick answer more of it', () => {
    const bulkhead = createReceiverBulkhead()
    const { leave } = bulkhead.enter(receiver('w-1'))
    expect(bulkhead.enter(receiver('w-1'))).toEqual({ speed: 'untried' })
    leave!(1)
    expect(entered(bulkhead, receiver('w-1'))).toBe(MAX_OF_ENDPOINT.quick)
    bulkhead.enter(receiver('w-2')).leave!(undefined)
    expect(bulkhead.enter(receiver('w-2')).speed).toBe('slow')
  })
})
