/** Provisions google_pubsub_schema through the public REST API, as Terraform would: a changed definition becomes a new revision. */

import { type Attributes, attributesOf, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import { schemaPolicy } from './iam.ts'

const schemaName = (schema: Attributes): string => `projects/${schema.project()}/schemas/${schema.required('name')}`

export const schemaProvisioner: Provisioner = {
  async create(resource, api) {
    const { name, type, definition } = readAttributes(resource, (schema) => ({
      name: schemaName(schema),
      ...schema.alike({ text: ['type', 'definition'] }),
    })) as { name: string; type: string; definition: string }
    const [parent, id] = name.split('/schemas/')
    await upsert(
      () => api('POST', `/v1/${parent}/schemas?schemaId=${id}`, { type, definition }),
      async () => {
        const existing = (await api('GET', `/v1/${name}`)) as { definition?: string }
        if (existing.definition !== definition)
          await api('POST', `/v1/${name}:commit`, { schema: { name, type, definition } })
      },
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${schemaName(attributesOf(resource))}`)
  },
  computed: (schema) => ({ id: schemaName(schema) }),
}

export const schemaGrants = policyGrants(
  'google_pubsub_schema',
  schemaPolicy,
  (member) => `projects/${member.project()}/schemas/${member.shortName('schema')}`,
)
