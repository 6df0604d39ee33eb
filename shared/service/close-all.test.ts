import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { closeAll } from './close-all.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

it('closing continues when a resource fails or hangs, and both are logged', async () => {
  const closed: string[] = []
  const logged: unknown[] = []
  const failure = new Error('The channel is closed.')
  const closing = closeAll(
    {
      'Pub/Sub': async () => {
        throw failure
      },
      'Cloud Tasks': () => new Promise(() => {}),
      Firestore: async () => void closed.push('Firestore'),
    },
    (severity, event, fields) => void logged.push([severity, event, fields!['resource'], String(fields!['error'])]),
  )
  await vi.advanceTimersByTimeAsync(3_000)
  expect(await closing).toBe(false)
  expect(closed).toEqual(['Firestore'])
  expect(logged).toEqual([
    ['WARNING', 'close.failed', 'Pub/Sub', 'Error: The channel is closed.'],
    ['WARNING', 'close.failed', 'Cloud Tasks', 'Error: It did not close in 3000 ms.'],
  ])
})
