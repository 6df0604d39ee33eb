/** Google's own unmodified client over the real port. */

import { Encodings, type Message, PubSub, Schema, SchemaTypes, SchemaViews } from '@google-cloud/pubsub'
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

const definition = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'Shape', fields: [{ name: 'sides', type: 'int' }, ...fields] })

test('a topic checks messages by its schema, and a subscriber reads which revision a message fits', async () => {
  const schema = await client.createSchema('shape', SchemaTypes.Avro, definition())
  const { revisionId } = await schema.get(SchemaViews.Full)
  const [topic] = await client.createTopic({
    name: 'shapes',
    schemaSettings: { schema: await schema.getName(), encoding: Encodings.Json },
  })
  const [subscription] = await topic.createSubscription('shapes')
  await expect(topic.publishMessage({ json: { sides: 'three' } })).rejects.toMatchObject({
    code: 3,
    message: expect.stringContaining('Message failed schema validation'),
  })
  const arriving = new Promise<Message>((resolve, reject) =>
    subscription.once('message', (message: Message) => resolve((message.ack(), message))).once('error', reject),
  )
  await topic.publishMessage({ json: { sides: 3 } })
  expect(Schema.metadataFromMessage((await arriving).attributes)).toMatchObject({
    name: 'projects/demo-local/schemas/shape',
    revision: revisionId,
    encoding: Encodings.Json,
  })
  await subscription.close()
  // The client sends the text as bytes in base64.
  const validate = (json: unknown) =>
    schema.validateMessage(Buffer.from(JSON.stringify(json)).toString('base64'), Encodings.Json)
  await validate({ sides: 4 })
  await expect(validate({})).rejects.toMatchObject({ code: 3 })
  await expect(client.validateSchema({ type: SchemaTypes.Avro, definition: '{}' })).rejects.toMatchObject({ code: 3 })
  const listed: unknown[] = []
  for await (const one of client.listSchemas(SchemaViews.Basic)) listed.push(one)
  expect(listed).toMatchObject([{ name: 'projects/demo-local/schemas/shape', definition: '' }])
  await schema.delete()
  await expect(schema.get()).rejects.toMatchObject({ code: 5 })
})

test('revisions are committed, listed, rolled back and deleted, by gRPC and by REST', async () => {
  await client.createSchema('revised', SchemaTypes.Avro, definition())
  const name = 'projects/demo-local/schemas/revised'
  const schemas = await client.getSchemaClient()
  const [first] = await schemas.getSchema({ name })
  const next = { name, type: SchemaTypes.Avro, definition: definition({ name: 'color', type: 'string', default: '' }) }
  const [second] = await schemas.commitSchema({ name, schema: next })
  const list = async () => (await schemas.listSchemaRevisions({ name }))[0].map(({ revisionId }) => revisionId)
  expect(await list()).toEqual([second.revisionId, first.revisionId])
  const [third] = await schemas.rollbackSchema({ name, revisionId: first.revisionId! })
  expect(third.definition).toBe(first.definition)
  const path = `/v1/${name}`
  expect(await cloud.api('GET', `${path}@${second.revisionId}`)).toMatchObject({ definition: next.definition })
  expect(await cloud.api('GET', `${path}:listRevisions`)).toMatchObject({ schemas: { length: 3 } })
  await cloud.api('POST', `${path}:commit`, { schema: next })
  await cloud.api('DELETE', `${path}@${third.revisionId}:deleteRevision`)
  expect(await list()).toHaveLength(3)
  await cloud.api('DELETE', path)
  await expect(cloud.api('GET', path)).rejects.toMatchObject({ httpStatus: 404 })
})
