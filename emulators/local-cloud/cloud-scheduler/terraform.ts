/** google_cloud_scheduler_job, by the public REST API. */

import { attributesOf, type Attributes, type Message, readAttributes } from '../core/terraform/attributes.ts'
import type { OwnerApi, Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'

export const jobProvisioner: Provisioner = {
  async create(resource, api) {
    const { parent, job, paused } = readAttributes(resource, (attributes) => ({
      parent: parentOf(attributes),
      job: jobOf(attributes),
      paused: attributes.flag('paused') ?? false,
    }))
    // An update without a mask writes every field, so that a field which left the stack has its default again.
    await upsert(
      () => api('POST', `/v1/${parent}/jobs`, job),
      () => api('PATCH', `/v1/${job.name}`, job),
    )
    await setPaused(job.name, paused, api)
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${jobName(attributesOf(resource))}`)
  },
  computed: (job) => ({ id: jobName(job) }),
}

async function setPaused(name: string, paused: boolean, api: OwnerApi): Promise<void> {
  const { state } = (await api('GET', `/v1/${name}`)) as { readonly state: string }
  if (paused !== (state === 'PAUSED')) await api('POST', `/v1/${name}:${paused ? 'pause' : 'resume'}`, {})
}

const parentOf = (attributes: Attributes): string =>
  `projects/${attributes.project()}/locations/${attributes.required('region')}`
const jobName = (attributes: Attributes): string => `${parentOf(attributes)}/jobs/${attributes.required('name')}`

function jobOf(attributes: Attributes): Message & { readonly name: string } {
  return {
    name: jobName(attributes),
    ...attributes.alike({ text: ['description', 'schedule', 'time_zone', 'attempt_deadline'] }),
    retryConfig: attributes.block('retry_config', (retry) =>
      retry.alike({
        number: ['retry_count', 'max_doublings'],
        text: ['max_retry_duration', 'min_backoff_duration', 'max_backoff_duration'],
      }),
    ),
    httpTarget: attributes.block('http_target', (target) => ({
      ...target.alike({ text: ['uri', 'http_method', 'body'], value: ['headers'] }),
      oidcToken: target.block('oidc_token', (token) => token.alike({ text: ['service_account_email', 'audience'] })),
      oauthToken: target.block('oauth_token', (token) => token.alike({ text: ['service_account_email', 'scope'] })),
    })),
    // The API refuses both by name.
    pubsubTarget: attributes.block('pubsub_target', (target) =>
      target.alike({ text: ['topic_name', 'data'], value: ['attributes'] }),
    ),
    appEngineHttpTarget: attributes.block('app_engine_http_target', (target) =>
      target.alike({ text: ['relative_uri', 'http_method', 'body'], value: ['headers', 'app_engine_routing'] }),
    ),
  }
}
