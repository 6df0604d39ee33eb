/** Google's own unmodified client over the real port. */

import { PubSub } from '@google-cloud/pubsub'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type LocalCloud, createLocalCloud } from '../core/local-cloud.ts'
import { pubsub } from './plugin.ts'

let cloud: LocalCloud
let client: PubSub

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins: [pubsub],
    project: { id: 'demo-local', number: '100000000000', region: 'europe-west1' },
  })
  vi.stubEnv('PUBSUB_EMULATOR_HOST', cloud.ownerHost)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  client = new PubSub({ projectId: 'demo-local' })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await client.close()
  await cloud.close()
})

test('a subscription seeks to a snapshot: what was acknowledged since comes again', async () => {
  const [topic] = await client.createTopic('things')
  const [subscription] = await topic.createSubscription('reader')
  const snapshot = subscription.snapshot('before')
  await snapshot.create()
  expect((await client.getSnapshots())[0].map(({ name }) => name)).toEqual(['projects/demo-local/snapshots/before'])
  const received: string[] = []
  const twice = Promise.withResolvers<void>()
  subscription.on('error', twice.reject)
  subscription.on('message', (message) => {
    received.push(String(message.data))
    message.ack()
    if (received.length === 1) void snapshot.seek().catch(twice.reject)
    else twice.resolve()
  })
  await topic.publishMessage({ data: Buffer.from('again') })
  await twice.promise
  expect(received).toEqual(['again', 'again'])
  await subscription.close()
  await snapshot.delete()
  expect((await client.getSnapshots())[0]).toEqual([])
})

test('by REST, a snapshot is put, read, listed under its topic and deleted', async () => {
  await cloud.api('PUT', '/v1/projects/demo-local/topics/rest', {})
  await cloud.api('PUT', '/v1/projects/demo-local/subscriptions/rest', { topic: 'projects/demo-local/topics/rest' })
  const path = '/v1/projects/demo-local/snapshots/rest'
  await cloud.api('PUT', path, { subscription: 'projects/demo-local/subscriptions/rest' })
  expect(await cloud.api('GET', path)).toMatchObject({
    topic: 'projects/demo-local/topics/rest',
    expireTime: expect.stringMatching(/Z$/),
  })
  expect(await cloud.api('GET', '/v1/projects/demo-local/topics/rest/snapshots')).toMatchObject({
    snapshots: ['projects/demo-local/snapshots/rest'],
  })
  await cloud.api('POST', '/v1/projects/demo-local/subscriptions/rest:seek', { snapshot: path.slice('/v1/'.length) })
  await cloud.api('DELETE', path)
  await expect(cloud.api('GET', path)).rejects.toMatchObject({ httpStatus: 404 })
})

test('schemas are refused by the name of the method, and their list is empty', async () => {
  for await (const schema of client.listSchemas()) expect.fail(`a schema: ${schema.name}`)
  await expect(client.createSchema('shape', 'AVRO', '{}')).rejects.toMatchObject({
    code: 12,
    message: expect.stringContaining('SchemaService.createSchema is not implemented'),
  })
})
