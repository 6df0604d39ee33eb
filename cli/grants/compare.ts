/** Compares the grants of the stacks with the real policies. */

import type { Grant, PolicyAddress } from './declared.ts'

export interface Policy {
  readonly bindings?: readonly {
    readonly role: string
    readonly members?: readonly string[]
    readonly condition?: { readonly expression?: string }
  }[]
}

export interface Difference extends Grant {
  /** `added` by hand, or `missing` although the stacks grant it. */
  readonly difference: 'added' | 'missing'
}

/** Grants that are made outside of the stacks. */
export interface Expected {
  readonly projectNumber: string
  /** IAM members that administer the project: every grant of theirs on the project itself is expected. */
  readonly administrators: readonly string[]
}

/** The grants of a policy as it was read. */
export const grantsOf = (resource: string, { bindings = [] }: Policy): Grant[] =>
  bindings.flatMap(({ role, members = [], condition }) =>
    members.map((member) => ({ resource, role, member, condition: condition?.expression ?? '' })),
  )

/**
 * @param read A policy, or undefined if the resource does not exist.
 * @returns Additions first.
 */
export async function differencesOf(
  { grants, policies }: { readonly grants: readonly Grant[]; readonly policies: readonly PolicyAddress[] },
  expected: Expected,
  read: (address: PolicyAddress) => Promise<Policy | undefined>,
): Promise<Difference[]> {
  const present: Grant[] = []
  for (let next = 0; next < policies.length; next += MAX_CONCURRENT_READS) {
    const some = policies.slice(next, next + MAX_CONCURRENT_READS)
    const answers = await Promise.all(some.map((address) => read(address)))
    for (const [index, policy] of answers.entries()) present.push(...grantsOf(some[index]!.resource, policy ?? {}))
  }
  const declared = new Set(grants.map(textOf))
  const found = new Set(present.map(textOf))
  return [
    ...present
      .filter((grant) => !declared.has(textOf(grant)) && !isExpected(grant, expected))
      .map((grant) => ({ difference: 'added' as const, ...grant })),
    ...grants
      .filter((grant) => !found.has(textOf(grant)))
      .map((grant) => ({ difference: 'missing' as const, ...grant })),
  ]
}

const MAX_CONCURRENT_READS = 8

const textOf = ({ resource, role, member, condition }: Grant): string => [resource, role, member, condition].join(' ')

/** Google grants its own agents roles on the project, and gives a bucket the legacy roles of the project's members. */
function isExpected({ resource, role, member }: Grant, { projectNumber, administrators }: Expected): boolean {
  if (resource.startsWith('b/')) return role.startsWith('roles/storage.legacy') && /^project\w+:/.test(member)
  if (!/^projects\/[^/]+$/.test(resource)) return false
  if (administrators.includes(member)) return true
  if (member === `serviceAccount:${projectNumber}@cloudservices.gserviceaccount.com`) return role === 'roles/editor'
  const isAgent = new RegExp(`^serviceAccount:(service-)?${projectNumber}@[a-z.-]+\\.iam\\.gserviceaccount\\.com$`)
  return isAgent.test(member) && /serviceAgent$/i.test(role)
}
