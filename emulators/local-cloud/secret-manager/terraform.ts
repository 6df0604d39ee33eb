/** google_secret_manager_secret, by the public REST API. Its versions are no resources here: a value would stand in Terraform's state. */

import { attributesOf, type Attributes, defined, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import { secretPolicy } from './iam.ts'

const nameIn = (secret: Attributes): string => `projects/${secret.project()}/secrets/${secret.shortName('secret_id')}`

export const secretProvisioner: Provisioner = {
  async create(resource, api) {
    const { project, id, name, replication, changeable } = readAttributes(resource, (attributes) => {
      // Terraform's own.
      attributes.ignore('deletion_protection')
      return {
        project: attributes.project(),
        id: attributes.required('secret_id'),
        name: nameIn(attributes),
        replication: attributes.block('replication', replicationOf),
        changeable: defined({
          ...attributes.alike({ value: ['labels', 'annotations', 'version_aliases'] }),
        }),
      }
    })
    await upsert(
      () => api('POST', `/v1/projects/${project}/secrets?secretId=${id}`, { ...changeable, replication }),
      async () => {
        const mask = Object.keys(changeable)
        if (mask.length > 0) await api('PATCH', `/v1/${name}?updateMask=${mask.join(',')}`, changeable)
      },
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${nameIn(attributesOf(resource))}`)
  },
  holdsData: () => true,
  computed: (secret) => ({ id: nameIn(secret), name: nameIn(secret) }),
}

const replicationOf = (replication: Attributes) => ({
  automatic: replication.block('auto', () => ({})),
  userManaged: replication.block('user_managed', (managed) => ({
    replicas: managed.blocks('replicas', (replica) => ({ location: replica.required('location') })),
  })),
})

export const secretGrants = policyGrants('google_secret_manager_secret', secretPolicy, nameIn)
