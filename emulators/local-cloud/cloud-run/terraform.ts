/** google_cloud_run_v2_service, by the public REST API: blocks become the Admin API's messages. */

import type { Provisioner, TerraformResource } from '../core/plugin.ts'

type Block = Readonly<Record<string, unknown>>

/** Terraform's own, or without a meaning on a laptop: they reach no API here. */
const notSent = new Set(['project', 'name', 'location', 'deletion_protection', 'client', 'client_version'])
/** Blocks that Terraform writes as lists and the API as one message. */
const single = new Set([
  'template',
  'scaling',
  'startup_probe',
  'liveness_probe',
  'http_get',
  'tcp_socket',
  'grpc',
  'resources',
  'vpc_access',
  'value_source',
  'secret_key_ref',
  'binary_authorization',
  'node_selector',
])
/** Maps whose keys are the user's, not fields. */
const maps = new Set(['labels', 'annotations', 'limits'])

export const serviceProvisioner: Provisioner = {
  async create({ attributes }, api) {
    const parent = parentOf(attributes)
    const body = message(Object.fromEntries(Object.entries(attributes).filter(([name]) => !notSent.has(name))))
    try {
      await api('POST', `/v2/${parent}/services?serviceId=${attributes['name']}`, body)
    } catch (error) {
      if ((error as { httpStatus?: number }).httpStatus !== 409) throw error
      await api('PATCH', `/v2/${parent}/services/${attributes['name']}`, body)
    }
  },
  async remove({ attributes }, api) {
    await api('DELETE', `/v2/${parentOf(attributes)}/services/${attributes['name']}`)
  },
}

const parentOf = ({ project, location }: TerraformResource['attributes']): string =>
  `projects/${project}/locations/${location}`

function message(block: Block): Record<string, unknown> {
  return Object.fromEntries(Object.entries(block).map(([name, value]) => [camel(name), field(name, value)]))
}

function field(name: string, value: unknown): unknown {
  if (maps.has(name)) return value
  if (single.has(name)) return message((Array.isArray(value) ? value[0] : value) as Block)
  if (Array.isArray(value))
    return value.map((one: unknown) => (typeof one === 'object' && one !== null ? message(one as Block) : one))
  // A repeated block of which there is one may come without its list.
  if (typeof value === 'object' && value !== null) return [message(value as Block)]
  return value
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
