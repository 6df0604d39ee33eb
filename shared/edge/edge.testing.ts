/** The edge's settings for tests: no limit applies unless a test sets it. */

import { parseSetting } from '../base/setting.ts'
import { defineEdgeSettings, type EdgeSettings } from '../service/edge-settings.ts'
import type { Roles } from '../service/operation.ts'

export type TestRole = 'member' | 'clerk' | 'auditor'
/** The roles of tests of the edge. */
export const testRoles: Roles<TestRole> = { ordinary: 'member', privileged: ['auditor', 'clerk'] }
export const testRoleNames: readonly TestRole[] = [testRoles.ordinary, ...testRoles.privileged]

const wide = { perSecond: 1_000_000, burst: 1_000_000 }

/** The variable EDGE of a service with these roles. */
export const testEdgeFor = <Role extends string>(
  roles: readonly Role[],
  changes: Partial<EdgeSettings<NoInfer<Role>>> = {},
): string =>
  JSON.stringify({
    limits: Object.fromEntries([...roles, 'address'].map((name) => [name, wide])),
    concurrentRequests: 1_000,
    signedRequests: 1_000,
    requestsPerAddress: 1_000,
    requestsPerCaller: 1_000,
    requestTimeoutMs: 25_000,
    trustedProxies: 0,
    origins: ['https://app.example.com'],
    ...changes,
  } satisfies EdgeSettings)

/** The parsed limits of tests of the edge. */
export const testLimits = (changes: Partial<EdgeSettings<TestRole>> = {}): EdgeSettings<TestRole> =>
  parseSetting(defineEdgeSettings(testRoleNames), testEdgeFor(testRoleNames, changes))
