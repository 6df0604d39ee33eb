/** Service accounts, and the members of every policy. */

import type { Provisioner } from '../core/plugin.ts'
import { type Attributes, attributesOf, readAttributes } from '../core/terraform/attributes.ts'
import { policyMember } from '../core/terraform/policy-member.ts'
import { upsert } from '../core/terraform/upsert.ts'

export const serviceAccount: Provisioner = {
  async create(resource, api) {
    const { accountId, path, collection, settings, disabled } = readAttributes(resource, (account) => ({
      accountId: account.required('account_id'),
      path: accountPath(account),
      collection: `/v1/projects/${account.project()}/serviceAccounts`,
      settings: { displayName: account.text('display_name'), description: account.text('description') },
      disabled: account.flag('disabled'),
    }))
    await upsert(
      () => api('POST', collection, { accountId, serviceAccount: settings }),
      () => api('PATCH', path, { serviceAccount: settings }),
    )
    await api('POST', `${path}:${disabled ? 'disable' : 'enable'}`, {})
  },
  async remove(resource, api) {
    await api('DELETE', accountPath(attributesOf(resource)))
  },
}

const accountPath = (account: Attributes): string => {
  const project = account.project()
  return `/v1/projects/${project}/serviceAccounts/${account.required('account_id')}@${project}.iam.gserviceaccount.com`
}

export const members: Readonly<Record<string, Provisioner>> = {
  google_project_iam_member: policyMember({ read: 'POST', path: (a) => `/v1/projects/${a.shortName('project')}` }),
  google_service_account_iam_member: policyMember({
    read: 'POST',
    path: (a) => `/v1/${a.required('service_account_id')}`,
  }),
  google_pubsub_topic_iam_member: policyMember({
    read: 'GET',
    path: (a) => `/v1/projects/${a.project()}/topics/${a.shortName('topic')}`,
  }),
  google_pubsub_subscription_iam_member: policyMember({
    read: 'GET',
    path: (a) => `/v1/projects/${a.project()}/subscriptions/${a.shortName('subscription')}`,
  }),
  google_cloud_tasks_queue_iam_member: policyMember({
    read: 'POST',
    path: (a) => `/v2/projects/${a.project()}/locations/${a.required('location')}/queues/${a.shortName('name')}`,
  }),
  google_cloud_run_v2_service_iam_member: policyMember({
    read: 'GET',
    path: (a) => `/v2/projects/${a.project()}/locations/${a.required('location')}/services/${a.shortName('name')}`,
  }),
  google_bigquery_dataset_iam_member: policyMember({
    read: 'POST',
    path: (a) => `/bigquery/v2/projects/${a.project()}/datasets/${a.shortName('dataset_id')}`,
  }),
  google_bigquery_table_iam_member: policyMember({
    read: 'POST',
    path: (a) =>
      `/bigquery/v2/projects/${a.project()}/datasets/${a.shortName('dataset_id')}/tables/${a.shortName('table_id')}`,
  }),
}
