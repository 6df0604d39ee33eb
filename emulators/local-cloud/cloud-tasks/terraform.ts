/** google_cloud_tasks_queue, by the public REST API. */

import type { Provisioner, TerraformResource } from '../core/plugin.ts'

type Block = Record<string, unknown>

const known = [
  'project',
  'name',
  'location',
  'rate_limits',
  'retry_config',
  'desired_state',
  'stackdriver_logging_config',
]

export const queueProvisioner: Provisioner = {
  async create(resource, api) {
    const { attributes } = resource
    for (const name of Object.keys(attributes)) {
      if (!known.includes(name))
        throw new Error(`google_cloud_tasks_queue: the local cloud does not know the attribute ${name}.`)
    }
    const parent = parentOf(attributes)
    const name = `${parent}/queues/${attributes['name']}`
    const queue = { name, rateLimits: rateLimits(attributes), retryConfig: retryConfig(attributes) }
    try {
      await api('POST', `/v2/${parent}/queues`, queue)
    } catch (error) {
      if ((error as { httpStatus?: number }).httpStatus !== 409) throw error
      await api('PATCH', `/v2/${name}`, queue)
    }
  },
  async remove({ attributes }, api) {
    await api('DELETE', `/v2/${parentOf(attributes)}/queues/${attributes['name']}`)
  },
}

const parentOf = ({ project, location }: TerraformResource['attributes']): string =>
  `projects/${project}/locations/${location}`

function rateLimits(attributes: Block): Block {
  const block = first(attributes['rate_limits'])
  return present({
    maxDispatchesPerSecond: block?.['max_dispatches_per_second'],
    maxConcurrentDispatches: block?.['max_concurrent_dispatches'],
  })
}

function retryConfig(attributes: Block): Block {
  const block = first(attributes['retry_config'])
  return present({
    maxAttempts: block?.['max_attempts'],
    maxRetryDuration: block?.['max_retry_duration'],
    minBackoff: block?.['min_backoff'],
    maxBackoff: block?.['max_backoff'],
    maxDoublings: block?.['max_doublings'],
  })
}

/** A block is one object or a list of one, as the synthesizer likes. */
const first = (block: unknown): Block | undefined =>
  Array.isArray(block) ? (block[0] as Block | undefined) : (block as Block | undefined)

const present = (block: Block): Block =>
  Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined))
