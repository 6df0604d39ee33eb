/** The transport, by Google's own client and by plain HTTP, before a publisher of this test. */

import { v1 } from '@google-cloud/pubsub'
import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import type { RequestContext, Unary } from '../service.ts'
import { fakePublisher } from '../fake-publisher.testing.ts'
import type { Journal } from '../journal.ts'
import { createLocalCloud, type LocalCloud } from '../local-cloud.ts'
import type { Plugin } from '../plugin.ts'
import { StatusError } from '../status.ts'

const project = { id: 'demo-local', number: '100000000000', region: 'europe-west1' }
const email = 'orders@demo-local.iam.gserviceaccount.com'
const topic = 'projects/demo-local/topics/order.placed'

/** Handles the next request, and records its argument. */
let handler: Unary = () => ({})
let seen: { request: unknown; context: RequestContext } | undefined
const handle: Unary = (request, context) => {
  seen = { request, context }
  return handler(request, context)
}

let journal: Journal
const fake = fakePublisher({
  createTopic: handle,
  getTopic: handle,
  updateTopic: handle,
  publish: handle,
  deleteTopic: handle,
})
const publisher: Plugin = {
  ...fake,
  create(context) {
    ;({ journal } = context)
    return fake.create(context)
  },
}

let cloud: LocalCloud
let client: InstanceType<typeof v1.PublisherClient>

beforeAll(async () => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  cloud = await createLocalCloud({ plugins: [publisher], project, accounts: [{ email, port: 0 }] })
  const [apiEndpoint, port] = cloud.hostOf(email).split(':')
  client = new v1.PublisherClient({
    projectId: project.id,
    apiEndpoint: apiEndpoint!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  })
})
afterEach(() => {
  handler = () => ({})
  seen = undefined
})
afterAll(async () => {
  await client.close()
  await cloud.close()
  vi.unstubAllEnvs()
})

const json = { 'content-type': 'application/json' }
const rest = async (method: string, path: string, body?: string | object) => {
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
  const response = await fetch(`http://${cloud.hostOf(email)}${path}`, {
    method,
    ...(text === undefined ? {} : { body: text, headers: json }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

it("passes a handler the same request from gRPC and from REST, with the port's account as the principal", async () => {
  handler = () => ({ messageIds: ['1'] })
  const message = { data: Buffer.from('é'), attributes: { Key: 'v' }, orderingKey: 'k' }
  await client.publish({ topic, messages: [message] })
  const viaGrpc = seen!
  const { status, body } = await rest('POST', `/v1/${topic}:publish`, {
    messages: [{ data: message.data.toString('base64'), attributes: { Key: 'v' }, ordering_key: 'k' }],
  })
  expect({ status, body }).toEqual({ status: 200, body: { messageIds: ['1'] } })
  expect(seen!.request).toEqual(viaGrpc.request)
  expect(viaGrpc.request).toMatchObject({ topic, messages: [{ ...message, messageId: '', publishTime: null }] })
  expect([viaGrpc.context, seen!.context].map(({ principal, transport }) => `${principal} by ${transport}`)).toEqual([
    `${email} by grpc`,
    `${email} by rest`,
  ])
})

it('turns path, query, body field and mask into the message, and the message into JSON', async () => {
  handler = () => ({
    name: topic,
    messageRetentionDuration: { seconds: '600', nanos: 500_000_000 },
    state: 'ACTIVE',
    kmsKeyName: '',
    labels: { a: 'b' },
  })
  const put = await rest('PUT', `/v1/${topic}?prettyPrint=false`, { messageRetentionDuration: '600.5s' })
  expect(seen!.request).toMatchObject({ name: topic, messageRetentionDuration: { seconds: '600', nanos: 500_000_000 } })
  expect(put.body).toEqual({
    name: topic,
    messageRetentionDuration: '600.500s',
    state: 'ACTIVE',
    kmsKeyName: '',
    labels: { a: 'b' },
  })

  await rest('PATCH', `/v1/${topic}`, {
    topic: { labels: { snake_case: 'kept' } },
    updateMask: 'labels,messageRetentionDuration',
  })
  expect(seen!.request).toMatchObject({
    topic: { name: topic, labels: { snake_case: 'kept' } },
    updateMask: { paths: ['labels', 'message_retention_duration'] },
  })
})

it('decodes names in the path, and separates a custom verb from the end of a name', async () => {
  await rest('GET', '/v1/projects/p/topics/a%2Bb%20c')
  expect(seen!.request).toEqual({ topic: 'projects/p/topics/a+b c' })
  await rest('GET', '/v1/projects/p/topics/with:colon')
  expect(seen!.request).toEqual({ topic: 'projects/p/topics/with:colon' })
  expect((await rest('GET', '/v1/projects/p/topics/%ff')).status).toBe(400)
})

it.each([
  [{ mesages: [] }, `Unknown name "mesages": Cannot find field.`, undefined],
  [{ messages: [{}, { date: 'x' }] }, `Unknown name "date" at 'messages[1]': Cannot find field.`, 'messages[1]'],
  [
    { messages: [{ publishTime: 5 }] },
    `Invalid value at 'messages[0].publishTime' (type.googleapis.com/google.protobuf.Timestamp), 5`,
    'messages[0].publishTime',
  ],
  [
    { messages: ['x'] },
    `Invalid value at 'messages[0]' (type.googleapis.com/google.pubsub.v1.PubsubMessage), "x"`,
    'messages[0]',
  ],
  [{ messages: [{ data: '?' }] }, `Invalid value at 'messages[0].data' (TYPE_BYTES), "?"`, 'messages[0].data'],
  [
    { messages: [{ attributes: { a: 5 } }] },
    `Invalid value at 'messages[0].attributes[a]' (TYPE_STRING), 5`,
    'messages[0].attributes[a]',
  ],
  ['[]', 'Root element must be a message.', undefined],
  ['{', 'JSON', undefined],
])('refuses fields that the message does not have: %j', async (body, reason, field) => {
  const answer = await rest('POST', `/v1/${topic}:publish`, body)
  const error = answer.body['error'] as { message: string; details: { fieldViolations: { field?: string }[] }[] }
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 400, status: 'INVALID_ARGUMENT' } } })
  expect(error.message).toContain(reason)
  expect(error.details[0]!.fieldViolations[0]!.field).toBe(field)
  expect(seen).toBeUndefined()
})

it.each(['1h', 'ten', 600])('refuses an invalid duration: %j', async (messageRetentionDuration) => {
  const answer = await rest('PUT', `/v1/${topic}`, { messageRetentionDuration })
  expect(answer).toMatchObject({ status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } })
  expect(seen).toBeUndefined()
})

it('refuses an unknown enum value and an unknown query parameter', async () => {
  const value = await rest('PUT', `/v1/${topic}`, { schemaSettings: { encoding: 'XML' } })
  expect(value).toMatchObject({ status: 400 })
  expect(JSON.stringify(value.body)).toContain(`Invalid value at 'schemaSettings.encoding'`)
  const parameter = await rest('GET', `/v1/${topic}?pageSize=3`)
  expect(JSON.stringify(parameter.body)).toContain(`Field 'pageSize' could not be found in request message.`)
})

it('returns an error with its details by gRPC and by REST', async () => {
  const details = [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'ORG',
      domain: 'pubsub.googleapis.com',
      metadata: { 'ack id': 'PERMANENT_FAILURE_INVALID_ACK_ID' },
    },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.500s' },
  ]
  handler = () => {
    throw new StatusError('FAILED_PRECONDITION', 'Not now.', details)
  }
  const error = await client.publish({ topic, messages: [{}] }).then(
    () => undefined,
    (reason: unknown) =>
      reason as ServiceError & { reason: string; errorInfoMetadata: object; statusDetails: object[] },
  )
  expect(error).toMatchObject({ code: 9, details: 'Not now.', reason: 'ORG' })
  expect(error!.errorInfoMetadata).toEqual({ 'ack id': 'PERMANENT_FAILURE_INVALID_ACK_ID' })
  expect(error!.statusDetails[1]).toMatchObject({ retryDelay: { nanos: 500_000_000 } })

  const { status, body } = await rest('POST', `/v1/${topic}:publish`, {})
  expect(status).toBe(400)
  expect(body).toEqual({
    error: {
      code: 400,
      message: 'Not now.',
      status: 'FAILED_PRECONDITION',
      details,
    },
  })
})

it('answers INTERNAL when a handler throws an unexpected error, and prints the stack', async () => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
  handler = () => {
    throw new TypeError('a bug')
  }
  await expect(client.deleteTopic({ topic }, { retry: null })).rejects.toMatchObject({ code: 13, details: 'a bug' })
  expect(printed.mock.calls[0]![0]).toBeInstanceOf(TypeError)
  printed.mockRestore()
})

it('names an unknown method, an unknown service and an unknown route', async () => {
  await expect(client.detachSubscription({ subscription: 's' })).rejects.toMatchObject({
    code: 12,
    details: expect.stringContaining('google.pubsub.v1.Publisher.detachSubscription') as string,
  })
  expect((await rest('POST', '/v1/projects/p/subscriptions/s:detach')).body).toMatchObject({
    error: { code: 501, message: expect.stringContaining('Publisher.detachSubscription') as string },
  })
  const Generic = makeGenericClientConstructor({}, 'generic')
  const generic = new Generic(cloud.ownerHost, credentials.createInsecure())
  const failure = await new Promise<ServiceError | null>((resolve) => {
    const bytes = (value: Buffer): Buffer => value
    generic.makeUnaryRequest('/google.example.Missing/Do', bytes, bytes, Buffer.alloc(0), (error) => resolve(error))
  })
  generic.close()
  expect(failure).toMatchObject({ code: 12, details: expect.stringContaining('/google.example.Missing/Do') as string })
  expect(await rest('GET', '/v1/nothing/here')).toMatchObject({
    status: 404,
    body: { error: { status: 'NOT_FOUND', message: 'The local cloud has no route GET /v1/nothing/here.' } },
  })
})

it("aborts a handler's signal when its caller disconnects", async () => {
  let aborted: (() => void) | undefined
  const hungUp = new Promise<void>((resolve) => (aborted = resolve))
  const reached = new Promise<void>((resolve) => {
    handler = (_, { signal }) => {
      signal.addEventListener('abort', () => aborted!())
      resolve()
      return hungUp
    }
  })
  const call = client.getTopic({ topic }, { timeout: 200, retry: null })
  await reached
  await expect(call).rejects.toMatchObject({ code: 4 })
  await hungUp
})

it('refuses a body beyond the limit, with and without a content length', async () => {
  const large = Buffer.alloc(33 * 1024 * 1024, ' ')
  const publishing = `http://${cloud.ownerHost}/v1/${topic}:publish`
  const declared = await fetch(publishing, { method: 'POST', body: large, headers: json })
  expect(declared.status).toBe(400)
  expect(await declared.text()).toContain('Request payload size exceeds the limit')
  const body = new Blob([large]).stream()
  const chunked = await fetch(publishing, { method: 'POST', body, headers: json, duplex: 'half' })
  expect(chunked.status).toBe(400)
})

it('serves the bill on the owner’s port only', async () => {
  const health = await fetch(`http://${cloud.ownerHost}/_local/health`)
  expect(await health.json()).toEqual({ ok: true })
  expect((await rest('GET', '/_local/counters')).status).toBe(404)
})

it.each([
  ['an answer', () => ({ name: topic })],
  [
    'an error',
    () => {
      throw new StatusError('NOT_FOUND', 'none')
    },
  ],
] as const)('answers INTERNAL in place of %s when the changes before it can not be written', async (_, answer) => {
  handler = answer
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(journal, 'flush').mockImplementation(() => {
    throw new Error('the disk is full')
  })
  onTestFinished(() => void vi.restoreAllMocks())
  await expect(client.updateTopic({ topic: { name: topic } })).rejects.toMatchObject({
    code: 13,
    details: 'the disk is full',
  })
  expect(await rest('GET', `/v1/${topic}`)).toMatchObject({
    status: 500,
    body: { error: { status: 'INTERNAL', message: 'the disk is full' } },
  })
})
