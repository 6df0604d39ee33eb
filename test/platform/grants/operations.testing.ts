/** All operations of the platform that need a grant, from its descriptions, each with its required grants. */

import type { SecretManagerCore } from 'local-google-cloud/secret-manager'
import { services } from '../../../functions/index.ts'
import {
  analyticsDataset,
  bigQuerySubscriptionName,
  cronAccountId,
  databaseName,
  deadLetterName,
  jobName,
  operationsAccountId,
  pushAccountId,
  queueName,
  subscriptionName,
  topicName,
} from '../../../shared/base/names.ts'
import { runtimeContracts } from '../../../shared/contracts/runtime-events.ts'
import { publishedBy } from '../../../shared/service/service.ts'
import { callersOf } from '../../../shared/service/callers.ts'
import { sendersOf } from '../../../stacks/service-variables.ts'
import type { GrantedCloud } from './cloud.testing.ts'

export interface Operation {
  readonly kind: string
  readonly name: string
  /** `account role resource`, in the form of `grantOf`. */
  readonly needs: readonly string[]
  /** Performs the operation; rejects if it was denied. */
  run(): Promise<unknown>
}

const AGENT = 'pubsub-agent'
const CREATOR = 'iam.serviceAccountOpenIdTokenCreator'

export const operationsOf = (cloud: GrantedCloud): Operation[] => [
  ...services.flatMap((service) => operationsOfService(cloud, service)),
  ...Object.keys(runtimeContracts.events).flatMap((type) => [
    keeping(cloud, runtimeContracts.service, type),
    notKeeping(cloud, type),
  ]),
]

function operationsOfService(cloud: GrantedCloud, service: (typeof services)[number]): Operation[] {
  return [
    ...(Object.keys(service.collections).length > 0 ? [database(cloud, service.name)] : []),
    exporting(cloud, service.name, { path: '/v1/traces', role: 'telemetry.tracesWriter' }),
    exporting(cloud, service.name, { path: '/v1/metrics', role: 'telemetry.metricsWriter' }),
    ...Object.keys(service.secrets).map((secret) => reading(cloud, service.name, secret)),
    ...(service.readsViews.length > 0 ? [readingViews(cloud, service)] : []),
    ...Object.keys(service.schedules).map((schedule) => scheduled(cloud, service.name, schedule)),
    ...publishedBy(service).map((type) => publishing(cloud, service.name, topicName(type))),
    ...(isQueued(service) ? [publishing(cloud, service.name, deadLetterName(service.name))] : []),
    ...sendersOf(service, services).map((sender) => sending(cloud, sender, service.name)),
    ...callersOf(service, services).map((caller) => calling(cloud, caller, service.name)),
    ...(isQueued(service) ? [replaying(cloud, service.name), taking(cloud, service.name)] : []),
    ...service.on.map((type) => receiving(cloud, service.name, type)),
    ...service.on.map((type) => givingUp(cloud, service.name, type)),
    ...service.emits.flatMap((type) => [keeping(cloud, service.name, type), notKeeping(cloud, type)]),
    ...(service.ingress === 'public' ? [visiting(cloud, service.name)] : []),
  ]
}

const isQueued = ({ accepts, on, emits }: (typeof services)[number]): boolean =>
  accepts.length > 0 || on.length > 0 || emits.length > 0

/** Exports spans or points to the Telemetry API. */
function exporting(
  cloud: GrantedCloud,
  service: string,
  { path, role }: { readonly path: string; readonly role: string },
): Operation {
  return {
    kind: 'export',
    name: `${service} exports to ${path}`,
    needs: [`${service} ${role} ${cloud.projectId}`],
    async run() {
      const headers = { 'content-type': 'application/json' }
      const host = cloud.platform.cloud.hostOf(cloud.email(service))
      const { status } = await fetch(`http://${host}${path}`, { method: 'POST', headers, body: '{}' })
      if (status !== 200) throw new Error(`${path} answered ${status}.`)
    },
  }
}

/** Reads a secret, as Cloud Run does for an instance. */
function reading(cloud: GrantedCloud, service: string, secret: string): Operation {
  return {
    kind: 'secret',
    name: `${service} reads ${secret}`,
    needs: [`${service} secretmanager.secretAccessor ${secret}`],
    async run() {
      const { access } = cloud.platform.cloud.core<SecretManagerCore>('secret-manager')
      access(cloud.email(service), `projects/${cloud.projectId}/secrets/${secret}/versions/latest`)
    },
  }
}

/** Reads the views of BigQuery. Each is one that another of them reads, or the last one: BigQuery asks for the right to both. */
function readingViews(cloud: GrantedCloud, { name, readsViews }: (typeof services)[number]): Operation {
  return {
    kind: 'view',
    name: `${name} reads its views`,
    needs: [
      `${name} bigquery.jobUser ${cloud.projectId}`,
      ...readsViews.map((view) => `${name} bigquery.dataViewer ${analyticsDataset}.${view}`),
    ],
    async run() {
      const host = cloud.platform.cloud.hostOf(cloud.email(name))
      for (const view of readsViews) {
        const body = JSON.stringify({ query: `SELECT COUNT(*) FROM ${analyticsDataset}.${view}`, useLegacySql: false })
        const headers = { 'content-type': 'application/json' }
        const url = `http://${host}/bigquery/v2/projects/${cloud.projectId}/queries`
        const response = await fetch(url, { method: 'POST', headers, body })
        if (!response.ok) throw new Error(`The query of ${view} was answered ${response.status}.`)
      }
    },
  }
}

/** Cloud Scheduler calls the service with the token of the job's account. */
function scheduled(cloud: GrantedCloud, service: string, schedule: string): Operation {
  const job = `projects/${cloud.projectId}/locations/${cloud.region}/jobs/${jobName(service, schedule)}`
  return {
    kind: 'schedule',
    name: `${service} is called by ${schedule}`,
    needs: [`${cronAccountId(service)} run.invoker ${service}`],
    async run() {
      const sinceMs = Date.now()
      await cloud.platform.api('POST', `/v1/${job}:run`, {})
      const { status } = await cloud.loggedRequest(
        `the attempt of ${job}`,
        ({ kind, resource, timeMs }) => kind === 'schedule' && resource === job && timeMs >= sinceMs,
      )
      if (status >= 300) throw new Error(`The attempt was answered ${status}.`)
    },
  }
}

/** Reads and writes a document. */
function database(cloud: GrantedCloud, service: string): Operation {
  const resource = `projects/${cloud.projectId}/databases/${databaseName(service)}`
  return {
    kind: 'database',
    name: `${service} uses its database`,
    needs: [`${service} datastore.user ${databaseName(service)}`],
    async run() {
      await writeDocument(cloud, service, resource)
      await readDocument(cloud, service, resource)
    },
  }
}

export async function writeDocument(cloud: GrantedCloud, service: string, database: string): Promise<void> {
  const name = `${database}/documents/proofs/${crypto.randomUUID()}`
  await cloud.as(service).firestore.commit({ database, writes: [{ update: { name, fields: {} } }] })
}

export async function readDocument(cloud: GrantedCloud, service: string, database: string): Promise<void> {
  const name = `${database}/documents/proofs/none`
  await cloud
    .as(service)
    .firestore.getDocument({ name })
    .catch((error: { code: number }) => {
      const NOT_FOUND = 5
      if (error.code !== NOT_FOUND) throw error
    })
}

function publishing(cloud: GrantedCloud, service: string, topic: string): Operation {
  return {
    kind: 'publish',
    name: `${service} publishes to ${topic}`,
    needs: [`${service} pubsub.publisher ${topic}`],
    run: () => publish(cloud, service, topic),
  }
}

export async function publish(
  cloud: GrantedCloud,
  who: string,
  topic: string,
  message: { readonly data?: string; readonly attributes?: Record<string, string> } = {},
): Promise<string> {
  const { data = '{}', attributes = {} } = message
  const [{ messageIds }] = await cloud.as(who).publisher.publish({
    topic: `projects/${cloud.projectId}/topics/${topic}`,
    messages: [{ data: Buffer.from(data), attributes: { ...attributes, at: crypto.randomUUID() } }],
  })
  return messageIds![0]!
}

/** A task is delivered with the token of its sender. */
function sending(cloud: GrantedCloud, sender: string, receiver: string): Operation {
  return {
    kind: 'send',
    name: `${sender} sends to ${receiver}`,
    needs: [
      `${sender} cloudtasks.enqueuer ${queueName(receiver)}`,
      `${sender} iam.serviceAccountUser ${sender}`,
      `${sender} run.invoker ${receiver}`,
    ],
    run: () => arrived(cloud, sender, receiver, sender),
  }
}

function replaying(cloud: GrantedCloud, receiver: string): Operation {
  return {
    kind: 'replay',
    name: `operators replay to ${receiver}`,
    needs: [`${operationsAccountId} run.invoker ${receiver}`],
    run: () => arrived(cloud, 'owner', receiver, operationsAccountId),
  }
}

/** The service pulls its dead letters for a replay. */
function taking(cloud: GrantedCloud, service: string): Operation {
  const letters = deadLetterName(service)
  const subscription = `projects/${cloud.projectId}/subscriptions/${letters}`
  return {
    kind: 'take',
    name: `${service} pulls its dead letters`,
    needs: [`${service} pubsub.subscriber ${letters}`],
    run: () => cloud.as(service).subscriber.pull({ subscription, maxMessages: 1, returnImmediately: true }),
  }
}

async function arrived(cloud: GrantedCloud, who: string, receiver: string, account: string): Promise<void> {
  const name = await enqueue(cloud, who, receiver, account)
  const { status } = await cloud.loggedRequest(
    `the task ${name}`,
    (entry) => entry.kind === 'task' && name.endsWith(entry.messageId!),
  )
  if (status < 300) return
  await cloud.as('owner').tasks.deleteTask({ name })
  throw new Error(`The task was answered ${status}.`)
}

export async function enqueue(cloud: GrantedCloud, who: string, receiver: string, account: string): Promise<string> {
  const parent = `projects/${cloud.projectId}/locations/${cloud.region}/queues/${queueName(receiver)}`
  const url = cloud.url(receiver)
  const [{ name }] = await cloud.as(who).tasks.createTask({
    parent,
    task: {
      httpRequest: {
        url: `${url}/commands/Anything`,
        oidcToken: { serviceAccountEmail: cloud.email(account), audience: url },
      },
    },
  })
  return name!
}

function calling(cloud: GrantedCloud, caller: string, callee: string): Operation {
  return {
    kind: 'call',
    name: `${caller} calls ${callee}`,
    needs: [`${caller} run.invoker ${callee}`],
    run: () => call(cloud, callee, caller),
  }
}

function visiting(cloud: GrantedCloud, service: string): Operation {
  return {
    kind: 'visit',
    name: `any caller calls ${service}`,
    needs: [`allUsers run.invoker ${service}`],
    run: () => call(cloud, service),
  }
}

export async function call(cloud: GrantedCloud, callee: string, caller?: string): Promise<void> {
  const url = cloud.url(callee)
  const headers = caller ? { authorization: `Bearer ${await cloud.as(caller).token(url)}` } : {}
  const { status } = await fetch(`${url}/anything`, { headers })
  if (status !== 204) throw new Error(`The call was answered ${status}.`)
}

function receiving(cloud: GrantedCloud, consumer: string, type: string): Operation {
  const subscription = `projects/${cloud.projectId}/subscriptions/${subscriptionName(consumer, type)}`
  const push = pushAccountId(consumer)
  return {
    kind: 'receive',
    name: `${consumer} receives ${type}`,
    needs: [`${push} run.invoker ${consumer}`, `${AGENT} ${CREATOR} ${push}`],
    async run() {
      const id = await publish(cloud, 'owner', topicName(type))
      const entry = await delivered(cloud, 'push', subscription, id)
      if (entry.status === 204) return
      await forget(cloud, subscription)
      throw new Error(`The push was answered ${entry.status}.`)
    },
  }
}

const delivered = (cloud: GrantedCloud, kind: string, resource: string, id: string, attempt = 1) =>
  cloud.loggedRequest(
    `delivery ${attempt} of ${id} to ${resource}`,
    (entry) =>
      entry.kind === kind && entry.resource === resource && entry.messageId === id && entry.attempt === attempt,
  )

/** A message that its subscriber rejects is dead-lettered. */
function givingUp(cloud: GrantedCloud, consumer: string, type: string): Operation {
  const subscription = subscriptionName(consumer, type)
  return {
    kind: 'give up',
    name: `a poisoned ${type} is dead-lettered for ${consumer}`,
    needs: [`${AGENT} pubsub.publisher ${deadLetterName(consumer)}`, `${AGENT} pubsub.subscriber ${subscription}`],
    run: () =>
      expectDeadLettered(cloud, {
        type,
        subscription,
        kind: 'push',
        consumer,
        message: { attributes: { poison: 'yes' } },
      }),
  }
}

function keeping(cloud: GrantedCloud, service: string, type: string): Operation {
  const subscription = `projects/${cloud.projectId}/subscriptions/${bigQuerySubscriptionName(type)}`
  return {
    kind: 'keep',
    name: `BigQuery keeps ${type}`,
    needs: [`${AGENT} bigquery.dataEditor events.${service}`],
    async run() {
      const id = await publish(cloud, 'owner', topicName(type))
      const { status } = await delivered(cloud, 'bigquery-subscription', subscription, id)
      if (status === 200) return
      await forget(cloud, subscription)
      throw new Error(`The append was answered ${status}.`)
    },
  }
}

function notKeeping(cloud: GrantedCloud, type: string): Operation {
  const subscription = bigQuerySubscriptionName(type)
  return {
    kind: 'not keep',
    name: `a row of ${type} that BigQuery rejects is dead-lettered`,
    needs: [`${AGENT} pubsub.publisher ${deadLetterName('bigquery')}`, `${AGENT} pubsub.subscriber ${subscription}`],
    run: () =>
      expectDeadLettered(cloud, {
        type,
        subscription,
        kind: 'bigquery-subscription',
        consumer: 'bigquery',
        message: { data: 'no JSON' },
      }),
  }
}

interface DeadLetterCase {
  readonly type: string
  readonly subscription: string
  readonly kind: string
  readonly consumer: string
  readonly message: { readonly data?: string; readonly attributes?: Record<string, string> }
}

async function expectDeadLettered(
  cloud: GrantedCloud,
  { type, subscription, kind, consumer, message }: DeadLetterCase,
): Promise<void> {
  const resource = `projects/${cloud.projectId}/subscriptions/${subscription}`
  const id = await publish(cloud, 'owner', topicName(type), message)
  await delivered(cloud, kind, resource, id, 5)
  // A denied dead-lettering leads to a sixth attempt.
  const waiting = cloud.platform.cloud.core<{ backlog(subscription: string): { undelivered: number } }>('pubsub')
  const deadLetters = `projects/${cloud.projectId}/subscriptions/${deadLetterName(consumer)}`
  for (;;) {
    if (
      cloud.platform.cloud
        .requestLog()
        .some((entry) => entry.messageId === id && entry.attempt === 6 && entry.resource === resource)
    ) {
      await forget(cloud, resource)
      throw new Error(`${id} was not dead-lettered.`)
    }
    if (waiting.backlog(resource).undelivered === 0 && waiting.backlog(deadLetters).undelivered > 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Drops the backlog, which would be retried for ever. */
async function forget(cloud: GrantedCloud, subscription: string): Promise<void> {
  await cloud.platform.api('POST', `/v1/${subscription}:seek`, { time: new Date(Date.now() + 60_000).toISOString() })
}
