import { describe, expect, it } from 'vitest'
import { addressOf } from './address.ts'
import { createBuckets, MAX_KEYS } from './rate-limit.ts'

function started(limit = { perSecond: 2, burst: 3 }) {
  let nowMs = 1_000
  return { buckets: createBuckets(limit, () => nowMs), advance: (ms: number) => void (nowMs += ms) }
}

describe('a bucket', () => {
  it('allows its burst, then states when the next request is allowed', () => {
    const { buckets, advance } = started()
    expect([1, 2, 3].map(() => buckets.consume('a').remaining)).toEqual([2, 1, 0])
    expect(buckets.consume('a')).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 1, resetSeconds: 2 })
    advance(499)
    expect(buckets.consume('a').allowed).toBe(false)
    advance(1)
    expect(buckets.consume('a')).toMatchObject({ allowed: true, remaining: 0 })
    expect(buckets.consume('a').allowed).toBe(false)
  })

  it('is not charged for refused requests, and refills to no more than its burst', () => {
    const { buckets, advance } = started()
    for (let index = 0; index < 100; index++) buckets.consume('a')
    advance(1_000)
    expect([1, 2, 3].map(() => buckets.consume('a').allowed)).toEqual([true, true, false])
    advance(3_600_000)
    expect([1, 2, 3, 4].map(() => buckets.consume('a').allowed)).toEqual([true, true, true, false])
  })

  it('is not charged by a peek or by other buckets', () => {
    const { buckets } = started()
    for (let index = 0; index < 10; index++) expect(buckets.peek('a').remaining).toBe(3)
    for (let index = 0; index < 10; index++) buckets.consume('b')
    expect(buckets.consume('a').remaining).toBe(2)
  })

  it('does not refill when the clock is set back', () => {
    const { buckets, advance } = started()
    for (let index = 0; index < 3; index++) buckets.consume('a')
    advance(-10_000)
    expect(buckets.consume('a').allowed).toBe(false)
  })

  it('is dropped, the least recently used first, beyond a maximum number', () => {
    const { buckets } = started({ perSecond: 0.001, burst: 1 })
    buckets.consume('first')
    for (let key = 0; key < 3 * MAX_KEYS; key++) {
      if (key % 1_000 === 0) expect(buckets.consume('busy').allowed).toBe(key === 0)
      buckets.consume(String(key))
    }
    expect(buckets.size()).toBe(MAX_KEYS)
    expect(buckets.consume('first').allowed).toBe(true)
  })
})

describe('an address', () => {
  it.each<[string | undefined, number, string]>([
    ['203.0.113.7', 0, '203.0.113.7'],
    ['1.1.1.1, 203.0.113.7', 0, '203.0.113.7'],
    ['1.1.1.1,203.0.113.7,10.0.0.1', 1, '203.0.113.7'],
    ['203.0.113.7', 1, 'unknown'],
    [undefined, 0, 'unknown'],
    ['', 0, 'unknown'],
    ['2001:DB8:1:2:3:4:5:6', 0, '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', 0, '2001:db8:1:2::/64'],
    ['2001:db8:0001:0002:ffff::', 0, '2001:db8:1:2::/64'],
    ['::1', 0, '0:0:0:0::/64'],
    ['nonsense', 0, 'nonsense'],
  ])('%s behind %i proxies is %s', (header, proxies, address) => {
    expect(addressOf(header, proxies)).toBe(address)
  })
})
