/** Service accounts and every `*_iam_member`: each member is added to its resource's policy by read, change, write. */

import type { OwnerApi, Provisioner, TerraformResource } from '../core/plugin.ts'
import type { Binding, Policy } from './policies.ts'

type Attributes = TerraformResource['attributes']

export const serviceAccount: Provisioner = {
  async create({ attributes }, api) {
    const { project, account_id: accountId, display_name: displayName, description } = attributes
    refuseOthers(attributes, [
      'project',
      'account_id',
      'display_name',
      'description',
      'disabled',
      'create_ignore_already_exists',
    ])
    const settings = { displayName, description }
    try {
      await api('POST', `/v1/projects/${project}/serviceAccounts`, { accountId, serviceAccount: settings })
    } catch (error) {
      if (!isStatus(error, 409)) throw error
      await api('PATCH', accountPath(attributes), { serviceAccount: settings })
    }
  },
  async remove({ attributes }, api) {
    await api('DELETE', accountPath(attributes))
  },
}

const accountPath = ({ project, account_id: id }: Attributes): string =>
  `/v1/projects/${project}/serviceAccounts/${id}@${project}.iam.gserviceaccount.com`

/** Path of the policy's resource, by the attributes of each type. */
const policyPaths: Readonly<Record<string, (attributes: Attributes) => string>> = {
  google_project_iam_member: (a) => `/v1/projects/${a['project']}`,
  google_service_account_iam_member: (a) => `/v1/${a['service_account_id']}`,
  google_pubsub_topic_iam_member: (a) => `/v1/projects/${a['project']}/topics/${last(a['topic'])}`,
  google_pubsub_subscription_iam_member: (a) => `/v1/projects/${a['project']}/subscriptions/${last(a['subscription'])}`,
  google_cloud_tasks_queue_iam_member: (a) =>
    `/v2/projects/${a['project']}/locations/${a['location']}/queues/${last(a['name'])}`,
  google_cloud_run_v2_service_iam_member: (a) =>
    `/v2/projects/${a['project']}/locations/${a['location']}/services/${last(a['name'])}`,
  google_bigquery_dataset_iam_member: (a) => `/bigquery/v2/projects/${a['project']}/datasets/${last(a['dataset_id'])}`,
  google_bigquery_table_iam_member: (a) =>
    `/bigquery/v2/projects/${a['project']}/datasets/${last(a['dataset_id'])}/tables/${last(a['table_id'])}`,
}

export const members: Readonly<Record<string, Provisioner>> = Object.fromEntries(
  Object.entries(policyPaths).map(([type, path]) => [
    type,
    {
      create: ({ attributes }, api) => change(api, path(attributes), (bindings) => added(bindings, attributes)),
      remove: ({ attributes }, api) => change(api, path(attributes), (bindings) => removed(bindings, attributes)),
    } satisfies Provisioner,
  ]),
)

async function change(api: OwnerApi, path: string, edit: (bindings: readonly Binding[]) => Binding[]): Promise<void> {
  const policy = (await api('POST', `${path}:getIamPolicy`, {})) as Policy
  await api('POST', `${path}:setIamPolicy`, { policy: { ...policy, version: 3, bindings: edit(policy.bindings) } })
}

function added(bindings: readonly Binding[], attributes: Attributes): Binding[] {
  const wanted = bindingOf(attributes)
  const others = bindings.filter((binding) => !isSame(binding, wanted))
  const members = new Set([
    ...bindings.filter((binding) => isSame(binding, wanted)).flatMap((binding) => binding.members),
    ...wanted.members,
  ])
  return [...others, { ...wanted, members: [...members] }]
}

function removed(bindings: readonly Binding[], attributes: Attributes): Binding[] {
  const wanted = bindingOf(attributes)
  return bindings.map((binding) =>
    isSame(binding, wanted)
      ? { ...binding, members: binding.members.filter((member) => !wanted.members.includes(member)) }
      : binding,
  )
}

function bindingOf({ role, member, condition }: Attributes): Binding {
  const one = (Array.isArray(condition) ? condition[0] : condition) as Binding['condition'] | undefined
  return { role: String(role), members: [String(member)], ...(one ? { condition: one } : {}) }
}

const isSame = (a: Binding, b: Binding): boolean =>
  a.role === b.role && a.condition?.expression === b.condition?.expression

const last = (name: unknown): string => String(name).split('/').at(-1)!

const isStatus = (error: unknown, status: number): boolean => (error as { httpStatus?: number }).httpStatus === status

function refuseOthers(attributes: Attributes, known: readonly string[]): void {
  for (const name of Object.keys(attributes)) {
    if (!known.includes(name))
      throw new Error(`google_service_account: the local cloud does not know the attribute ${name}.`)
  }
}
