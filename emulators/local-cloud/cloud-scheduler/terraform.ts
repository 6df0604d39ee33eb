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
    description: attributes.text('description'),
    schedule: attributes.text('schedule'),
    timeZone: attributes.text('time_zone'),
    attemptDeadline: attributes.text('attempt_deadline'),
    retryConfig: attributes.block('retry_config', (retry) => ({
      retryCount: retry.number('retry_count'),
      maxRetryDuration: retry.text('max_retry_duration'),
      minBackoffDuration: retry.text('min_backoff_duration'),
      maxBackoffDuration: retry.text('max_backoff_duration'),
      maxDoublings: retry.number('max_doublings'),
    })),
    httpTarget: attributes.block('http_target', (target) => ({
      uri: target.text('uri'),
      httpMethod: target.text('http_method'),
      headers: target.value('headers'),
      body: target.text('body'),
      oidcToken: target.block('oidc_token', (token) => ({
        serviceAccountEmail: token.text('service_account_email'),
        audience: token.text('audience'),
      })),
      oauthToken: target.block('oauth_token', (token) => ({
        serviceAccountEmail: token.text('service_account_email'),
        scope: token.text('scope'),
      })),
    })),
    // The API refuses both by name.
    pubsubTarget: attributes.block('pubsub_target', (target) => ({
      topicName: target.text('topic_name'),
      data: target.text('data'),
      attributes: target.value('attributes'),
    })),
    appEngineHttpTarget: attributes.block('app_engine_http_target', (target) => ({
      relativeUri: target.text('relative_uri'),
      httpMethod: target.text('http_method'),
      body: target.text('body'),
      headers: target.value('headers'),
      appEngineRouting: target.value('app_engine_routing'),
    })),
  }
}
