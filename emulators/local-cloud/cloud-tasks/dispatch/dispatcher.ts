/** Sends the due tasks of one queue: a token for each dispatch, a slot while it is in flight, a later time after a failure. */

import { backoffMs } from '../../core/backoff.ts'
import type { Timer } from '../../core/clock.ts'
import { DueQueue } from '../../core/due-queue.ts'
import { callTarget } from '../../core/http-target.ts'
import type { CloudContext } from '../../core/plugin.ts'
import type { Table } from '../../core/journal.ts'
import { isExhausted } from './backoff.ts'
import { dispatchHeaders } from './headers.ts'
import { countOperation } from '../values/operations.ts'
import type { QueueRecord, TaskRecord } from '../values/records.ts'

export interface Dispatcher {
  add(task: TaskRecord): void
  remove(name: string): void
  /** Dispatches at once, regardless of rate, pause and schedule. */
  runNow(task: TaskRecord): Promise<void>
  /** After the queue's settings changed. */
  wake(): void
  stop(): void
  readonly waiting: number
}

export interface DispatcherParts {
  readonly context: CloudContext
  readonly tasks: Table<TaskRecord>
  queue(): QueueRecord
  /** The task has ended: done, dropped or deleted. */
  finished(task: TaskRecord): void
}

export function dispatcher({ context, tasks, queue, finished }: DispatcherParts): Dispatcher {
  const { clock } = context
  /** The time until which each task waits, by its name: a task may be removed, and added again for another time. */
  const waiting = new Map<string, number>()
  const due = new DueQueue<string>((name, dueMs) => waiting.get(name) === dueMs)
  const enqueue = (name: string, dueMs: number): void => {
    waiting.set(name, dueMs)
    due.add(name, dueMs)
  }
  const inFlight = new Set<AbortController>()
  let tokens = burst(queue())
  let refilledMs = clock.now()
  let timer: Timer | undefined
  let stopped = false

  const refill = (): void => {
    const { maxDispatchesPerSecond: rate } = queue().rateLimits
    tokens = Math.min(burst(queue()), tokens + ((clock.now() - refilledMs) / 1000) * rate)
    refilledMs = clock.now()
  }

  const pump = (): void => {
    timer?.cancel()
    timer = undefined
    if (stopped || queue().state === 'PAUSED') return
    refill()
    for (let next = due.first(); next; next = due.first()) {
      const { maxDispatchesPerSecond: rate, maxConcurrentDispatches } = queue().rateLimits
      // A slot that becomes free pumps again.
      if (inFlight.size >= maxConcurrentDispatches) return
      const tokenMs = tokens >= 1 ? clock.now() : clock.now() + Math.ceil(((1 - tokens) / rate) * 1000)
      const atMs = Math.max(next.atMs, tokenMs)
      if (atMs > clock.now()) {
        timer = clock.at(atMs, pump)
        return
      }
      tokens -= 1
      waiting.delete(next.item)
      const task = tasks.get(next.item)
      if (task) void attempt(task)
    }
  }

  const attempt = async (task: TaskRecord): Promise<void> => {
    const controller = new AbortController()
    inFlight.add(controller)
    const startedMs = clock.now()
    const deadline = clock.at(startedMs + task.deadlineMs, () =>
      controller.abort(new Error('the dispatch deadline passed')),
    )
    const outcome = await send(context, queue().name, task, controller.signal)
    deadline.cancel()
    inFlight.delete(controller)
    // Deleted meanwhile, or the process is ending: its fate is decided elsewhere.
    const current = tasks.get(task.name)
    if (!stopped && current) settle({ ...current, firstAttemptMs: current.firstAttemptMs ?? startedMs }, outcome)
    pump()
  }

  const settle = (task: TaskRecord, outcome: Outcome): void => {
    if (outcome.status >= 200 && outcome.status < 300) return finished(task)
    const { retryConfig } = queue()
    const attempts = task.attempts + 1
    if (isExhausted(attempts, clock.now() - task.firstAttemptMs!, retryConfig)) return finished(task)
    context.count('tasks.retries')
    const waitMs = Math.max(backoffMs(attempts, retryConfig), outcome.retryAfterMs)
    const dueMs = clock.now() + waitMs
    tasks.set(task.name, {
      ...task,
      attempts,
      dueMs,
      responses: task.responses + (outcome.status > 0 ? 1 : 0),
      lastStatus: outcome.status,
      lastReason: outcome.reason,
    })
    enqueue(task.name, dueMs)
  }

  return {
    add(task) {
      enqueue(task.name, task.dueMs)
      pump()
    },
    remove: (name) => void waiting.delete(name),
    async runNow(task) {
      waiting.delete(task.name)
      await attempt(task)
    },
    wake: pump,
    stop() {
      stopped = true
      timer?.cancel()
      for (const controller of inFlight) controller.abort(new Error('the queue is gone'))
    },
    get waiting() {
      return waiting.size
    },
  }
}

/** Google derives the burst from the rate: a fifth of a second's worth, at least one. */
const burst = ({ rateLimits }: QueueRecord): number => Math.max(1, Math.ceil(rateLimits.maxDispatchesPerSecond / 5))

interface Outcome {
  /** 0 when no answer came. */
  readonly status: number
  readonly reason: string
  readonly retryAfterMs: number
}

async function send(context: CloudContext, queueName: string, task: TaskRecord, signal: AbortSignal): Promise<Outcome> {
  const { request } = task
  countOperation(context, task.name, Buffer.byteLength(request.body, 'base64'))
  context.count('tasks.dispatches')
  let outcome: Outcome
  try {
    const response = await callTarget(context, request, dispatchHeaders(queueName, task), signal)
    const retryAfter = Number(response.headers.get('retry-after'))
    const slow = (response.status === 429 || response.status === 503) && Number.isFinite(retryAfter)
    outcome = {
      status: response.status,
      reason: `HTTP status code ${response.status}`,
      retryAfterMs: slow ? retryAfter * 1000 : 0,
    }
  } catch (error) {
    outcome = { status: 0, reason: error instanceof Error ? error.message : String(error), retryAfterMs: 0 }
  }
  if (outcome.status < 200 || outcome.status > 299) context.count('tasks.non2xx')
  context.logRequest({
    timeMs: context.clock.now(),
    kind: 'task',
    resource: queueName,
    target: request.url,
    status: outcome.status,
    ...(outcome.status === 0 ? { reason: outcome.reason } : {}),
    attempt: task.attempts + 1,
    messageId: task.name.split('/').at(-1)!,
    ...(request.oidc ? { email: request.oidc.email } : {}),
  })
  return outcome
}
