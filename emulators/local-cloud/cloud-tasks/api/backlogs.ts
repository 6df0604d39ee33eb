/** The tasks that wait in each queue, for people: Google has such numbers in Cloud Monitoring only. */

import { Hono } from 'hono'
import type { Http } from '../../core/service.ts'
import type { CloudTasksState } from '../state.ts'
import type { QueueRecord } from '../values/records.ts'

export interface QueueBacklog {
  readonly name: string
  readonly state: QueueRecord['state']
  /** Tasks that wait for an attempt, or have one in progress. */
  readonly waiting: number
  /** Times in milliseconds since the epoch. Absent: no task waits. */
  readonly oldestMs?: number
  /** When the next attempt is due, which a paused queue does not make. */
  readonly nextAttemptMs?: number
  /** Of the task that failed most often: attempts so far, and why the last one failed. */
  readonly attempts: number
  readonly lastError?: string
}

export function queueBacklogs({ queues, tasksIn }: CloudTasksState): QueueBacklog[] {
  return [...queues.values()].map(({ name, state }) => {
    const tasks = tasksIn(name)
    const [worst] = tasks.toSorted((a, b) => b.attempts - a.attempts)
    if (!worst) return { name, state, waiting: 0, attempts: 0 }
    return {
      name,
      state,
      waiting: tasks.length,
      oldestMs: Math.min(...tasks.map(({ createdAtMs }) => createdAtMs)),
      nextAttemptMs: Math.min(...tasks.map(({ dueMs }) => dueMs)),
      attempts: worst.attempts,
      ...(worst.lastReason === undefined ? {} : { lastError: worst.lastReason }),
    }
  })
}

export function backlogRoutes(backlogs: () => readonly QueueBacklog[]): Http {
  const app: Http = new Hono()
  app.get('/_local/tasks/queues', (c) => c.json({ queues: backlogs() }))
  return app
}
