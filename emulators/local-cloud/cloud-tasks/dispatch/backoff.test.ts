import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../core/backoff.ts'
import { isExhausted } from './backoff.ts'

const config = { maxAttempts: -1, maxRetryMs: 0, minBackoffMs: 10_000, maxBackoffMs: 300_000, maxDoublings: 3 }

describe('the wait before the next attempt', () => {
  it("doubles, then grows linearly, and stops at the maximum: Google's example", () => {
    const waits = Array.from({ length: 9 }, (_, index) => backoffMs(index + 1, config) / 1000)
    expect(waits).toEqual([10, 20, 40, 80, 160, 240, 300, 300, 300])
  })

  it('is finite after ten thousand attempts', () => {
    expect(backoffMs(10_000, { ...config, maxDoublings: 16 })).toBe(300_000)
  })
})

describe('the end of the retries', () => {
  it.each([
    [3, 0, { maxAttempts: 3 }, true],
    [2, 0, { maxAttempts: 3 }, false],
    [3, 10, { maxAttempts: 3, maxRetryMs: 20 }, false],
    [3, 20, { maxAttempts: 3, maxRetryMs: 20 }, true],
    [1, 20, { maxAttempts: 3, maxRetryMs: 20 }, false],
    [10_000, 10_000, { maxAttempts: -1 }, false],
    [1, 20, { maxAttempts: -1, maxRetryMs: 20 }, true],
  ])('after %i attempts and %i ms with %o: %s', (attempts, sinceMs, change, expected) => {
    expect(isExhausted(attempts, sinceMs, { ...config, ...change })).toBe(expected)
  })
})
