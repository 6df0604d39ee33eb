import { expect, it } from 'vitest'
import type { WaitingWork } from '../../../../cli/ops/waiting.ts'
import { obstacleOf } from './obstacle.ts'

const nothing: WaitingWork = { queues: [], subscriptions: [], services: [{ service: 'orders', state: 'running' }] }
const saga = { waitsFor: [{ step: 'authorize-payment', attempt: 2, until: '1970-01-01T00:01:41Z' }] }
const queue = { name: 'projects/p/locations/l/queues/payments', waiting: 5, attempts: 0 }

it('names the pending step with its attempt and deadline, and a paused queue', () => {
  const work: WaitingWork = { ...nothing, queues: [{ ...queue, state: 'PAUSED' }] }
  expect(obstacleOf(saga, work, 60_000)).toBe(
    'waits for authorize-payment (attempt 2, 41 s left): the queue payments is paused, 5 tasks wait',
  )
})

it('names failing deliveries with the last error and the next attempt, services that do not start, and those that start', () => {
  const work: WaitingWork = {
    queues: [
      { ...queue, state: 'RUNNING', attempts: 3, nextAttemptMs: 64_000, lastError: 'HTTP status code 503' },
      { ...queue, name: 'a/queues/quiet', state: 'RUNNING' },
    ],
    subscriptions: [],
    services: [
      {
        service: 'payments',
        state: 'failed',
        reason: 'payments did not start: SyntaxError: x (rules.ts:3)\n/app/rules.ts:3',
      },
      { service: 'shipping', state: 'starting' },
      { service: 'history', state: 'scaled-to-zero' },
    ],
  }
  expect(obstacleOf(undefined, work, 60_000)).toBe(
    'waits for the next event: payments does not start: SyntaxError: x (rules.ts:3); the queue payments: attempt 3 failed (HTTP status code 503), the next in 4 s; shipping is starting',
  )
})
