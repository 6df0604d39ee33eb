/** Service accounts and every `*_iam_member`: each member is added to its resource's policy by read, change, write. */

import type { OwnerApi, Provisioner, TerraformResource } from '../core/plugin.ts'
import type { Binding } from './bindings.ts'
import type { Policy } from './policies.ts'

type Attributes = TerraformResource['attributes']

export const serviceAccount: Provisioner = {
  async create(resource, api) {
    const { attributes } = resource
    refuseOthers(resource, ['project', 'account_id', 'display_name', 'description', 'disabled'])
    const { project, account_id: accountId, display_name: displayName, description, disabled = false } = attributes
    const settings = { displayName, description }
    try {
      await api('POST', `/v1/projects/${project}/serviceAccounts`, { accountId, serviceAccount: settings })
    } catch (error) {
      if (!isStatus(error, 409)) throw error
      await api('PATCH', accountPath(attributes), { serviceAccount: settings })
    }
    await api('POST', `${accountPath(attributes)}:${disabled === true ? 'disable' : 'enable'}`, {})
  },
  async remove({ attributes }, api) {
    await api('DELETE', accountPath(attributes))
  },
}

const accountPath = ({ project, account_id: id }: Attributes): string =>
  `/v1/projects/${project}/serviceAccounts/${id}@${project}.iam.gserviceaccount.com`

/** Whose policy a type changes, and how that API reads it. */
interface MemberType {
  readonly attributes: readonly string[]
  readonly read: 'GET' | 'POST'
  readonly path: (attributes: Attributes) => string
}

const last = (name: unknown): string => String(name).split('/').at(-1)!

const memberTypes: Readonly<Record<string, MemberType>> = {
  google_project_iam_member: { attributes: [], read: 'POST', path: (a) => `/v1/projects/${last(a['project'])}` },
  google_service_account_iam_member: {
    attributes: ['service_account_id'],
    read: 'POST',
    path: (a) => `/v1/${a['service_account_id']}`,
  },
  google_pubsub_topic_iam_member: {
    attributes: ['topic'],
    read: 'GET',
    path: (a) => `/v1/projects/${a['project']}/topics/${last(a['topic'])}`,
  },
  google_pubsub_subscription_iam_member: {
    attributes: ['subscription'],
    read: 'GET',
    path: (a) => `/v1/projects/${a['project']}/subscriptions/${last(a['subscription'])}`,
  },
  google_cloud_tasks_queue_iam_member: {
    attributes: ['location', 'name'],
    read: 'POST',
    path: (a) => `/v2/projects/${a['project']}/locations/${a['location']}/queues/${last(a['name'])}`,
  },
  google_cloud_run_v2_service_iam_member: {
    attributes: ['location', 'name'],
    read: 'GET',
    path: (a) => `/v2/projects/${a['project']}/locations/${a['location']}/services/${last(a['name'])}`,
  },
  google_bigquery_dataset_iam_member: {
    attributes: ['dataset_id'],
    read: 'POST',
    path: (a) => `/bigquery/v2/projects/${a['project']}/datasets/${last(a['dataset_id'])}`,
  },
  google_bigquery_table_iam_member: {
    attributes: ['dataset_id', 'table_id'],
    read: 'POST',
    path: (a) =>
      `/bigquery/v2/projects/${a['project']}/datasets/${last(a['dataset_id'])}/tables/${last(a['table_id'])}`,
  },
}

export const members: Readonly<Record<string, Provisioner>> = Object.fromEntries(
  Object.entries(memberTypes).map(([type, one]) => [type, memberProvisioner(one)]),
)

function memberProvisioner({ attributes: own, read, path }: MemberType): Provisioner {
  const change = async (
    { attributes }: TerraformResource,
    api: OwnerApi,
    edit: (bindings: readonly Binding[], wanted: Binding) => readonly Binding[],
  ): Promise<void> => {
    const resource = path(attributes)
    const policy = (await api(read, `${resource}:getIamPolicy`, read === 'GET' ? undefined : {})) as Policy
    const current = policy.bindings ?? []
    const bindings = edit(current, bindingOf(attributes))
    if (bindings === current) return
    await api('POST', `${resource}:setIamPolicy`, { policy: { ...policy, bindings } })
  }
  return {
    async create(resource, api) {
      refuseOthers(resource, ['project', 'role', 'member', 'condition', ...own])
      await change(resource, api, added)
    },
    remove: (resource, api) => change(resource, api, removed),
  }
}

function added(bindings: readonly Binding[], wanted: Binding): readonly Binding[] {
  const same = bindings.filter((binding) => isSame(binding, wanted)).flatMap((binding) => binding.members)
  // As on every start after the first: nothing to write.
  if (wanted.members.every((member) => same.includes(member))) return bindings
  const others = bindings.filter((binding) => !isSame(binding, wanted))
  return [...others, { ...wanted, members: [...new Set([...same, ...wanted.members])] }]
}

function removed(bindings: readonly Binding[], wanted: Binding): Binding[] {
  return bindings.map((binding) =>
    isSame(binding, wanted)
      ? { ...binding, members: binding.members.filter((member) => !wanted.members.includes(member)) }
      : binding,
  )
}

function bindingOf({ role, member, condition }: Attributes): Binding {
  const one = (Array.isArray(condition) ? condition[0] : condition) as Binding['condition']
  return { role: String(role), members: [String(member)], ...(one ? { condition: one } : {}) }
}

/** One role may stand there several times, under different conditions. */
const isSame = (a: Binding, b: Binding): boolean =>
  a.role === b.role && a.condition?.expression === b.condition?.expression && a.condition?.title === b.condition?.title

const isStatus = (error: unknown, status: number): boolean => (error as { httpStatus?: number }).httpStatus === status

function refuseOthers({ type, attributes }: TerraformResource, known: readonly string[]): void {
  const other = Object.keys(attributes).find((name) => !known.includes(name))
  if (other !== undefined) throw new Error(`${type}: the local cloud does not know the attribute ${other}.`)
}
