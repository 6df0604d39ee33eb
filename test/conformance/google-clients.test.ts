/** A service's publisher, tasks and ID tokens, by Google's clients and the local cloud. */

import { PubSub, type Message } from '@google-cloud/pubsub'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { iam } from 'local-google-cloud/iam'
import { pubsub } from 'local-google-cloud/pubsub'
import { configSchema } from '../../shared/base/config.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { createIdTokens } from '../../shared/gcp/id-tokens.ts'
import { createPublisher, type Publisher } from '../../shared/gcp/publisher.ts'
import { createTaskSender, type TaskSender } from '../../shared/gcp/task-sender.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'

const project = { id: 'test-project', number: '100000000000', region: 'europe-west1' }
const account = 'orders@test-project.iam.gserviceaccount.com'
const queue = `projects/${project.id}/locations/${project.region}/queues/inventory`

let cloud: LocalCloud
let client: PubSub
let tasks: CloudTasksClient
let publisher: Publisher
let sender: TaskSender

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins: [iam, pubsub, cloudTasks],
    project,
    accounts: [{ email: account, port: 0 }],
    // The account also reads the messages; other tests check its permissions.
    iam: 'off',
  })
  await cloud.api('POST', `/v1/projects/${project.id}/serviceAccounts`, { accountId: 'orders' })
  await cloud.api('PUT', `/v1/projects/${project.id}/topics/order.placed`, {})
  await cloud.api('PUT', `/v1/projects/${project.id}/topics/orders-dead-letters`, {})
  for (const topic of ['order.placed', 'orders-dead-letters']) {
    await cloud.api('PUT', `/v1/projects/${project.id}/subscriptions/pull-${topic}`, {
      topic: `projects/${project.id}/topics/${topic}`,
    })
  }
  await cloud.api('POST', `/v2/projects/${project.id}/locations/${project.region}/queues`, { name: queue })
  const variables = { ...cloud.environmentOf(account), GOOGLE_CLOUD_PROJECT: project.id }
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  client = new PubSub({ projectId: project.id })
  publisher = createPublisher({ projectId: project.id, address: cloud.hostOf(account) })
  const tasksEndpoint = `http://${cloud.hostOf(account)}`
  sender = createTaskSender(configSchema.parse(testConfigOf(tasksEndpoint)))
  const [host, port] = cloud.hostOf(account).split(':')
  tasks = new CloudTasksClient({ apiEndpoint: host!, port: Number(port), sslCreds: credentials.createInsecure() })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await sender.close()
  await publisher.close()
  await tasks.close()
  await client.close()
  await cloud.close()
})

/** The text of the environment variable. */
function testConfigOf(tasksEndpoint: string) {
  const config = testConfig('orders', {
    tasksEndpoint,
    peers: { inventory: 'https://inventory.example.com', orders: 'https://orders.example.com' },
  })
  return {
    ...config,
    PEERS: JSON.stringify(config.PEERS),
    SENDERS: JSON.stringify(config.SENDERS),
    SUBMITTERS: JSON.stringify(config.SUBMITTERS),
    CALLERS: JSON.stringify(config.CALLERS),
  }
}

async function received(topic: string): Promise<Message> {
  const subscription = client.subscription(`pull-${topic}`)
  try {
    return await new Promise((resolve, reject) =>
      subscription.once('message', (got: Message) => resolve((got.ack(), got))).once('error', reject),
    )
  } finally {
    await subscription.close()
  }
}

describe('an event', () => {
  it('arrives as its envelope, with type and trace as attributes', async () => {
    const event = message('order.placed', { orderId: 'o-1', name: 'Grüße' })
    const arriving = received('order.placed')
    await publisher.publish([event])
    const { data, attributes } = await arriving
    expect(JSON.parse(data.toString('utf8'))).toEqual(event)
    expect(attributes).toEqual({ type: 'order.placed', traceparent: event.traceparent })
  })

  it('without a topic fails as a transient failure, so that its delivery is retried', async () => {
    await expect(publisher.publish([message('order.lost', {})])).rejects.toBeInstanceOf(Unavailable)
  })

  it('that is dead-lettered arrives unchanged, with the reason', async () => {
    const arriving = received('orders-dead-letters')
    await publisher.deadLetter('orders', Buffer.from('hello'), { reason: 'not JSON' })
    const { data, attributes } = await arriving
    expect({ data: data.toString('utf8'), attributes }).toEqual({ data: 'hello', attributes: { reason: 'not JSON' } })
  })
})

describe('a command', () => {
  const later = Date.parse('2100-01-01T00:00:00.250Z')
  const command = message('ReserveStock', { orderId: 'o-1' }, { sequence: 0 })
  const listed = async () => (await tasks.listTasks({ parent: queue, responseView: 'FULL' }))[0]
  // Tasks may be scheduled thirty days ahead at most.
  const soon = Math.min(later, Date.now() + 86_400_000)

  it('becomes a task with its id as name, to its owner, with a token of the sender', async () => {
    await sender.send([{ target: 'inventory', envelope: command, notBeforeMs: soon }])
    const [task] = await listed()
    expect(task!.name).toBe(`${queue}/tasks/${command.id}`)
    expect(task!.httpRequest).toMatchObject({
      url: 'https://inventory.example.com/commands/ReserveStock',
      httpMethod: 'POST',
      headers: expect.objectContaining({
        'content-type': 'application/json',
        traceparent: command.traceparent,
      }) as unknown,
      oidcToken: { serviceAccountEmail: account, audience: 'https://inventory.example.com' },
    })
    expect(JSON.parse(Buffer.from(task!.httpRequest!.body as Uint8Array).toString('utf8'))).toEqual(command)
    expect(Number(task!.scheduleTime!.seconds) * 1000 + Math.floor(task!.scheduleTime!.nanos! / 1e6)).toBe(soon)
  })

  it('that is sent again creates no second task', async () => {
    await sender.send([{ target: 'inventory', envelope: command, notBeforeMs: soon }])
    expect(await listed()).toHaveLength(1)
  })

  it('without a name creates another task each time', async () => {
    const timer = {
      target: 'inventory',
      envelope: message('ReserveStock', {}, { key: 2 }),
      notBeforeMs: soon,
      unnamed: true,
    } as const
    await sender.send([timer, timer])
    expect(await listed()).toHaveLength(3)
  })

  it('to an unknown target is a bug; to a missing queue a transient failure', async () => {
    await expect(sender.send([{ target: 'shipping', envelope: command }])).rejects.toThrow('PEERS')
    const away = sender.send([{ target: 'orders', envelope: command }])
    await expect(away).rejects.toBeInstanceOf(Unavailable)
  })
})

describe('an ID token', () => {
  it('has this service as subject and the callee as audience, and is cached while it is valid', async () => {
    const authorizationFor = createIdTokens()
    const first = await authorizationFor('https://inventory.example.com')
    expect(decodeJwt(first.replace('Bearer ', ''))).toMatchObject({
      aud: 'https://inventory.example.com',
      email: account,
    })
    expect(await authorizationFor('https://inventory.example.com')).toBe(first)
    expect(await authorizationFor('https://catalog.example.com')).not.toBe(first)
  })
})
