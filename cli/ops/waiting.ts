/** The backlog of the platform that runs here: tasks, messages, and services that do not start. */

import type { QueueBacklog } from 'local-google-cloud/cloud-tasks'
import type { SubscriptionBacklog } from 'local-google-cloud/pubsub'
import type { Running } from '../command.ts'
import type { ServiceState } from '../failed-starts.ts'
import { getLocal } from '../local.ts'

export interface WaitingWork {
  readonly queues: readonly QueueBacklog[]
  readonly subscriptions: readonly SubscriptionBacklog[]
  readonly services: readonly ServiceState[]
}

export interface WaitingRow {
  readonly kind: 'queue' | SubscriptionBacklog['kind']
  readonly name: string
  /** `scheduled`: none is due yet, as with timers. */
  readonly state: 'paused' | 'failing' | 'waiting' | 'scheduled'
  readonly waiting: number
  readonly oldestMs: number | undefined
  readonly attempts: number
  readonly nextAttemptMs: number | undefined
  readonly lastError: string | undefined
}

/** @throws UsageError when the local cloud does not answer */
export async function readWaiting(running: Running): Promise<WaitingWork> {
  const [{ queues }, { subscriptions }, { services }] = await Promise.all([
    getLocal<{ queues: QueueBacklog[] }>(running, '/_local/tasks/queues'),
    getLocal<{ subscriptions: SubscriptionBacklog[] }>(running, '/_local/pubsub/subscriptions'),
    getLocal<{ services: ServiceState[] }>(running, '/_local/run/processes'),
  ])
  return { queues, subscriptions, services }
}

/** Paused queues, and everything with work that waits: the paused first, then the failing, then the oldest. */
export function waitingRows(
  { queues, subscriptions }: Pick<WaitingWork, 'queues' | 'subscriptions'>,
  nowMs: number,
): WaitingRow[] {
  const rows: WaitingRow[] = [
    ...queues.map((queue) => row(queue, { kind: 'queue', isPaused: queue.state === 'PAUSED', nowMs })),
    ...subscriptions.map((subscription) => row(subscription, { kind: subscription.kind, isPaused: false, nowMs })),
  ]
  const rank = ({ state }: WaitingRow): number => ['paused', 'failing', 'waiting', 'scheduled'].indexOf(state)
  return rows
    .filter(({ waiting, state }) => waiting > 0 || state === 'paused')
    .toSorted((a, b) => rank(a) - rank(b) || (a.oldestMs ?? Infinity) - (b.oldestMs ?? Infinity))
}

function row(
  { name, waiting, oldestMs, attempts, nextAttemptMs, lastError }: QueueBacklog | SubscriptionBacklog,
  { kind, isPaused, nowMs }: { kind: WaitingRow['kind']; isPaused: boolean; nowMs: number },
): WaitingRow {
  return {
    kind,
    name: name.split('/').at(-1)!,
    state: isPaused ? 'paused' : attempts > 0 ? 'failing' : (nextAttemptMs ?? 0) > nowMs ? 'scheduled' : 'waiting',
    waiting,
    oldestMs,
    attempts,
    nextAttemptMs: isPaused ? undefined : nextAttemptMs,
    lastError,
  }
}
