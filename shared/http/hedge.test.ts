/** When a second request is sent, which of two answers counts, and how many are sent at most. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Cancelled, Unavailable } from '../base/errors.ts'
import { createHedge, type Hedge, HEDGED_SHARE } from './hedge.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const { signal } = new AbortController()

/** A callee that answers each request after the next of these times, or fails then. */
function callee(...plan: (number | { readonly failsAfterMs: number })[]) {
  const signals: AbortSignal[] = []
  const call = (given: AbortSignal): Promise<number> => {
    const next = plan[signals.length]!
    const at = signals.push(given)
    return new Promise((resolve, reject) => {
      given.addEventListener('abort', () => reject(given.reason as Error))
      if (typeof next === 'number') setTimeout(resolve, next, at)
      else setTimeout(() => reject(new Unavailable(`The request ${at} failed.`)), next.failsAfterMs)
    })
  }
  return { call, signals }
}

async function settled<T>(work: Promise<T>): Promise<T | Error> {
  const outcome = work.catch((error: Error) => error)
  await vi.runAllTimersAsync()
  return outcome
}

/** It knows answers of 10 ms, and has a budget for two further requests. */
async function experienced(hedge: Hedge = createHedge()): Promise<Hedge> {
  for (let at = 0; at < 2 / HEDGED_SHARE; at++) await settled(hedge.race(callee(10).call, signal))
  return hedge
}

describe('a hedged read', () => {
  it('is sent once while it answers as fast as most', async () => {
    const { call, signals } = callee(10)
    expect(await settled((await experienced()).race(call, signal))).toBe(1)
    expect(signals).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is sent again after the time in which most answered, and the first answer counts', async () => {
    const { call, signals } = callee(1_000, 10)
    const answer = (await experienced()).race(call, signal)
    await vi.advanceTimersByTimeAsync(9)
    expect(signals).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(signals).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(10)
    expect(await answer).toBe(2)
    // The other call ends at once, and no circuit counts it.
    expect(signals[0]!.reason).toBeInstanceOf(Cancelled)
  })

  it('has the first answer where the second is later', async () => {
    expect(await settled((await experienced()).race(callee(15, 1_000).call, signal))).toBe(1)
  })

  it('has the other answer where one fails, and the failure of the first where both do', async () => {
    const hedge = await experienced()
    expect(await settled(hedge.race(callee({ failsAfterMs: 20 }, 50).call, signal))).toBe(2)
    const failed = await settled(hedge.race(callee({ failsAfterMs: 20 }, { failsAfterMs: 1 }).call, signal))
    expect(failed).toMatchObject({ message: 'The request 1 failed.' })
  })

  it('that was sent twice is reported with the request that answered, and one that was sent once is not', async () => {
    const outcomes: string[] = []
    const hedge = await experienced(createHedge((outcome) => void outcomes.push(outcome)))
    await settled(hedge.race(callee(15, 1_000).call, signal))
    await settled(hedge.race(callee(1_000, 10).call, signal))
    expect(outcomes).toEqual(['first', 'second'])
    const other = await experienced(createHedge((outcome) => void outcomes.push(outcome)))
    await settled(other.race(callee({ failsAfterMs: 20 }, { failsAfterMs: 1 }).call, signal))
    await settled(other.race(callee(1).call, signal))
    expect(outcomes.slice(2)).toEqual(['failed'])
  })

  it('that fails at once is not sent again: that is for the retry', async () => {
    const { call, signals } = callee({ failsAfterMs: 1 })
    expect(await settled((await experienced()).race(call, signal))).toBeInstanceOf(Unavailable)
    expect(signals).toHaveLength(1)
  })

  it('is sent once while nothing is known of the callee', async () => {
    const { call, signals } = callee(10_000)
    expect(await settled(createHedge().race(call, signal))).toBe(1)
    expect(signals).toHaveLength(1)
  })

  it('ends with its request, and is not sent again then', async () => {
    const request = new AbortController()
    const { call, signals } = callee(1_000)
    const answer = (await experienced()).race(call, request.signal).catch((error: Error) => error)
    request.abort(new Cancelled('The client hung up.'))
    await vi.runAllTimersAsync()
    expect(await answer).toMatchObject({ message: 'The client hung up.' })
    expect([signals.length, vi.getTimerCount()]).toEqual([1, 0])
  })

  it('of a callee that became slow is sent a second time within its budget alone', async () => {
    const hedge = await experienced()
    let sent = 0
    const reads = 100
    for (let at = 0; at < reads; at++) {
      const { call, signals } = callee(1_000 + at, 1_000 + at)
      await settled(hedge.race(call, signal))
      sent += signals.length
    }
    expect(sent).toBeGreaterThan(reads)
    expect(sent - reads).toBeLessThanOrEqual(2 + reads * HEDGED_SHARE)
  })
})
