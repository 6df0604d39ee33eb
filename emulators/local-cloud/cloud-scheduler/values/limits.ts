/** Limits of Cloud Scheduler: https://cloud.google.com/scheduler/quotas and the reference of v1. */

export const limits = {
  jobIdCharacters: 500,
  descriptionCharacters: 499,
  urlCharacters: 2083,
  bodyBytes: 1024 * 1024,
  retryCount: 5,
  doublings: 16,
  deadlineMinMs: 15_000,
  deadlineMaxMs: 30 * 60_000,
  deadlineDefaultMs: 180_000,
  pageSize: 500,
} as const

export const jobName = /^projects\/[^/]+\/locations\/[^/]+\/jobs\/[A-Za-z0-9_-]{1,500}$/
