/** The wait between attempts of Cloud Tasks and Cloud Scheduler: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RetryConfig */

export interface Backoff {
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
  readonly maxDoublings: number
}

/** The wait after that many attempts: it doubles `maxDoublings` times, grows by the last doubling from then on, and never exceeds the maximum. */
export function backoffMs(attempts: number, { minBackoffMs, maxBackoffMs, maxDoublings }: Backoff): number {
  const doublings = Math.min(attempts - 1, maxDoublings)
  const linear = Math.max(0, attempts - 1 - maxDoublings)
  // 2 ** 60 milliseconds are far beyond every maximum, and still a number.
  const doubled = minBackoffMs * 2 ** Math.min(doublings, 60)
  return Math.min(maxBackoffMs, doubled + linear * minBackoffMs * 2 ** Math.min(maxDoublings, 60))
}
