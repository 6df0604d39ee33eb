/** Which outcomes of a call open a callee's circuit, and which one closes it again. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeadlineExceeded, Unavailable } from './errors.ts'
import { type Allowance, createResiliencePolicy, type ResiliencePolicy } from './resilience.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const calleeMs = 10_000
const shortDeadline = { leftMs: 5, byCaller: true }
/** Waits until the call is given up, as fetch does. */
const silent = ({ signal }: Allowance) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
const failing = async (): Promise<never> => {
  throw new Unavailable('It answered 503.')
}

async function opened(): Promise<ResiliencePolicy> {
  const policy = createResiliencePolicy('orders')
  for (let failed = 0; failed < 8; failed++)
    await policy.run(failing, { timeoutMs: calleeMs, idempotent: false }).catch(() => {})
  expect(policy.isOpen()).toBe(true)
  return policy
}

describe('a circuit', () => {
  it('stays closed however many callers give up before the callee has had its time', async () => {
    const policy = createResiliencePolicy('orders')
    const attempt = { timeoutMs: calleeMs, deadline: shortDeadline, idempotent: false }
    for (let given = 0; given < 20; given++)
      await expect(policy.run(silent, attempt)).rejects.toBeInstanceOf(DeadlineExceeded)
    expect(policy.isOpen()).toBe(false)
    expect(await policy.run(async () => 'answer', attempt)).toBe('answer')
  })

  it('opens when the callee itself does not answer in the time that it has', async () => {
    const policy = createResiliencePolicy('orders')
    const attempt = { timeoutMs: 5, deadline: { leftMs: calleeMs, byCaller: true }, idempotent: false }
    for (let failed = 0; failed < 8; failed++)
      await expect(policy.run(silent, attempt)).rejects.not.toBeInstanceOf(DeadlineExceeded)
    expect(policy.isOpen()).toBe(true)
  })

  it('counts failures in a row: calls that were given up in between are none, and no success either', async () => {
    const policy = createResiliencePolicy('orders')
    for (let failed = 0; failed < 8; failed++) {
      expect(policy.isOpen()).toBe(false)
      await policy.run(failing, { timeoutMs: calleeMs, idempotent: false }).catch(() => {})
      await policy.run(silent, { timeoutMs: calleeMs, deadline: shortDeadline, idempotent: false }).catch(() => {})
    }
    expect(policy.isOpen()).toBe(true)
  })

  it('asks no callee again for a caller that has given up', async () => {
    let asked = 0
    const policy = createResiliencePolicy('orders')
    const counting = (time: Allowance): Promise<never> => {
      asked += 1
      return silent(time)
    }
    await policy
      .run(counting, { timeoutMs: calleeMs, deadline: shortDeadline, idempotent: true })
      .catch(() => undefined)
    expect(asked).toBe(1)
  })
})

describe('a half-open circuit', () => {
  it('is decided by the answer of the callee, which has its whole time, whatever deadline the caller has', async () => {
    const policy = await opened()
    vi.advanceTimersByTime(2_000)
    const { promise: answer, resolve, reject } = Promise.withResolvers<string>()
    let time: Allowance | undefined
    const probe = policy.run(
      (given) => {
        time = given
        return answer
      },
      { timeoutMs: calleeMs, deadline: shortDeadline, idempotent: false },
    )
    expect(time!.leftMs()).toBeGreaterThan(shortDeadline.leftMs * 100)
    reject(new Unavailable('It answered 503.'))
    await expect(probe).rejects.toThrow('503')
    expect(policy.isOpen()).toBe(true)

    vi.advanceTimersByTime(2_000)
    resolve('too late')
    const good = policy.run(async () => 'answer', { timeoutMs: calleeMs, deadline: shortDeadline, idempotent: false })
    expect(await good).toBe('answer')
    expect(policy.isOpen()).toBe(false)
  })

  it('asks the callee at once, also while as many calls as may be under way hang', async () => {
    const policy = createResiliencePolicy('orders')
    const hung: (() => void)[] = []
    const hangs = ({ signal }: Allowance): Promise<void> =>
      new Promise((resolve) => {
        hung.push(resolve)
        signal.addEventListener('abort', () => resolve())
      })
    const once = { timeoutMs: calleeMs, idempotent: false }
    const failed = Array.from({ length: 8 }, () => policy.run(failing, once).catch(() => {}))
    const hanging = Array.from({ length: 250 }, () => policy.run(hangs, once))
    await Promise.all(failed)
    expect(policy.isOpen()).toBe(true)
    vi.advanceTimersByTime(2_000)
    expect(await policy.run(async () => 'answer', once)).toBe('answer')
    while (hung.length > 0) {
      hung.splice(0).forEach((end) => end())
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(hanging)
  })
})
