/** Runs each job when it is due: one attempt at a time, again after a failure, until the next time in its schedule. */

import type { Timer } from '../../core/clock.ts'
import { backoffMs } from '../../core/backoff.ts'
import type { Table } from '../../core/journal.ts'
import type { CloudContext } from '../../core/plugin.ts'
import type { Execution, JobRecord, RetryConfig } from '../values/records.ts'
import { attempt } from './attempt.ts'
import { nextTime } from './cron.ts'

export interface Runner {
  /** After a job was made, changed or deleted. */
  wake(name: string): void
  /** One attempt now, whatever the schedule and the state of the job. */
  runNow(name: string): Promise<void>
  stop(): void
}

export function makeRunner(context: CloudContext, jobs: Table<JobRecord>): Runner {
  const { clock } = context
  const timers = new Map<string, Timer>()
  const inFlight = new Set<string>()
  const stopping = new AbortController()

  const wake = (name: string): void => {
    timers.get(name)?.cancel()
    timers.delete(name)
    const job = jobs.get(name)
    // The end of the attempt in flight wakes the job again: until then its next time waits.
    if (stopping.signal.aborted || !job || job.state === 'PAUSED' || inFlight.has(name)) return
    timers.set(
      name,
      clock.at(Math.min(job.execution?.dueMs ?? Infinity, job.nextMs), () => void fire(name)),
    )
  }

  const fire = async (name: string): Promise<void> => {
    const job = jobs.get(name)!
    const nowMs = clock.now()
    const begun: JobRecord =
      job.nextMs <= nowMs
        ? { ...job, nextMs: nextTime(job, nowMs), execution: begin(job.nextMs, nowMs) }
        : { ...job, execution: { ...job.execution!, dueMs: nowMs } }
    // It is recorded before the request leaves: an attempt that this process does not survive is made by the next one.
    jobs.set(name, begun)
    await attemptOf(begun, begun.execution!)
  }

  const attemptOf = async (job: JobRecord, execution: Execution): Promise<void> => {
    inFlight.add(job.name)
    const startedMs = clock.now()
    const { scheduledMs, attempts } = execution
    const status = await attempt(context, job, { scheduledMs, number: attempts + 1, stop: stopping.signal })
    inFlight.delete(job.name)
    if (stopping.signal.aborted) return
    const current = jobs.get(job.name)
    // It may have been deleted, or changed, which ends the execution.
    if (current) {
      const { execution: running, ...rest } = current
      const isSame = running?.scheduledMs === scheduledMs && running.firstAttemptMs === execution.firstAttemptMs
      const next = isSame && status.code !== 0 ? again(running, current.retryConfig, clock.now()) : undefined
      jobs.set(job.name, {
        ...rest,
        lastAttemptMs: startedMs,
        status,
        ...(next ? { execution: next } : running && !isSame ? { execution: running } : {}),
      })
    }
    wake(job.name)
  }

  return {
    wake,
    async runNow(name) {
      const nowMs = clock.now()
      // In no record: an attempt that is asked for is not repeated.
      await attemptOf(jobs.get(name)!, begin(nowMs, nowMs))
    },
    stop() {
      stopping.abort(new Error('The local cloud ends.'))
      for (const timer of timers.values()) timer.cancel()
    },
  }
}

const begin = (scheduledMs: number, nowMs: number): Execution => ({
  scheduledMs,
  firstAttemptMs: nowMs,
  attempts: 0,
  dueMs: nowMs,
})

/** The execution after one more failed attempt. Undefined: no attempt is left, and the job waits for its next time. */
function again(execution: Execution, retryConfig: RetryConfig, nowMs: number): Execution | undefined {
  const { retryCount, maxRetryMs } = retryConfig
  const attempts = execution.attempts + 1
  const countIsUsed = attempts > retryCount
  const timeIsUsed = maxRetryMs === 0 || nowMs - execution.firstAttemptMs >= maxRetryMs
  if (retryCount === 0 || (countIsUsed && timeIsUsed)) return undefined
  return { ...execution, attempts, dueMs: nowMs + backoffMs(attempts, retryConfig) }
}
