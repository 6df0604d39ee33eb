/** Pushes and tasks do not reach the control ports of the local cloud, in any notation of their address. */

import { createServer } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { createIdentityPlatform, type IdentityPlatform } from '../../emulators/identity-platform/server.ts'
import { createPaymentProvider, type PaymentProvider } from '../../functions/shop/local/payment-provider/server.ts'
import { pubsub } from 'local-google-cloud/pubsub'

/** Names that a foreign DNS server resolves to this machine. */
const names: Record<string, { address: string; family: number }[]> = {
  'evil.example': [{ address: '127.0.0.1', family: 4 }],
  'six.example': [{ address: '::ffff:127.0.0.1', family: 6 }],
  'both.example': [
    { address: '192.0.2.1', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ],
}
vi.mock('node:dns', async (original) => {
  const real = await original<{ lookup: LookupFunction }>()
  const lookup: LookupFunction = (name, options, callback) => {
    const found = names[name]
    if (!found) return real.lookup(name, options, callback)
    if (options.all) callback(null, found)
    else callback(null, found[0]!.address, found[0]!.family)
  }
  return { ...real, lookup }
})

const account = 'orders@p.iam.gserviceaccount.com'
const queue = 'projects/p/locations/l/queues/q'
const topic = 'projects/p/topics/topic'
let cloud: LocalCloud
let identity: IdentityPlatform
let provider: PaymentProvider
const received: string[] = []
const receiver = createServer((request, response) => {
  received.push(`${request.method} ${request.url}`)
  const location = `http://127.0.0.1:${cloud.ownerPort}/v1/projects/p/topics/redirected`
  if (request.url === '/moved') response.writeHead(307, { location })
  response.end()
})

beforeAll(async () => {
  const project = { id: 'p', number: '1', region: 'l' }
  const accounts = [{ email: account, port: 0 }]
  cloud = await createLocalCloud({ plugins: [pubsub, cloudTasks], project, accounts })
  identity = await createIdentityPlatform({ projectId: 'p', secret: cloud.secret })
  provider = await createPaymentProvider({ secret: cloud.secret })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  await cloud.api('PUT', `/v1/${topic}`, {})
  await cloud.api('POST', `/v2/projects/p/locations/l/queues`, { name: queue, retryConfig: { maxAttempts: 1 } })
})
afterAll(async () => {
  receiver.closeAllConnections()
  receiver.close()
  for (const { close } of [provider, identity, cloud]) await close()
})

const ports: Record<string, () => number> = {
  'the owner’s port': () => cloud.ownerPort,
  'the port of an account': () => Number(cloud.hostOf(account).split(':')[1]),
  'the identity platform': () => identity.port,
  'the payment provider': () => provider.port,
}
const outside = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
const spellings = [
  '127.0.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'orders.localhost',
  '127.1',
  '127.0.0.2',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '0.0.0.0',
  '0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  'user:password@127.0.0.1',
  '%31%32%37.0.0.1',
  ...outside.map(({ address }) => address),
]

const task = (url: string): Promise<unknown> =>
  cloud.api('POST', `/v2/${queue}/tasks`, { task: { httpRequest: { url, httpMethod: 'PUT' } } })

/** The request log's entry of the only attempt of a new task. */
async function attempted(url: string): Promise<object> {
  const { name } = (await task(url)) as { name: string }
  const isOfTask = ({ messageId }: { readonly messageId?: string }): boolean => messageId === name.split('/').at(-1)
  await vi.waitUntil(() => cloud.requestLog().some(isOfTask))
  return cloud.requestLog().find(isOfTask)!
}

describe('the address of a control port', () => {
  it.each(spellings)('is refused: %s', async (host) => {
    for (const [name, port] of Object.entries(ports)) {
      const url = `http://${host}:${port()}/v1/projects/p/topics/from-a-task`
      await expect(task(url), name).rejects.toThrow(/INVALID_ARGUMENT.*no push or task is sent/)
      const subscription = { topic, pushConfig: { pushEndpoint: url } }
      const created = cloud.api('PUT', '/v1/projects/p/subscriptions/subscription', subscription)
      await expect(created, name).rejects.toThrow(/INVALID_ARGUMENT.*no push or task is sent/)
    }
  })

  it('is refused when a subscription is changed', async () => {
    await cloud.api('PUT', '/v1/projects/p/subscriptions/pulled', { topic })
    const pushConfig = { pushEndpoint: `http://localhost:${cloud.ownerPort}/` }
    const path = '/v1/projects/p/subscriptions/pulled'
    await expect(cloud.api('POST', `${path}:modifyPushConfig`, { pushConfig })).rejects.toThrow(/no push or task/)
    const change = { subscription: { name: path.slice('/v1/'.length), pushConfig }, updateMask: 'pushConfig' }
    await expect(cloud.api('PATCH', path, change)).rejects.toThrow(/no push or task/)
  })
})

describe('a name that resolves to a control port', () => {
  it.each(Object.keys(names))('fails at each attempt of a task, with the reason: %s', async (name) => {
    for (const port of Object.values(ports)) {
      const url = `http://${name}:${port()}/v1/projects/p/topics/by-name`
      const reason = expect.stringContaining('no push or task is sent') as string
      expect(await attempted(url)).toMatchObject({ kind: 'task', target: url, status: 0, reason })
    }
    await expect(cloud.api('GET', '/v1/projects/p/topics/by-name')).rejects.toThrow('NOT_FOUND')
  })

  it('fails at each attempt of a push, with the reason', async () => {
    const pushEndpoint = `http://evil.example:${cloud.ownerPort}/v1/${topic}:publish`
    await cloud.api('PUT', '/v1/projects/p/subscriptions/pushed', { topic, pushConfig: { pushEndpoint } })
    await cloud.api('POST', `/v1/${topic}:publish`, { messages: [{ data: 'aGk=' }] })
    const pushes = () => cloud.requestLog().filter(({ kind }) => kind === 'push')
    await vi.waitUntil(() => pushes().length > 0)
    await cloud.api('DELETE', '/v1/projects/p/subscriptions/pushed')
    const reason = expect.stringContaining('no push or task is sent') as string
    for (const push of pushes()) expect(push).toMatchObject({ status: 0, reason })
  })

  it('fails for the name of this machine', async () => {
    // In a container the lookup of the name may fail.
    expect(await attempted(`http://${hostname()}:${cloud.ownerPort}/v1/projects/p/topics/by-name`)).toMatchObject({
      status: 0,
    })
    await expect(cloud.api('GET', '/v1/projects/p/topics/by-name')).rejects.toThrow('NOT_FOUND')
  })
})

it('a redirect to a control port is not followed', async () => {
  const { port } = receiver.address() as AddressInfo
  expect(await attempted(`http://127.0.0.1:${port}/moved`)).toMatchObject({ status: 307 })
  await expect(cloud.api('GET', '/v1/projects/p/topics/redirected')).rejects.toThrow('NOT_FOUND')
})

it('other ports of this machine are reached, by address and by name', async () => {
  const { port } = receiver.address() as AddressInfo
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await attempted(`http://${host}:${port}/task`)).toMatchObject({ status: 200 })
  expect(received.filter((line) => line === 'PUT /task')).toHaveLength(2)
})
