/** IAM at the ports of service accounts, with Google's own clients and plain HTTP. */

import { BigQuery } from '@google-cloud/bigquery'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials, type ServiceError } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GrpcService } from '../service.ts'
import { bigquery } from '../../bigquery/plugin.ts'
import { cloudRun } from '../../cloud-run/plugin.ts'
import { cloudTasks } from '../../cloud-tasks/plugin.ts'
import { firestore } from '../../firestore/plugin.ts'
import { iam, type IamCore } from '../../iam/plugin.ts'
import { pubsub } from '../../pubsub/plugin.ts'
import { fakeContext } from '../fake-context.testing.ts'
import { createLocalCloud, type LocalCloud } from '../local-cloud.ts'
import type { Plugin } from '../plugin.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const PROJECT = 'projects/demo-local'
const emailOf = (id: string): string => `${id}@demo-local.iam.gserviceaccount.com`
const member = (id: string): string => `serviceAccount:${emailOf(id)}`
const topic = `${PROJECT}/topics/order.placed`
const queue = `${PROJECT}/locations/europe-west1/queues/orders`

const run = cloudRun({ addressOf: () => ({ port: 0 }), environmentOf: () => ({}), workingDirectory: tmpdir() })
const plugins: Plugin[] = [iam, firestore, bigquery(), run, pubsub, cloudTasks]

let cloud: LocalCloud
const closers: (() => Promise<unknown>)[] = []

async function start(): Promise<void> {
  cloud = await createLocalCloud({
    plugins,
    project,
    accounts: [{ email: emailOf('orders'), port: 0 }],
  })
  await cloud.api('POST', `/v1/${PROJECT}/serviceAccounts`, { accountId: 'orders' })
  await cloud.api('POST', `/v1/${PROJECT}/serviceAccounts`, { accountId: 'history' })
  await cloud.api('PUT', `/v1/${topic}`, {})
  await cloud.api('PUT', `/v1/${PROJECT}/subscriptions/placed`, { topic })
  await cloud.api('POST', `/v2/${PROJECT}/locations/europe-west1/queues`, { name: queue })
  for (const id of ['orders', 'history'])
    await cloud.api('POST', `/v1/${PROJECT}/databases?databaseId=${id}`, {
      type: 'FIRESTORE_NATIVE',
      locationId: 'europe-west1',
    })
  await cloud.api('POST', `/bigquery/v2/${PROJECT}/datasets`, { datasetReference: { datasetId: 'events' } })
  const schema = { fields: [{ name: 'data', type: 'STRING' }] }
  await cloud.api('POST', `/bigquery/v2/${PROJECT}/datasets/events/tables`, {
    tableReference: { tableId: 'orders' },
    schema,
  })
  await cloud.api('POST', `/bigquery/v2/${PROJECT}/datasets/events/tables`, {
    tableReference: { tableId: 'all_orders' },
    view: { query: 'SELECT data FROM events.orders', useLegacySql: false },
  })
}

beforeAll(() => start(), 30_000)
beforeEach(async () => {
  stubEnvironment(cloud)
  // No account holds a grant.
  for (const resource of [
    `/v1/${PROJECT}`,
    `/v1/${topic}`,
    `/v2/${queue}`,
    `/v1/${PROJECT}/serviceAccounts/${emailOf('orders')}`,
    `/bigquery/v2/${PROJECT}/datasets/events/tables/orders`,
    `/bigquery/v2/${PROJECT}/datasets/events/tables/all_orders`,
  ])
    await cloud.api('POST', `${resource}:setIamPolicy`, { policy: {} })
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  vi.unstubAllEnvs()
})
afterAll(() => cloud.close())

function stubEnvironment(of: LocalCloud): void {
  for (const [name, value] of Object.entries(of.environmentOf(emailOf('orders')))) vi.stubEnv(name, value)
}

const grant = async (resource: string, role: string, ...more: object[]): Promise<unknown> =>
  cloud.api('POST', `${resource}:setIamPolicy`, {
    policy: { bindings: [{ role, members: [member('orders')] }, ...more] },
  })

function pubsubClient(): PubSub {
  const client = new PubSub({ projectId: project.id })
  closers.push(() => client.close())
  return client
}

function firestoreClient(databaseId: string): Firestore {
  const client = new Firestore({ projectId: project.id, databaseId })
  closers.push(() => client.terminate())
  return client
}

function tasksClient(): CloudTasksClient {
  const [apiEndpoint, port] = cloud.hostOf(emailOf('orders')).split(':')
  const client = new CloudTasksClient({
    projectId: project.id,
    apiEndpoint: apiEndpoint!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  })
  closers.push(() => client.close())
  return client
}

const createTask = (client: CloudTasksClient, account?: string): Promise<unknown> =>
  client.createTask({
    parent: queue,
    task: {
      scheduleTime: { seconds: Math.floor(Date.now() / 1000) + 3600 },
      httpRequest: {
        url: 'http://127.0.0.1:1/x',
        ...(account ? { oidcToken: { serviceAccountEmail: account } } : {}),
      },
    },
  })

describe('a service account without a grant is refused in Google’s words', () => {
  it("by Pub/Sub, with the missing permission in the error's details", async () => {
    const publishing = pubsubClient().topic('order.placed').publishMessage({ json: {} })
    const error = (await publishing.catch((thrown: unknown) => thrown)) as ServiceError
    expect(error).toMatchObject({ code: 7, details: 'User not authorized to perform this action.' })
    // The client leaves the details in gRPC's metadata.
    const carried = String(error.metadata.get('grpc-status-details-bin')[0])
    for (const part of ['IAM_PERMISSION_DENIED', 'pubsub.googleapis.com', 'pubsub.topics.publish', topic])
      expect(carried).toContain(part)
  })

  it('by Pub/Sub on a stream', async () => {
    const subscription = pubsubClient().subscription('placed')
    const error = await new Promise((resolve) => {
      subscription.on('error', resolve)
      subscription.on('message', () => {})
    })
    expect(error).toMatchObject({ code: 7, details: 'User not authorized to perform this action.' })
    await subscription.close()
  })

  it("by Pub/Sub, when it may not act as the account that writes a subscription's messages into BigQuery", async () => {
    await grant(`/v1/${PROJECT}`, 'roles/pubsub.editor')
    const subscribe = (serviceAccountEmail: string) =>
      asOrders('PUT', `/v1/${PROJECT}/subscriptions/stored`, {
        topic,
        bigqueryConfig: { table: 'demo-local.events.orders', serviceAccountEmail },
      })
    for (const account of ['owner', emailOf('history')]) {
      const { status, text } = await subscribe(account)
      expect([account, status]).toEqual([account, 403])
      expect(text).toContain(`"resource":"${PROJECT}/serviceAccounts/${account}"`)
    }
    // Nor does the owner's port lend its own rights to a table.
    const request = { topic, bigqueryConfig: { table: 'demo-local.events.orders', serviceAccountEmail: 'owner' } }
    await expect(cloud.api('PUT', `/v1/${PROJECT}/subscriptions/stored`, request)).rejects.toThrow(
      'Invalid service account email given in bigquery_config (email=owner).',
    )
  })

  it("by Cloud Tasks, without a grant on the queue and on the account of the task's token", async () => {
    const tasks = tasksClient()
    await expect(createTask(tasks, emailOf('orders'))).rejects.toMatchObject({
      code: 7,
      details: `The principal (user or service account) lacks IAM permission "cloudtasks.tasks.create" for the resource "${queue}" (or the resource may not exist).`,
    })
    await grant(`/v2/${queue}`, 'roles/cloudtasks.enqueuer')
    await createTask(tasks)
    for (const account of [emailOf('orders'), emailOf('history'), 'stranger@example.com']) {
      await expect(createTask(tasks, account)).rejects.toMatchObject({
        code: 7,
        details: `The principal (user or service account) lacks IAM permission "iam.serviceAccounts.actAs" for the resource "${account}" (or the resource may not exist).`,
      })
    }
    await grant(`/v1/${PROJECT}/serviceAccounts/${emailOf('orders')}`, 'roles/iam.serviceAccountUser')
    await createTask(tasks, emailOf('orders'))
    await expect(createTask(tasks, emailOf('history'))).rejects.toMatchObject({ code: 7 })
    await expect(tasks.deleteQueue({ name: queue })).rejects.toMatchObject({ code: 7 })
  })

  it('by Cloud Run, without a grant on the service and on the account that it runs as', async () => {
    await cloud.api('POST', `/v1/${PROJECT}/serviceAccounts/${emailOf('history')}:setIamPolicy`, { policy: {} })
    const services = `/v2/${PROJECT}/locations/europe-west1/services`
    const runningAs = (serviceAccount?: string): object => ({
      template: { ...(serviceAccount ? { serviceAccount } : {}), containers: [{ image: 'x' }] },
    })
    const deploy = (id: string, serviceAccount?: string) =>
      asOrders('POST', `${services}?serviceId=${id}`, runningAs(serviceAccount))
    const refused = (account: string) => ({
      status: 403,
      text: expect.stringContaining(
        `Permission 'iam.serviceaccounts.actAs' denied on service account ${account} (or it may not exist).`,
      ) as string,
    })
    expect(await deploy('one', emailOf('orders'))).toMatchObject({
      status: 403,
      text: expect.stringContaining("Permission 'run.services.create' denied") as string,
    })
    await grant(`/v1/${PROJECT}`, 'roles/run.developer')
    for (const account of ['owner', emailOf('orders'), emailOf('history')])
      expect(await deploy('one', account)).toMatchObject(refused(account))
    // Without an account it would be that of the project.
    const ofProject = '100000000000-compute@developer.gserviceaccount.com'
    expect(await deploy('one')).toMatchObject(refused(ofProject))

    await grant(`/v1/${PROJECT}/serviceAccounts/${emailOf('orders')}`, 'roles/iam.serviceAccountUser')
    expect(await deploy('one', emailOf('orders'))).toMatchObject({ status: 200 })
    const update = (body: object) => asOrders('PATCH', `${services}/one`, body)
    expect(await update({ labels: { release: '2' } })).toMatchObject({ status: 200 })
    expect(await update(runningAs(emailOf('orders')))).toMatchObject({ status: 200 })
    for (const account of ['owner', emailOf('history')])
      expect(await update(runningAs(account))).toMatchObject(refused(account))
    expect(await update(runningAs())).toMatchObject(refused(ofProject))
    expect(await asOrders('PATCH', `${services}/absent`, runningAs(emailOf('orders')))).toMatchObject({ status: 404 })

    // Every change to a service needs iam.serviceAccounts.actAs on its account.
    await cloud.api('PATCH', `${services}/one`, runningAs(emailOf('history')))
    expect(await update({ labels: { release: '3' } })).toMatchObject(refused(emailOf('history')))
    await cloud.api('DELETE', `${services}/one`)
  })

  it('by Firestore, database by database, as the condition says', async () => {
    const [own, other] = [firestoreClient('orders'), firestoreClient('history')]
    const denied = { code: 7, details: expect.stringContaining('Missing or insufficient permissions.') as string }
    await expect(own.doc('a/b').get()).rejects.toMatchObject(denied)
    const expression = `resource.name == "${PROJECT}/databases/orders"`
    await cloud.api('POST', `/v1/${PROJECT}:setIamPolicy`, {
      policy: {
        bindings: [
          { role: 'roles/datastore.user', members: [member('orders')], condition: { title: 't', expression } },
        ],
      },
    })
    await own.doc('a/b').create({ x: 1 })
    await own.doc('a/b').update({ x: 2 })
    await own.runTransaction(async (transaction) => {
      const found = await transaction.get(own.doc('a/b'))
      transaction.set(own.doc('a/c'), found.data()!)
    })
    expect((await own.collection('a').count().get()).data().count).toBe(2)
    expect((await own.listCollections()).map(({ id }) => id)).toEqual(['a'])
    await new Promise((resolve) => {
      const stop = own.collection('a').onSnapshot((snapshot) => {
        stop()
        resolve(snapshot)
      })
    })
    await own.doc('a/b').delete()

    await expect(other.doc('a/b').get()).rejects.toMatchObject(denied)
    const ended = new Promise<Error>((resolve) => {
      other.collection('a').onSnapshot(() => resolve(new Error('a snapshot')), resolve)
    })
    expect((await ended).message).toBe('Error 7: Missing or insufficient permissions.')
    await expect(other.doc('a/b').set({})).rejects.toMatchObject(denied)
    await expect(other.collection('a').get()).rejects.toMatchObject(denied)
    await expect(other.runTransaction((t) => t.get(other.doc('a/b')))).rejects.toMatchObject(denied)
  })

  it('by Firestore, when a request to its own database names a document of another', async () => {
    const expression = `resource.name == "${PROJECT}/databases/orders"`
    await cloud.api('POST', `/v1/${PROJECT}:setIamPolicy`, {
      policy: {
        bindings: [
          { role: 'roles/datastore.user', members: [member('orders')], condition: { title: 't', expression } },
        ],
      },
    })
    const foreign = `${PROJECT}/databases/history/documents/a/b`
    const own = `/v1/${PROJECT}/databases/orders/documents`
    const calls: [string, object][] = [
      ['commit', { writes: [{ update: { name: foreign, fields: {} } }] }],
      ['commit', { writes: [{ delete: foreign }] }],
      ['batchWrite', { writes: [{ update: { name: foreign, fields: {} } }] }],
      ['batchGet', { documents: [foreign] }],
    ]
    for (const [verb, body] of calls) {
      const { status } = await asOrders('POST', `${own}:${verb}`, body)
      expect([verb, status]).toEqual([verb, 403])
    }
  })

  it('by BigQuery, without a grant to run queries, and on each table that the query or its view reads', async () => {
    const client = new BigQuery({ projectId: project.id })
    const query = (sql: string): Promise<unknown> => client.query(sql)
    await expect(query('SELECT 1')).rejects.toThrow(
      'Access Denied: Project demo-local: User does not have bigquery.jobs.create permission in project demo-local.',
    )
    await grant(`/v1/${PROJECT}`, 'roles/bigquery.jobUser')
    await query('SELECT 1')
    const denied = (table: string, permission: string): string =>
      `Access Denied: Table demo-local:events.${table}: Permission bigquery.tables.${permission} denied on table demo-local:events.${table} (or it may not exist).`
    await expect(query('SELECT * FROM events.orders')).rejects.toThrow(denied('orders', 'getData'))
    const tables = `/bigquery/v2/${PROJECT}/datasets/events/tables`
    await grant(`${tables}/all_orders`, 'roles/bigquery.dataViewer')
    await expect(query('SELECT * FROM events.all_orders')).rejects.toThrow(denied('orders', 'getData'))
    await grant(`${tables}/orders`, 'roles/bigquery.dataViewer')
    await query('SELECT * FROM events.all_orders')
    await expect(query("INSERT INTO events.orders (data) VALUES ('x')")).rejects.toThrow(denied('orders', 'updateData'))
    await expect(
      client
        .dataset('events')
        .table('orders')
        .insert([{ data: 'x' }]),
    ).rejects.toThrow(denied('orders', 'updateData'))
  })
})

const asOrders = async (method: string, path: string, body?: object): Promise<{ status: number; text: string }> => {
  const response = await fetch(`http://${cloud.hostOf(emailOf('orders'))}${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  })
  return { status: response.status, text: await response.text() }
}

describe('the ports', () => {
  it('of service accounts refuse administration, also by REST', async () => {
    const calls: [string, string, object?][] = [
      ['PUT', `/v1/${PROJECT}/topics/another`, {}],
      ['DELETE', `/v1/${topic}`],
      ['POST', `/v1/${topic}:publish`, { messages: [{ data: 'aGk=' }] }],
      ['POST', `/v1/${PROJECT}/subscriptions/placed:pull`, { maxMessages: 1 }],
      ['GET', `/v1/${topic}:getIamPolicy`],
      ['POST', `/v1/${topic}:setIamPolicy`, { policy: {} }],
      ['POST', `/v1/${PROJECT}:setIamPolicy`, { policy: {} }],
      ['POST', `/v2/${queue}:setIamPolicy`, { policy: {} }],
      ['POST', `/v1/${PROJECT}/serviceAccounts`, { accountId: 'another' }],
      ['DELETE', `/v1/${PROJECT}/serviceAccounts/${emailOf('history')}`],
      ['POST', `/v1/${PROJECT}/serviceAccounts/${emailOf('history')}:disable`, {}],
      ['GET', `/v1/${PROJECT}`],
      ['POST', `/v2/${PROJECT}/locations/europe-west1/services?serviceId=x`, {}],
      ['GET', `/v2/${PROJECT}/locations/europe-west1/services`],
      ['DELETE', `/v1/${PROJECT}/databases/orders`],
      ['GET', `/bigquery/v2/${PROJECT}/datasets/events/tables/orders`],
      ['DELETE', `/${PROJECT}/datasets/events`],
    ]
    for (const [method, path, body] of calls) {
      const { status, text } = await asOrders(method, path, body)
      expect([method, path, status]).toEqual([method, path, 403])
      expect(text).toContain('"reason":"IAM_PERMISSION_DENIED"')
    }
  })

  it("of service accounts do not serve the local cloud's own paths", async () => {
    for (const path of ['/_local/run/processes', '/_local/counters', '/_local/request-log', '/_local/faults'])
      expect([path, (await asOrders('GET', path)).status]).toEqual([path, 404])
  })

  it('of service accounts answer which permissions the account itself has', async () => {
    await grant(`/v1/${topic}`, 'roles/pubsub.publisher')
    const request = { permissions: ['pubsub.topics.publish', 'pubsub.topics.delete'] }
    const { text } = await asOrders('POST', `/v1/${topic}:testIamPermissions`, request)
    expect(JSON.parse(text)).toEqual({ permissions: ['pubsub.topics.publish'] })
  })

  it('of the owner allow everything, and so do all ports when IAM is off', async () => {
    await cloud.api('POST', `/v1/${topic}:publish`, { messages: [{ data: 'aGk=' }] })
    const accounts = [{ email: emailOf('orders'), port: 0 }]
    const free = await createLocalCloud({ plugins: [iam, pubsub], project, accounts, iam: 'off' })
    await free.api('PUT', `/v1/${topic}`, {})
    stubEnvironment(free)
    await pubsubClient().topic('order.placed').publishMessage({ json: {} })
    await free.close()
  })
})

it('records the grants by which calls were allowed', async () => {
  await grant(`/v1/${topic}`, 'roles/pubsub.publisher', {
    role: 'roles/pubsub.subscriber',
    members: [member('history')],
  })
  await pubsubClient().topic('order.placed').publishMessage({ json: {} })
  const used = cloud.core<IamCore>('iam').usedGrants()
  expect(used.filter(({ resource }) => resource === topic)).toEqual([
    { resource: topic, role: 'roles/pubsub.publisher', email: emailOf('orders') },
  ])
})

/** Methods that are not served answer UNIMPLEMENTED to every caller. */
it('every served method declares the permission that it requires', async () => {
  const forgotten: string[] = []
  for (const plugin of plugins) {
    const { grpc = [] } = await plugin.create(fakeContext().context)
    const root = plugin.proto && protobuf.Root.fromJSON(await plugin.proto())
    for (const service of grpc) {
      for (const method of served(service))
        if (!service.access?.methods[method]) forgotten.push(`${service.name}.${method}`)
      const known = root!
        .lookupService(service.name)
        .methodsArray.map(({ name }) => name.charAt(0).toLowerCase() + name.slice(1))
      for (const method of Object.keys(service.access?.methods ?? {}))
        if (!known.includes(method)) forgotten.push(`no such method: ${service.name}.${method}`)
    }
  }
  expect(forgotten).toEqual([])
})

const served = ({ unary, streaming }: GrpcService): string[] => [
  ...Object.keys(unary ?? {}),
  ...Object.keys(streaming ?? {}),
]
