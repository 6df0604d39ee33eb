import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deadlineOf, outsideRequest, remainingMs, requestContext, withDeadline, withTimeout } from './deadline.ts'
import { ClientClosed, DeadlineExceeded, Unavailable } from './errors.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const never = () => new Promise<never>(() => {})

describe('a deadline', () => {
  it('gives nested work the remaining time', async () => {
    expect(remainingMs()).toBeUndefined()
    await withDeadline(1_000, async () => {
      expect(remainingMs()).toBe(1_000)
      vi.advanceTimersByTime(300)
      expect(remainingMs()).toBe(700)
    })
    expect(remainingMs()).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends the wait, not the work', async () => {
    let done = false
    const waited = withDeadline(50, async () => {
      await new Promise<void>((resolve) => void setTimeout(resolve, 80))
      done = true
      throw new Error('an ignored error')
    })
    const refused = expect(waited).rejects.toBeInstanceOf(Unavailable)
    await vi.advanceTimersByTimeAsync(50)
    await refused
    expect(done).toBe(false)
    await vi.advanceTimersByTimeAsync(30)
    expect(done).toBe(true)
  })

  it('within another is the earlier of the two', async () => {
    const waited = withDeadline(100, () => withDeadline(10_000, never))
    const refused = expect(waited).rejects.toBeInstanceOf(Unavailable)
    await vi.advanceTimersByTimeAsync(100)
    await refused
    await withDeadline(10_000, async () => withDeadline(20, async () => expect(remainingMs()).toBe(20)))
  })

  it('aborts the signal of nested work with the error that ends the request', async () => {
    let signal: AbortSignal | undefined
    const waited = withDeadline(
      100,
      () =>
        withDeadline(10_000, () => {
          signal = requestContext()!.signal
          return never()
        }),
      { byCaller: true },
    )
    const refused = expect(waited).rejects.toMatchObject({ name: 'DeadlineExceeded', byCaller: true })
    expect(signal!.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(100)
    await refused
    expect(signal!.reason).toBeInstanceOf(DeadlineExceeded)
  })

  it('ends when the client disconnects, and does not begin after that', async () => {
    const client = new AbortController()
    let signal: AbortSignal | undefined
    const work = (): Promise<never> => {
      signal = requestContext()!.signal
      return never()
    }
    const waited = withDeadline(10_000, work, { disconnect: client.signal })
    client.abort(new ClientClosed())
    await expect(waited).rejects.toBeInstanceOf(ClientClosed)
    expect(signal!.aborted).toBe(true)
    signal = undefined
    await expect(withDeadline(10_000, work, { disconnect: client.signal })).rejects.toBeInstanceOf(ClientClosed)
    expect(signal).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends a wait that has its own timeout, which fails with another error', async () => {
    const late = new Error('No token.')
    const waits = withDeadline(100, () => withTimeout(200, never, () => late)).catch((error: unknown) => error)
    const timesOut = withDeadline(300, () => withTimeout(200, never, () => late)).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(200)
    expect(await waits).toBeInstanceOf(DeadlineExceeded)
    expect(await timesOut).toBe(late)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not apply to work shared with other requests', async () => {
    await withDeadline(100, () => outsideRequest(async () => expect(requestContext()).toBeUndefined()))
  })

  it.each<[string | undefined, number | undefined]>([
    ['1500', 1_500],
    ['0', 0],
    ['999999', 60_000],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['10, 20', undefined],
    ['9'.repeat(400), undefined],
  ])('in a header: %s is %s', (header, ms) => expect(deadlineOf(header)).toBe(ms))
})
