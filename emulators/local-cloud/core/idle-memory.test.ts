import { describe, expect, it } from 'vitest'
import { collectGarbage, collectorOf, heapBytes } from './idle-memory.ts'

const MB = 1024 * 1024

describe('the memory of an idle process', () => {
  /** @param shares of the time between two checks in which the process worked @returns the checks at which it collected */
  const collections = (shares: readonly number[], grow: (check: number) => number = () => 0): number[] => {
    let bytes = 40 * MB
    let at = 0
    const collected: number[] = []
    const check = collectorOf({
      busyShare: () => shares[at]!,
      heapBytes: () => bytes,
      collect() {
        collected.push(at)
        bytes = 20 * MB
      },
    })
    for (; at < shares.length; at++) {
      bytes += grow(at)
      check()
    }
    return collected
  }

  it('is given back at the second check that finds it idle', () => {
    expect(collections([0.5, 0, 0, 0])).toEqual([2])
  })
  it('is not given back while it works now and then', () => {
    expect(collections([0, 0.03, 0, 0.03, 0])).toEqual([])
  })
  it('is given back although its timers run', () => {
    expect(collections([0.01, 0.01])).toEqual([1])
  })
  it('is given back once, and again when it has grown since', () => {
    expect(collections([0, 0, 0, 0])).toEqual([1])
    expect(collections([0, 0, 0, 0, 0], (check) => (check === 3 ? 7 * MB : 0))).toEqual([1])
    expect(collections([0, 0, 0, 0, 0], (check) => (check === 3 ? 9 * MB : 0))).toEqual([1, 3])
  })
})

it('a collection frees garbage that was kept long enough to become old, and leaves no function behind', () => {
  let kept: unknown[] | undefined = Array.from({ length: 500_000 }, (_, index) => ({ index, text: `${index}` }))
  collectGarbage()
  expect(kept).toHaveLength(500_000)
  const before = heapBytes()
  kept = undefined
  // Other tests of the process may leave garbage of their own, so there is no upper bound.
  collectGarbage()
  expect(before - heapBytes()).toBeGreaterThan(15 * MB)
  expect(globalThis.gc).toBeUndefined()
})
