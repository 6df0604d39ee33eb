/** The access list of a BigQuery dataset, which is its policy, as grants. */
// https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets

import type { Policy } from './policy.ts'

interface Dataset {
  readonly projectId?: string
  readonly datasetId: string
}

/** An entry for a member with a role, or for what reads the dataset on behalf of others. */
export interface AccessEntry {
  readonly role?: string
  readonly userByEmail?: string
  readonly groupByEmail?: string
  readonly domain?: string
  readonly specialGroup?: string
  readonly iamMember?: string
  readonly view?: Dataset & { readonly tableId: string }
  readonly routine?: Dataset & { readonly routineId: string }
  readonly dataset?: { readonly dataset: Dataset; readonly targetTypes?: readonly string[] }
  readonly condition?: { readonly expression?: string }
}

/** Google returns these for the roles, and members of the project's basic roles as groups. */
const roles: Readonly<Record<string, string>> = {
  OWNER: 'roles/bigquery.dataOwner',
  WRITER: 'roles/bigquery.dataEditor',
  READER: 'roles/bigquery.dataViewer',
}
const groups: Readonly<Record<string, string>> = {
  projectOwners: 'projectOwner',
  projectWriters: 'projectEditor',
  projectReaders: 'projectViewer',
}

export const policyOfAccess = (access: readonly AccessEntry[], project: string): Policy => ({
  bindings: access.flatMap((entry) => {
    const { role = '', condition } = entry
    const reader = readerOf(entry, project)
    const member = reader?.member ?? memberOf(entry, project)
    return [{ role: reader?.role ?? roles[role] ?? role, members: [member], ...(condition ? { condition } : {}) }]
  }),
})

function readerOf({ view, routine, dataset }: AccessEntry, project: string) {
  const path = ({ projectId = project, datasetId }: Dataset): string => `projects/${projectId}/datasets/${datasetId}`
  if (view) return { role: 'authorized view', member: `${path(view)}/tables/${view.tableId}` }
  if (routine) return { role: 'authorized routine', member: `${path(routine)}/routines/${routine.routineId}` }
  return dataset && { role: 'authorized dataset', member: path(dataset.dataset) }
}

/** As in a policy. @throws Error for an entry of a kind that is unknown: it must not be passed over. */
function memberOf(entry: AccessEntry, project: string): string {
  const { userByEmail: user, groupByEmail, domain, specialGroup: special, iamMember } = entry
  if (user !== undefined) return `${user.endsWith('gserviceaccount.com') ? 'serviceAccount' : 'user'}:${user}`
  if (groupByEmail !== undefined) return `group:${groupByEmail}`
  if (domain !== undefined) return `domain:${domain}`
  if (special !== undefined) return groups[special] === undefined ? special : `${groups[special]}:${project}`
  if (iamMember !== undefined) return iamMember
  throw new Error(`An entry of a dataset's access names no known member: ${JSON.stringify(entry)}`)
}

/** Of the attributes of a google_bigquery_dataset_access. */
export function declaredAccess(attributes: Readonly<Record<string, unknown>>): AccessEntry {
  const camelCase = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  const converted = (value: unknown): unknown => {
    // Terraform's JSON has a block, or a list of the one block.
    if (Array.isArray(value) && typeof value[0] === 'object') return converted(value[0])
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [camelCase(name), converted(one)]))
  }
  return converted(attributes) as AccessEntry
}
