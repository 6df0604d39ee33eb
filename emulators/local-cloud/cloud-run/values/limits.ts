/** Limits of Cloud Run, https://cloud.google.com/run/quotas, and of the local logs. */

export const limits = {
  nameCharacters: 49,
  requestBytes: 32 * 1024 * 1024,
  timeoutMs: 3_600_000,
  concurrency: 1000,
  /** Beyond this, requests for a slot are refused with 429, as by Cloud Run. */
  queuedRequests: 1000,
  /** After SIGTERM, before SIGKILL. */
  stopTimeoutMs: 10_000,
  /** Above this size `SERVICE.log` is renamed to `SERVICE.log.1`. */
  logBytes: 32 * 1024 * 1024,
  /** If a service writes faster than the disk, this much of its log waits in memory; further lines are dropped. */
  unwrittenLogBytes: 16 * 1024 * 1024,
} as const
