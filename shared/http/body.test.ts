/** The time limits of a request body, and the errors of its reader. */

import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BODY_BYTES_PER_SECOND, BODY_GRACE_MS, readBody } from './body.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const limitBytes = 1024 * 1024
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
/** Waits until written bytes are read, or the check after a timer has run. */
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await turn()
}

function reading() {
  const source = new PassThrough()
  const read = readBody(source, limitBytes)
  const outcome = read.then(
    (body) => body.toString('utf8').slice(0, 20),
    (error: { code?: string }) => error.code,
  )
  return { source, outcome }
}

describe('a body', () => {
  it('is read whole, and leaves no timer', async () => {
    const { source, outcome } = reading()
    source.write('one ')
    source.end('two')
    expect(await outcome).toBe('one two')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that never comes is refused after the grace', async () => {
    const { outcome } = reading()
    await vi.advanceTimersByTimeAsync(BODY_GRACE_MS)
    await settled()
    expect(await outcome).toBe('body-too-slow')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that arrives byte by byte gets no additional time', async () => {
    const { source, outcome } = reading()
    for (let second = 0; second < 2; second++) {
      source.write('x')
      await settled()
      await vi.advanceTimersByTimeAsync(1_000)
    }
    await vi.advanceTimersByTimeAsync(10)
    await settled()
    expect(await outcome).toBe('body-too-slow')
  })

  it('that arrives at the minimum rate has the time that it needs', async () => {
    const { source, outcome } = reading()
    for (let second = 0; second < 4; second++) {
      source.write(Buffer.alloc(BODY_BYTES_PER_SECOND, 'x'))
      await settled()
      await vi.advanceTimersByTimeAsync(1_000)
    }
    await vi.advanceTimersByTimeAsync(BODY_GRACE_MS - 1)
    source.end()
    expect(await outcome).toBe('x'.repeat(20))
  })

  it('that had arrived while the process was busy is read after its time limit', async () => {
    const { source, outcome } = reading()
    await settled()
    // The clock advances before the event loop continues: the timer fires first, then the bytes are read.
    vi.advanceTimersByTime(BODY_GRACE_MS)
    source.end(Buffer.alloc(600_000, 'x'))
    await settled()
    expect(await outcome).toBe('x'.repeat(20))
  })

  it('beyond its limit is refused without destroying its stream, so that the answer can be sent', async () => {
    const { source, outcome } = reading()
    source.write(Buffer.alloc(limitBytes + 1))
    expect(await outcome).toBe('body-too-large')
    expect(source.destroyed).toBe(false)
  })

  it('that stops before its end is reported as a disconnected client', async () => {
    const { source, outcome } = reading()
    source.write('{"a":')
    await settled()
    source.destroy()
    expect(await outcome).toBe('client-closed')
  })
})
