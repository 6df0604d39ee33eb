/** The edge's settings for tests: no limit applies unless a test sets it. */

import type { EdgeSettings } from './settings.ts'

const wide = { perSecond: 1_000_000, burst: 1_000_000 }

export const testEdge = (changes: Partial<EdgeSettings> = {}): string =>
  JSON.stringify({
    limits: { customer: wide, staff: wide, importer: wide, address: wide },
    concurrentRequests: 1_000,
    providerRequests: 1_000,
    requestsPerAddress: 1_000,
    requestsPerCaller: 1_000,
    requestTimeoutMs: 25_000,
    trustedProxies: 0,
    origins: ['https://shop.example.com'],
    ...changes,
  } satisfies EdgeSettings)
