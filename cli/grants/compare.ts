/** Compares the grants of the stacks with the real policies. */

import type { PolicyAddress } from './declared.ts'
import { type Grant, grantsOf, type Policy } from './policy.ts'

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

const basicRoleOf = (member: string): string => member.split(':')[0]!
const MAX_CONCURRENT_READS = 8

const textOf = ({ resource, role, member, condition }: Grant): string => [resource, role, member, condition].join(' ')

/** By these, members of the project's basic roles, and who makes a dataset, have access to it. */
const ofNewDatasets: Readonly<Record<string, string>> = {
  projectOwner: 'roles/bigquery.dataOwner',
  projectEditor: 'roles/bigquery.dataEditor',
  projectViewer: 'roles/bigquery.dataViewer',
}

/** Google grants its own agents roles on the project, and gives buckets and datasets roles of the project's members. */
function isExpected({ resource, role, member }: Grant, { projectNumber, administrators }: Expected): boolean {
  if (resource.startsWith('b/')) return role.startsWith('roles/storage.legacy') && /^project\w+:/.test(member)
  if (/^projects\/[^/]+\/datasets\/[^/]+$/.test(resource))
    return (
      role === (administrators.includes(member) ? ofNewDatasets['projectOwner'] : ofNewDatasets[basicRoleOf(member)])
    )
  if (!/^projects\/[^/]+$/.test(resource)) return false
  if (administrators.includes(member)) return true
  if (member === `serviceAccount:${projectNumber}@cloudservices.gserviceaccount.com`) return role === 'roles/editor'
  const isAgent = new RegExp(`^serviceAccount:(service-)?${projectNumber}@[a-z.-]+\\.iam\\.gserviceaccount\\.com$`)
  return isAgent.test(member) && /serviceAgent$/i.test(role)
}
