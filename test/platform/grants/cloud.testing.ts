/** The local cloud with all resources of the stacks, and in place of each service a process that accepts every request. */

import { setTimeout as pause } from 'node:timers/promises'
import { CloudTasksClient } from '@google-cloud/tasks'
import { v1 as firestoreV1 } from '@google-cloud/firestore'
import { v1 as pubsubV1 } from '@google-cloud/pubsub'
import { credentials } from '@grpc/grpc-js'
import { type RequestLogEntry, type StackJson, type TerraformResource } from 'local-google-cloud'
import type { IamCore } from 'local-google-cloud/iam'
import { resourcesOf, startPlatform, type LocalPlatform } from '../../../emulators/start.ts'
import { business, services } from '../../../functions/index.ts'
import { accountEmail } from '../../../shared/base/names.ts'
import { synthesize } from '../../../stacks/app.ts'
import { localEnvironment } from '../../../stacks/environments.ts'
import { testPorts } from '../../support/platform.ts'
import { root } from '../../support/root.ts'

/** Fails messages marked as poison in body or attributes, and accepts all others. */
const program = `
require('node:http').createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => response.writeHead(body.includes('"poison"') ? 500 : 204).end())
}).listen(Number(process.env.PORT), '127.0.0.1')`

/** Five attempts without delay; the twenty of the stacks take two hours. */
const shortRetries = {
  dead_letter_policy: (policy: object) => ({ ...policy, max_delivery_attempts: 5 }),
  retry_policy: () => ({ minimum_backoff: '0.02s', maximum_backoff: '0.02s' }),
}

export interface Clients {
  readonly publisher: InstanceType<typeof pubsubV1.PublisherClient>
  readonly subscriber: InstanceType<typeof pubsubV1.SubscriberClient>
  readonly firestore: InstanceType<typeof firestoreV1.FirestoreClient>
  readonly tasks: CloudTasksClient
  /** An ID token of this account, from its metadata server. */
  token(audience: string): Promise<string>
}

export interface GrantedCloud {
  readonly platform: LocalPlatform
  readonly resources: readonly TerraformResource[]
  readonly projectId: string
  readonly region: string
  readonly iam: IamCore
  url(service: string): string
  email(account: string): string
  /** Google's clients on that service's port, or on the owner's. */
  as(service: string): Clients
  /** Waits for the latest matching entry of the request log. */
  loggedRequest(what: string, fits: (entry: RequestLogEntry) => boolean): Promise<RequestLogEntry>
  close(): Promise<void>
}

export async function startGrantedCloud(): Promise<GrantedCloud> {
  const ports = await testPorts(services)
  const environment = localEnvironment(ports)
  const { projectId, projectNumber, region } = environment
  const stacks = synthesize(environment, business).map((stack): StackJson => ({
    ...stack,
    json: withShortRetries(stack.json),
  }))
  const platform = await startPlatform({
    stacks,
    ports,
    partners: {},
    settings: {},
    project: { id: projectId, number: projectNumber, region },
    workingDirectory: root,
  })
  const email = (account: string): string => accountEmail(account, projectId)
  const known = new Map<string, Clients>()
  const as = (service: string): Clients => {
    const host = service === 'owner' ? platform.cloud.ownerHost : platform.cloud.hostOf(email(service))
    const clients = known.get(service) ?? clientsAt(host, projectId)
    known.set(service, clients)
    return clients
  }
  return {
    platform,
    resources: resourcesOf(stacks),
    projectId,
    region,
    iam: platform.cloud.core<IamCore>('iam'),
    url: environment.serviceUrl,
    email,
    as,
    async loggedRequest(what, fits) {
      const deadlineMs = Date.now() + 20_000
      for (;;) {
        const found = platform.cloud.requestLog().findLast(fits)
        if (found) return found
        if (Date.now() > deadlineMs) throw new Error(`${what} did not come.`)
        await pause(5)
      }
    },
    async close() {
      for (const { publisher, subscriber, firestore, tasks } of known.values())
        await Promise.all([publisher.close(), subscriber.close(), firestore.close(), tasks.close()])
      await platform.close()
    },
  }
}

function withShortRetries(json: StackJson['json']): StackJson['json'] {
  const resource = Object.fromEntries(
    Object.entries(json.resource ?? {}).map(([type, byId]) => [
      type,
      Object.fromEntries(Object.entries(byId).map(([id, attributes]) => [id, simplest(type, attributes)])),
    ]),
  )
  return { ...json, resource }
}

function simplest(type: string, attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (type === 'google_pubsub_subscription' && attributes['dead_letter_policy']) {
    return {
      ...attributes,
      dead_letter_policy: shortRetries.dead_letter_policy(attributes['dead_letter_policy']),
      retry_policy: shortRetries.retry_policy(),
    }
  }
  if (type !== 'google_cloud_run_v2_service') return attributes
  const template = attributes['template'] as { containers: readonly { ports?: object }[] }
  const container = { ...template.containers.find(({ ports }) => ports), args: ['-e', program], depends_on: undefined }
  const { startup_probe: _, liveness_probe: __, ...kept } = container as Record<string, unknown>
  return { ...attributes, template: { ...template, containers: [kept] } }
}

function clientsAt(host: string, projectId: string): Clients {
  const [apiEndpoint, port] = host.split(':') as [string, string]
  const at = { projectId, apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() }
  return {
    publisher: new pubsubV1.PublisherClient(at),
    subscriber: new pubsubV1.SubscriberClient(at),
    firestore: new firestoreV1.FirestoreClient(at),
    tasks: new CloudTasksClient(at),
    async token(audience) {
      const response = await fetch(
        `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity?audience=${encodeURIComponent(audience)}`,
        { headers: { 'metadata-flavor': 'Google' } },
      )
      if (!response.ok) throw new Error(await response.text())
      return response.text()
    },
  }
}
