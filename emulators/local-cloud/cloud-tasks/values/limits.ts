/** Limits of Cloud Tasks: https://cloud.google.com/tasks/docs/quotas */

export const limits = {
  dispatchesPerSecond: 500,
  concurrentDispatches: 5_000,
  taskNameCharacters: 500,
  queueIdCharacters: 100,
  urlCharacters: 2083,
  taskBytes: 1024 * 1024,
  scheduleAheadMs: 30 * 24 * 3_600_000,
  deadlineMinMs: 15_000,
  deadlineMaxMs: 30 * 60_000,
  deadlineDefaultMs: 10 * 60_000,
  /** The time for which a name is blocked after its task has ended; Google says an hour or more. */
  nameBlockedMs: 3_600_000,
  /** The bytes that one billed operation covers. */
  operationBytes: 32 * 1024,
} as const
