/** One line about what an order waits for: its pending steps, and the queues, messages and services that do not go on. */

import { failedStarts } from '../../../../cli/failed-starts.ts'
import { type WaitingRow, waitingRows, type WaitingWork } from '../../../../cli/ops/waiting.ts'
import type { SagaState } from '../../../../cli/tools.ts'
import { shown } from '../../../../cli/terminal.ts'

export function obstacleOf(saga: Pick<SagaState, 'waitsFor'> | undefined, work: WaitingWork, nowMs: number): string {
  const steps = (saga?.waitsFor ?? []).map(
    ({ step, attempt, until }) =>
      `${shown(step)} (attempt ${attempt}${until === null ? '' : `, ${secondsUntil(Date.parse(until), nowMs)} left`})`,
  )
  const causes = [
    ...failedStarts(work.services),
    ...waitingRows(work, nowMs)
      .filter(({ state }) => state === 'paused' || state === 'failing')
      .map((row) => causeOf(row, nowMs)),
    ...work.services.flatMap(({ service, state }) => (state === 'starting' ? [`${service} is starting`] : [])),
  ]
  const waits = steps.length > 0 ? `waits for ${steps.join(', ')}` : 'waits for the next event'
  return `${waits}${causes.length > 0 ? `: ${causes.join('; ')}` : ''}`
}

function causeOf(
  { kind, name, state, waiting, attempts, nextAttemptMs, lastError }: WaitingRow,
  nowMs: number,
): string {
  const of = kind === 'queue' ? `the queue ${name}` : `the subscription ${name}`
  if (state === 'paused') return `${of} is paused, ${waiting} ${waiting === 1 ? 'task waits' : 'tasks wait'}`
  const next = nextAttemptMs === undefined ? '' : `, the next in ${secondsUntil(nextAttemptMs, nowMs)}`
  return `${of}: attempt ${attempts} failed${lastError === undefined ? '' : ` (${shown(lastError)})`}${next}`
}

const secondsUntil = (atMs: number, nowMs: number): string => `${Math.max(0, Math.round((atMs - nowMs) / 1000))} s`
