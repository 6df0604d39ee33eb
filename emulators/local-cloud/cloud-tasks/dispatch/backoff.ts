/** When a queue gives a failed task up: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RetryConfig */

import type { RetryConfig } from '../values/records.ts'

/** True when a task's attempts and, if set, its retry duration are used up: the queue drops it. */
export function isExhausted(attempts: number, sinceFirstMs: number, { maxAttempts, maxRetryMs }: RetryConfig): boolean {
  const attemptsUsed = maxAttempts !== -1 && attempts >= maxAttempts
  const timeUsed = maxRetryMs > 0 && sinceFirstMs >= maxRetryMs
  if (maxAttempts === -1) return maxRetryMs > 0 && timeUsed
  return maxRetryMs > 0 ? attemptsUsed && timeUsed : attemptsUsed
}
