/** google_service_account, and the members of its policy and of the project's. */

import { type Attributes, attributesOf, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import { accountPolicy, projectPolicy } from './iam.ts'

export const serviceAccount: Provisioner = {
  async create(resource, api) {
    const { accountId, path, collection, settings, disabled } = readAttributes(resource, (account) => ({
      accountId: account.required('account_id'),
      path: accountPath(account),
      collection: `/v1/projects/${account.project()}/serviceAccounts`,
      settings: account.alike({ text: ['display_name', 'description'] }),
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
  computed: (account) => {
    const [email, name] = [emailOf(account), accountName(account)]
    return { id: name, name, email, member: `serviceAccount:${email}` }
  },
}

const emailOf = (account: Attributes): string =>
  `${account.required('account_id')}@${account.project()}.iam.gserviceaccount.com`
const accountName = (account: Attributes): string => `projects/${account.project()}/serviceAccounts/${emailOf(account)}`
const accountPath = (account: Attributes): string => `/v1/${accountName(account)}`

export const projectGrants = policyGrants(
  'google_project',
  projectPolicy,
  (member) => `projects/${member.shortName('project')}`,
)

export const accountGrants = policyGrants('google_service_account', accountPolicy, (member) =>
  member.required('service_account_id'),
)
