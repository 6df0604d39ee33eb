import { PubSub } from '@google-cloud/pubsub'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cloudTasks } from '../cloud-tasks/plugin.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import type { TerraformResource } from '../core/terraform/resource.ts'
import { firestore } from '../firestore/plugin.ts'
import { pubsub } from '../pubsub/plugin.ts'
import { iam, type IamCore } from './plugin.ts'
import type { Policy } from './policies/policies.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const emailOf = (id: string): string => `${id}@demo-local.iam.gserviceaccount.com`
const agent = 'serviceAccount:service-100000000000@gcp-sa-pubsub.iam.gserviceaccount.com'
const accountsPath = '/v1/projects/demo-local/serviceAccounts'
const topic = 'projects/demo-local/topics/order.placed'
const queue = 'projects/demo-local/locations/europe-west1/queues/orders'

const plugins = [iam, firestore, pubsub, cloudTasks]
const types = Object.assign({}, ...plugins.map(({ terraform }) => terraform)) as Record<string, Provisioner>

let cloud: LocalCloud
const start = (dataDir?: string): Promise<LocalCloud> =>
  createLocalCloud({
    plugins,
    project,
    accounts: [{ email: emailOf('orders'), port: 0 }],
    ...(dataDir ? { dataDir } : {}),
  })
const core = (): IamCore => cloud.core<IamCore>('iam')
const makeAccount = (accountId: string, serviceAccount: object = {}): Promise<unknown> =>
  cloud.api('POST', accountsPath, { accountId, serviceAccount })
const policyOf = async (): Promise<Policy> => (await cloud.api('GET', `/v1/${topic}:getIamPolicy`)) as Policy
const json = { 'content-type': 'application/json' }
const setPolicy = (policy: object): Promise<unknown> => cloud.api('POST', `/v1/${topic}:setIamPolicy`, { policy })
const publisherBy = (...members: string[]) => ({ bindings: [{ role: 'roles/pubsub.publisher', members }] })

beforeEach(async () => {
  cloud = await start()
  await makeAccount('orders')
  await cloud.api('PUT', `/v1/${topic}`, {})
  await cloud.api('POST', '/v2/projects/demo-local/locations/europe-west1/queues', { name: queue })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await cloud.close()
})

describe('service accounts', () => {
  it('are created, read by e-mail and unique id, changed, listed in pages, deleted', async () => {
    const made = (await makeAccount('history', { displayName: 'Runs history' })) as { uniqueId: string }
    expect(made).toMatchObject({
      name: `projects/demo-local/serviceAccounts/${emailOf('history')}`,
      projectId: 'demo-local',
      email: emailOf('history'),
      displayName: 'Runs history',
    })
    expect(await cloud.api('GET', `${accountsPath}/${made.uniqueId}`)).toEqual(made)
    const mask = { serviceAccount: { description: 'x', displayName: 'ignored' }, updateMask: 'description' }
    expect(await cloud.api('PATCH', `${accountsPath}/${emailOf('history')}`, mask)).toMatchObject({
      displayName: 'Runs history',
      description: 'x',
    })
    const first = (await cloud.api('GET', `${accountsPath}?pageSize=1`)) as {
      accounts: object[]
      nextPageToken: string
    }
    const second = await cloud.api('GET', `${accountsPath}?pageSize=1&pageToken=${first.nextPageToken}`)
    expect([first.accounts, second]).toMatchObject([
      [{ email: emailOf('history') }],
      { accounts: [{ email: emailOf('orders') }] },
    ])
    expect(second).not.toHaveProperty('nextPageToken')
    await cloud.api('DELETE', `${accountsPath}/${emailOf('history')}`)
    await expect(cloud.api('GET', `${accountsPath}/${emailOf('history')}`)).rejects.toMatchObject({ httpStatus: 404 })
  })

  it.each([
    ['short', 400, 'The account ID "short" does not have a length between 6 and 30.'],
    ['a'.repeat(31), 400, 'does not have a length between 6 and 30.'],
    ['Orders', 400, 'does not match the pattern "[a-z]([-a-z0-9]*[a-z0-9])".'],
    ['1orders', 400, 'does not match the pattern'],
    ['orders-', 400, 'does not match the pattern'],
    ['orders', 409, 'Service account orders already exists within project projects/demo-local.'],
  ])('refuse the id %s', async (id, httpStatus, message) => {
    await expect(makeAccount(id)).rejects.toMatchObject({
      httpStatus,
      message: expect.stringContaining(message) as string,
    })
  })

  it('refuse an unknown field, another project and a body that is not JSON', async () => {
    await expect(makeAccount('history', { displayNames: 'x' })).rejects.toThrow(
      `Unknown name "displayNames" at 'service_account'`,
    )
    await expect(
      cloud.api('POST', '/v1/projects/other/serviceAccounts', { accountId: 'history' }),
    ).rejects.toMatchObject({ httpStatus: 404 })
    const response = await fetch(`http://${cloud.ownerHost}${accountsPath}`, {
      method: 'POST',
      body: '{',
      headers: json,
    })
    expect(response.status).toBe(400)
  })
})

describe('policies', () => {
  it('are changed by read, modify, write; a stale etag is refused', async () => {
    const before = await policyOf()
    expect(before).toEqual({ etag: 'ACAB', bindings: [] })
    await setPolicy({ ...before, ...publisherBy(`serviceAccount:${emailOf('orders')}`) })
    const after = await policyOf()
    expect(after.bindings).toEqual([
      { role: 'roles/pubsub.publisher', members: [`serviceAccount:${emailOf('orders')}`] },
    ])
    await expect(setPolicy({ ...before, bindings: [] })).rejects.toMatchObject({ httpStatus: 409, code: 'ABORTED' })
    expect(await policyOf()).toEqual(after)
  })

  it('take an account of Google itself, which exists without being created', async () => {
    const bindings = [
      { role: 'roles/pubsub.publisher', members: ['serviceAccount:gmail-api-push@system.gserviceaccount.com'] },
    ]
    await setPolicy({ bindings })
    expect((await policyOf()).bindings).toEqual(bindings)
  })

  it.each([
    [
      'an unknown role',
      { role: 'roles/pubsub.publisherr', members: [agent] },
      'Role roles/pubsub.publisherr is not supported',
    ],
    ['a role of another API', { role: 'roles/cloudtasks.enqueuer', members: [agent] }, `it allows nothing on ${topic}`],
    [
      'an account that does not exist',
      { role: 'roles/pubsub.publisher', members: [`serviceAccount:${emailOf('ghosts')}`] },
      'does not exist',
    ],
    [
      'an account of another project',
      { role: 'roles/pubsub.publisher', members: ['serviceAccount:orders@demo-dev.iam.gserviceaccount.com'] },
      'does not exist',
    ],
    [
      'the agent of another project',
      { role: 'roles/pubsub.publisher', members: [agent.replace('1', '2')] },
      'does not exist',
    ],
    ['a member without a kind', { role: 'roles/pubsub.publisher', members: [emailOf('orders')] }, 'Invalid member'],
    [
      'an unknown field',
      { role: 'roles/pubsub.publisher', member: 'x' },
      'Unknown name "member" at \'policy.bindings\'',
    ],
    [
      'a condition that is not evaluated',
      { role: 'roles/pubsub.publisher', members: [agent], condition: { title: 't', expression: 'request.time < x' } },
      'does not evaluate',
    ],
  ])('refuse %s', async (_, binding, message) => {
    await expect(setPolicy({ bindings: [binding] })).rejects.toMatchObject({
      httpStatus: 400,
      message: expect.stringContaining(message) as string,
    })
    expect((await policyOf()).bindings).toEqual([])
  })

  it('exist only for existing resources, under the version and method of their API', async () => {
    const missing = {
      httpStatus: 404,
      message: expect.stringContaining('Resource not found (resource=projects/demo-local/topics/none)') as string,
    }
    await expect(cloud.api('GET', '/v1/projects/demo-local/topics/none:getIamPolicy')).rejects.toMatchObject(missing)
    await expect(cloud.api('GET', `/v2/${topic}:getIamPolicy`)).rejects.toThrow('has no route GET')
    for (const [method, path] of [
      ['POST', `/v2/${queue}`],
      ['POST', '/v1/projects/demo-local'],
      ['POST', '/v3/projects/100000000000'],
      ['POST', `${accountsPath}/${emailOf('orders')}`],
    ] as const)
      expect(await cloud.api(method, `${path}:getIamPolicy`)).toEqual({ etag: 'ACAB', bindings: [] })
    expect(await cloud.api('GET', '/v1/projects/demo-local')).toMatchObject({ projectNumber: '100000000000' })
    expect(await cloud.api('GET', '/v3/projects/demo-local')).toMatchObject({ name: 'projects/100000000000' })
  })

  it('keep audit configurations, and refuse kinds of logs that Google does not have', async () => {
    const auditConfigs = [
      { service: 'allServices', auditLogConfigs: [{ logType: 'DATA_READ', exemptedMembers: ['user:a@example.org'] }] },
    ]
    const path = '/v1/projects/demo-local'
    await cloud.api('POST', `${path}:setIamPolicy`, { policy: { auditConfigs } })
    expect(await cloud.api('POST', `${path}:getIamPolicy`)).toMatchObject({ bindings: [], auditConfigs })
    const wrong = [{ service: 'allServices', auditLogConfigs: [{ logType: 'EVERYTHING' }] }]
    await expect(cloud.api('POST', `${path}:setIamPolicy`, { policy: { auditConfigs: wrong } })).rejects.toMatchObject({
      httpStatus: 400,
    })
    await cloud.api('POST', `${path}:setIamPolicy`, { policy: {} })
  })

  it('survive a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'iam-'))
    const first = await start(dataDir)
    await first.api('POST', accountsPath, { accountId: 'orders' })
    const policy = { bindings: [{ role: 'roles/logging.logWriter', members: [`serviceAccount:${emailOf('orders')}`] }] }
    await first.api('POST', '/v1/projects/demo-local:setIamPolicy', { policy })
    const token = await first.core<IamCore>('iam').mintIdToken({ email: emailOf('orders'), audience: 'a' })
    await first.close()
    const second = await start(dataDir)
    expect(await second.api('POST', '/v1/projects/demo-local:getIamPolicy')).toMatchObject(policy)
    expect((await second.core<IamCore>('iam').verifyIdToken(token, { audience: 'a' })).email).toBe(emailOf('orders'))
    await second.close()
    rmSync(dataDir, { recursive: true })
  })
})

describe('a grant', () => {
  const orders = emailOf('orders')

  it('allows its members the permissions of its role on its resource', async () => {
    await setPolicy(publisherBy(`serviceAccount:${orders}`))
    expect(core().isGranted(orders, 'pubsub.topics.publish', topic)).toBe(true)
    expect(core().isGranted(orders, 'pubsub.subscriptions.consume', topic)).toBe(false)
    expect(core().isGranted(orders, 'pubsub.topics.publish', topic)).toBe(true)
    expect(core().isGranted(orders, 'pubsub.topics.delete', topic)).toBe(false)
    expect(core().isGranted(emailOf('history'), 'pubsub.topics.publish', topic)).toBe(false)
    const port = `http://${cloud.hostOf(orders)}/v1/${topic}:testIamPermissions`
    const permissions = ['pubsub.topics.publish', 'pubsub.topics.delete']
    const answer = await fetch(port, { method: 'POST', body: JSON.stringify({ permissions }), headers: json })
    expect(await answer.json()).toEqual({ permissions: ['pubsub.topics.publish'] })
  })

  it('of the project applies to its resources where its condition holds', async () => {
    const named = (database: string) => `projects/demo-local/databases/${database}`
    const expression = `resource.name == "${named('orders')}" || resource.name.startsWith('${named('shared')}')`
    const binding = {
      role: 'roles/datastore.user',
      members: [`serviceAccount:${orders}`],
      condition: { title: 't', expression },
    }
    const answer = await cloud.api('POST', '/v1/projects/demo-local:setIamPolicy', {
      policy: { bindings: [binding] },
    })
    expect(answer).toMatchObject({ version: 3 })
    const may = ['orders', 'orders2', 'shared-1', 'payments'].filter((database) =>
      core().isGranted(orders, 'datastore.entities.get', named(database)),
    )
    expect(may).toEqual(['orders', 'shared-1'])
  })

  it('to allUsers applies to every caller', async () => {
    await setPolicy(publisherBy('allUsers'))
    expect(core().isGranted('stranger@example.com', 'pubsub.topics.publish', topic)).toBe(true)
  })

  it('of a deleted account ends, is shown as deleted, and does not block other changes of the policy', async () => {
    await makeAccount('history')
    await setPolicy(publisherBy(`serviceAccount:${orders}`, agent))
    const { uniqueId } = (await cloud.api('GET', `${accountsPath}/${orders}`)) as { uniqueId: string }
    await cloud.api('DELETE', `${accountsPath}/${orders}`)
    expect(core().isGranted(orders, 'pubsub.topics.publish', topic)).toBe(false)
    const policy = await policyOf()
    expect(policy.bindings[0]!.members).toEqual([`deleted:serviceAccount:${orders}?uid=${uniqueId}`, agent])
    await setPolicy({
      ...policy,
      ...publisherBy(...policy.bindings[0]!.members, `serviceAccount:${emailOf('history')}`),
    })
    expect((await policyOf()).bindings[0]!.members).toHaveLength(3)
  })

  it('ends when its resource is deleted', async () => {
    await setPolicy(publisherBy('allUsers'))
    await cloud.api('DELETE', `/v1/${topic}`)
    expect(core().isGranted(orders, 'pubsub.topics.publish', topic)).toBe(false)
  })
})

describe('Google’s clients', () => {
  it('read, write and test the policies of a topic and of a queue', async () => {
    vi.stubEnv('PUBSUB_EMULATOR_HOST', cloud.ownerHost)
    vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
    const client = new PubSub({ projectId: project.id })
    const { iam: access } = client.topic('order.placed')
    const [before] = await access.getPolicy()
    const binding = {
      role: 'roles/pubsub.publisher',
      members: [`serviceAccount:${emailOf('orders')}`],
      condition: null,
    }
    await access.setPolicy({ ...before, bindings: [binding] })
    const [after] = await access.getPolicy()
    expect(after.bindings).toEqual([binding])
    expect((await policyOf()).etag).toBe(Buffer.from(after.etag as Buffer).toString('base64'))
    await expect(access.setPolicy({ ...before, bindings: [] })).rejects.toMatchObject({ code: 10 })
    const [permissions] = await access.testPermissions(['pubsub.topics.publish', 'pubsub.topics.get'])
    expect(permissions).toEqual({ 'pubsub.topics.publish': true, 'pubsub.topics.get': true })
    await client.close()

    const [apiEndpoint, port] = cloud.ownerHost.split(':') as [string, string]
    const tasks = new CloudTasksClient({
      projectId: project.id,
      apiEndpoint,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    })
    const enqueuer = { role: 'roles/cloudtasks.enqueuer', members: [`serviceAccount:${emailOf('orders')}`] }
    await tasks.setIamPolicy({ resource: queue, policy: { bindings: [enqueuer] } })
    expect((await tasks.getIamPolicy({ resource: queue }))[0].bindings).toMatchObject([enqueuer])
    expect(core().isGranted(emailOf('orders'), 'cloudtasks.tasks.create', queue)).toBe(true)
    await tasks.close()
  })
})

describe('Terraform’s resources', () => {
  const resource = (type: string, attributes: object): TerraformResource => ({
    type,
    address: `${type}.x`,
    stack: 'local',
    attributes: { project: project.id, ...attributes },
  })
  const create = (type: string, attributes: object) => types[type]!.create(resource(type, attributes), cloud.api)
  const remove = (type: string, attributes: object) => types[type]!.remove(resource(type, attributes), cloud.api)

  it('create an account, and update its attributes the second time', async () => {
    await create('google_service_account', { account_id: 'history', display_name: 'first' })
    await create('google_service_account', { account_id: 'history', display_name: 'second', disabled: true })
    expect(await cloud.api('GET', `${accountsPath}/${emailOf('history')}`)).toMatchObject({
      displayName: 'second',
      disabled: true,
    })
    await remove('google_service_account', { account_id: 'history' })
    await expect(cloud.api('GET', `${accountsPath}/${emailOf('history')}`)).rejects.toMatchObject({ httpStatus: 404 })
    await expect(create('google_service_account', { account_id: 'bad' })).rejects.toThrow('length between 6 and 30')
  })

  const member = `serviceAccount:${emailOf('orders')}`
  const account = `projects/demo-local/serviceAccounts/${emailOf('orders')}`
  it.each([
    ['google_project_iam_member', { role: 'roles/logging.logWriter' }, 'projects/demo-local'],
    [
      'google_service_account_iam_member',
      { role: 'roles/iam.serviceAccountUser', service_account_id: account },
      account,
    ],
    ['google_pubsub_topic_iam_member', { role: 'roles/pubsub.publisher', topic: 'order.placed' }, topic],
    ['google_pubsub_topic_iam_member', { role: 'roles/pubsub.publisher', topic }, topic],
    [
      'google_cloud_tasks_queue_iam_member',
      { role: 'roles/cloudtasks.enqueuer', location: 'europe-west1', name: 'orders' },
      queue,
    ],
  ])('add a member once, and remove only that member: %s %j', async (type, own, name) => {
    const others = { ...own, member: agent }
    const mine = { ...own, member }
    await create(type, others)
    await create(type, mine)
    const written = core().bindings(name)
    await create(type, mine)
    expect(core().bindings(name)).toBe(written)
    expect(written).toEqual([{ role: own.role, members: [agent, member] }])
    await remove(type, mine)
    expect(core().bindings(name)).toEqual([{ role: own.role, members: [agent] }])
    await remove(type, others)
    expect(core().bindings(name)).toEqual([])
  })

  it('determine all members of a role by a binding, and leave other roles and conditions', async () => {
    const type = 'google_pubsub_topic_iam_binding'
    const own = { role: 'roles/pubsub.publisher', topic: 'order.placed' }
    await create('google_pubsub_topic_iam_member', { ...own, member: 'allUsers' })
    await create('google_pubsub_topic_iam_member', { ...own, role: 'roles/pubsub.editor', member: agent })
    await create(type, { ...own, members: [member, agent] })
    const other = { role: 'roles/pubsub.editor', members: [agent] }
    const written = core().bindings(topic)
    expect(written).toEqual([other, { role: own.role, members: [member, agent] }])
    await create(type, { ...own, members: [agent, member] })
    expect(core().bindings(topic)).toBe(written)
    await create(type, { ...own, members: [agent] })
    expect(core().bindings(topic)).toEqual([other, { role: own.role, members: [agent] }])
    await remove(type, { ...own, members: [agent] })
    expect(core().bindings(topic)).toEqual([other])
    await expect(create(type, own)).rejects.toThrow('google_pubsub_topic_iam_binding.x has no members')
  })

  it('store the same role under different conditions as separate bindings', async () => {
    const own = { role: 'roles/datastore.user', member }
    const condition = (database: string) => ({
      title: database,
      expression: `resource.name == "projects/demo-local/databases/${database}"`,
    })
    await create('google_project_iam_member', { ...own, condition: condition('a') })
    await create('google_project_iam_member', { ...own, condition: [condition('b')] })
    await remove('google_project_iam_member', { ...own, condition: condition('a') })
    expect(core().bindings('projects/demo-local')).toEqual([
      { role: own.role, members: [member], condition: condition('b') },
    ])
  })

  it('refuse an unknown attribute and a missing resource', async () => {
    const own = { role: 'roles/pubsub.publisher', topic: 'none', member }
    await expect(create('google_pubsub_topic_iam_member', own)).rejects.toThrow('NOT_FOUND: Resource not found')
    await expect(create('google_pubsub_topic_iam_member', { ...own, memberz: 'x' })).rejects.toThrow(
      'has the attribute "memberz", which the local cloud does not know',
    )
  })
})
