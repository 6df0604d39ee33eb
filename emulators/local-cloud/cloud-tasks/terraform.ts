/** google_cloud_tasks_queue, by the public REST API. */

import { attributesOf, type Attributes, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import { queuePolicy } from './iam.ts'

export const queueProvisioner: Provisioner = {
  async create(resource, api) {
    const { parent, queue } = readAttributes(resource, (attributes) => ({
      parent: parentOf(attributes),
      queue: queueOf(attributes),
    }))
    await upsert(
      () => api('POST', `/v2/${parent}/queues`, queue),
      () => api('PATCH', `/v2/${queue.name}`, queue),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v2/${queueName(attributesOf(resource))}`)
  },
  holdsData: () => true,
  async stateOf(resource, api) {
    return ((await api('GET', `/v2/${queueName(attributesOf(resource))}`)) as { readonly state: string }).state
  },
  async suspend(resource, api) {
    await api('POST', `/v2/${queueName(attributesOf(resource))}:pause`, {})
  },
  async resume(resource, api, before) {
    // A person had paused it, and has a reason.
    if (before !== 'PAUSED') await api('POST', `/v2/${queueName(attributesOf(resource))}:resume`, {})
  },
  computed: (queue) => ({ id: queueName(queue) }),
}

export const queueGrants = policyGrants(
  'google_cloud_tasks_queue',
  queuePolicy,
  (member) => `${parentOf(member)}/queues/${member.shortName('name')}`,
)

const parentOf = (attributes: Attributes): string =>
  `projects/${attributes.project()}/locations/${attributes.required('location')}`
const queueName = (attributes: Attributes): string => `${parentOf(attributes)}/queues/${attributes.required('name')}`

function queueOf(attributes: Attributes) {
  // Every queue is logged, and runs once it is made.
  attributes.ignore('desired_state', 'stackdriver_logging_config')
  return {
    name: queueName(attributes),
    rateLimits: attributes.block('rate_limits', (limits) =>
      limits.alike({ number: ['max_dispatches_per_second', 'max_concurrent_dispatches'] }),
    ),
    retryConfig: attributes.block('retry_config', (retry) =>
      retry.alike({
        number: ['max_attempts', 'max_doublings'],
        text: ['max_retry_duration', 'min_backoff', 'max_backoff'],
      }),
    ),
  }
}
