/** When a failed task is tried again: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RetryConfig */

import type { RetryConfig } from '../values/records.ts'

/** The wait after that many attempts: it doubles `maxDoublings` times, grows by the last doubling from then on, and never exceeds the maximum. */
export function backoffMs(attempts: number, { minBackoffMs, maxBackoffMs, maxDoublings }: RetryConfig): number {
  const doublings = Math.min(attempts - 1, maxDoublings)
  const linear = Math.max(0, attempts - 1 - maxDoublings)
  // 2 ** 60 milliseconds are far beyond every maximum, and still a number.
  const doubled = minBackoffMs * 2 ** Math.min(doublings, 60)
  return Math.min(maxBackoffMs, doubled + linear * minBackoffMs * 2 ** Math.min(maxDoublings, 60))
}

/** True when a task's attempts and, if set, its retry duration are used up: the queue drops it. */
export function isExhausted(attempts: number, sinceFirstMs: number, { maxAttempts, maxRetryMs }: RetryConfig): boolean {
  const attemptsUsed = maxAttempts !== -1 && attempts >= maxAttempts
  const timeUsed = maxRetryMs > 0 && sinceFirstMs >= maxRetryMs
  if (maxAttempts === -1) return maxRetryMs > 0 && timeUsed
  return maxRetryMs > 0 ? attemptsUsed && timeUsed : attemptsUsed
}
