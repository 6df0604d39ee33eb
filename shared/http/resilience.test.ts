/** The outcomes of calls that open and close a callee's circuit, and the waits of a call. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withDeadline } from '../base/deadline.ts'
import { ClientClosed, DeadlineExceeded, Unavailable } from '../base/errors.ts'
import { type Allowance, createResiliencePolicy, type ResiliencePolicy } from './resilience.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const CONCURRENT = 100
const QUEUED = 200
const HALF_OPEN_AFTER_MS = 2_000
const calleeMs = 10_000
const once = { timeoutMs: calleeMs, idempotent: false }
/** Waits until the call is aborted, as fetch does. */
const silent = ({ signal }: Allowance) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
const failing = async (): Promise<never> => {
  throw new Unavailable('It answered 503.')
}
/** The outcome of a call whose request has 5 ms. */
async function timedOut(policy: ResiliencePolicy, call = silent): Promise<unknown> {
  const outcome = withDeadline(5, () => policy.execute(call, once), { byCaller: true }).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(5)
  return outcome
}
/** Calls that ignore their signal; `end` ends them all. */
function stuck(policy: ResiliencePolicy, count: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const calls = Promise.all(Array.from({ length: count }, () => policy.execute(() => promise, once)))
  // Calls beyond the queue are refused, which a test may await only later.
  calls.catch(() => {})
  return {
    async end() {
      resolve()
      await calls
    },
  }
}

async function opened(policy = createResiliencePolicy('orders')): Promise<ResiliencePolicy> {
  for (let failed = 0; failed < 8; failed++) await policy.execute(failing, once).catch(() => {})
  expect(policy.isOpen()).toBe(true)
  return policy
}

describe('a circuit', () => {
  it("stays closed when callers abort before the callee's timeout", async () => {
    const policy = createResiliencePolicy('orders')
    for (let given = 0; given < 20; given++) expect(await timedOut(policy)).toBeInstanceOf(DeadlineExceeded)
    expect(policy.isOpen()).toBe(false)
    expect(await policy.execute(async () => 'answer', once)).toBe('answer')
  })

  it('stays closed when clients disconnect', async () => {
    const policy = createResiliencePolicy('orders')
    for (let given = 0; given < 20; given++) {
      const client = new AbortController()
      const outcome = withDeadline(calleeMs, () => policy.execute(silent, once), { disconnect: client.signal })
      client.abort(new ClientClosed())
      await expect(outcome).rejects.toBeInstanceOf(ClientClosed)
    }
    expect(policy.isOpen()).toBe(false)
  })

  it('opens when the callee does not answer within its timeout', async () => {
    const policy = createResiliencePolicy('orders')
    const calls = Array.from({ length: 8 }, () =>
      withDeadline(calleeMs, () => policy.execute(silent, { timeoutMs: 5, idempotent: false })),
    )
    const outcomes = Promise.all(calls.map((call) => call.catch((error: unknown) => error)))
    await vi.advanceTimersByTimeAsync(5)
    for (const outcome of await outcomes) {
      expect(outcome).toBeInstanceOf(Unavailable)
      expect(outcome).not.toBeInstanceOf(DeadlineExceeded)
    }
    expect(policy.isOpen()).toBe(true)
  })

  it('counts failures in a row: a call that was aborted in between is neither failure nor success', async () => {
    const policy = createResiliencePolicy('orders')
    for (let failed = 0; failed < 8; failed++) {
      expect(policy.isOpen()).toBe(false)
      await policy.execute(failing, once).catch(() => {})
      await timedOut(policy)
    }
    expect(policy.isOpen()).toBe(true)
  })

  it('stays closed when calls get no slot', async () => {
    const policy = createResiliencePolicy('orders')
    const calls = stuck(policy, CONCURRENT + QUEUED)
    for (let refused = 0; refused < 20; refused++)
      await expect(policy.execute(async () => 'answer', once)).rejects.toThrow('100 calls are in flight and 200 wait')
    expect(policy.isOpen()).toBe(false)
    await calls.end()
    expect(await policy.execute(async () => 'answer', once)).toBe('answer')
  })

  it('reports each change of its state, with the failure that opened it', async () => {
    const states: unknown[] = []
    const policy = await opened(createResiliencePolicy('orders', (...transition) => void states.push(transition)))
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    await policy.execute(failing, once).catch(() => {})
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    await policy.execute(async () => 'answer', once)
    const open = ['open', 'Unavailable: It answered 503.']
    expect(states).toEqual([open, ['half-open'], open, ['half-open'], ['closed']])
  })
})

describe('a call', () => {
  it('is not retried for a disconnected caller', async () => {
    let calls = 0
    const policy = createResiliencePolicy('orders')
    const counting = (time: Allowance): Promise<never> => {
      calls += 1
      return silent(time)
    }
    const outcome = withDeadline(5, () => policy.execute(counting, { timeoutMs: calleeMs, idempotent: true }))
    const refused = expect(outcome).rejects.toBeInstanceOf(DeadlineExceeded)
    await vi.advanceTimersByTimeAsync(calleeMs)
    await refused
    expect(calls).toBe(1)
  })

  it('ends with its signal during the backoff', async () => {
    const policy = createResiliencePolicy('orders')
    const outcome = withDeadline(5, () => policy.execute(failing, { timeoutMs: calleeMs, idempotent: true }))
    const refused = expect(outcome).rejects.toBeInstanceOf(DeadlineExceeded)
    await vi.advanceTimersByTimeAsync(5)
    await refused
  })

  it('that waits for a slot ends with its signal and leaves the queue', async () => {
    const policy = createResiliencePolicy('orders')
    const calls = stuck(policy, CONCURRENT)
    const waiting = Array.from({ length: QUEUED }, () =>
      withDeadline(5, () => policy.execute(async () => 'answer', once)).catch((error: unknown) => error),
    )
    await vi.advanceTimersByTimeAsync(5)
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(DeadlineExceeded)
    const next = policy.execute(async () => 'answer', once)
    await calls.end()
    expect(await next).toBe('answer')
  })

  it('keeps its slot until it has ended, also when its caller has disconnected', async () => {
    const policy = createResiliencePolicy('orders')
    const { promise: work, resolve } = Promise.withResolvers<void>()
    const calls = Array.from({ length: CONCURRENT }, () =>
      withDeadline(5, () => policy.execute(() => work, once)).catch(() => 'aborted'),
    )
    await vi.advanceTimersByTimeAsync(5)
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['aborted']))
    let started = false
    const next = policy.execute(async () => void (started = true), once)
    await vi.advanceTimersByTimeAsync(100)
    expect(started).toBe(false)
    resolve()
    await next
    expect(started).toBe(true)
  })

  it('leaves no timer behind', async () => {
    await createResiliencePolicy('orders').execute(async () => 'answer', once)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a half-open circuit', () => {
  it("is decided by the callee's answer within its full timeout, independent of the caller's deadline", async () => {
    const policy = await opened()
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    const { promise: answer, reject } = Promise.withResolvers<never>()
    let time: Allowance | undefined
    const outcome = await timedOut(policy, (given) => {
      time = given
      return answer
    })
    // Its caller has disconnected; the callee's answer still decides.
    expect(outcome).toBeInstanceOf(DeadlineExceeded)
    expect(time!.signal.aborted).toBe(false)
    expect(time!.leftMs()).toBe(calleeMs - 5)
    reject(new Unavailable('It answered 503.'))
    await vi.advanceTimersByTimeAsync(0)
    expect(policy.isOpen()).toBe(true)

    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    expect(await policy.execute(async () => 'answer', once)).toBe('answer')
    expect(policy.isOpen()).toBe(false)
  })

  it('refuses other calls at once, without waiting for the test call', async () => {
    const policy = await opened()
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    const { promise, resolve } = Promise.withResolvers<string>()
    const deciding = policy.execute(() => promise, once)
    await expect(policy.execute(async () => 'another', once)).rejects.toThrow('its circuit is open')
    resolve('answer')
    expect(await deciding).toBe('answer')
    expect(await policy.execute(async () => 'another', once)).toBe('another')
  })

  it('sends its test call at once, also while hanging calls hold all slots', async () => {
    const policy = createResiliencePolicy('orders')
    const failed = Array.from({ length: 8 }, () => policy.execute(failing, once).catch(() => {}))
    const calls = stuck(policy, 250)
    await Promise.all(failed)
    expect(policy.isOpen()).toBe(true)
    await expect(policy.execute(async () => 'answer', once)).rejects.toThrow('its circuit is open')
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    expect(await policy.execute(async () => 'answer', once)).toBe('answer')
    expect(policy.isOpen()).toBe(false)
    await calls.end().catch(() => {})
  })

  it('refuses other calls at once, also while hanging calls and the test call hold all slots', async () => {
    const policy = createResiliencePolicy('orders')
    const failed = Array.from({ length: 8 }, () => policy.execute(failing, once).catch(() => {}))
    const calls = stuck(policy, 250)
    await Promise.all(failed)
    vi.advanceTimersByTime(HALF_OPEN_AFTER_MS)
    const { promise, resolve } = Promise.withResolvers<string>()
    const testCall = policy.execute(() => promise, once)
    let refusal: unknown
    const other = policy.execute(async () => 'answer', once).catch((error: unknown) => (refusal = error))
    await vi.advanceTimersByTimeAsync(0)
    expect(String(refusal)).toContain('its circuit is open')
    resolve('answer')
    expect(await testCall).toBe('answer')
    await other
    await calls.end().catch(() => {})
  })
})
