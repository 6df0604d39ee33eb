/**
 * JSON that is built to break a parser: names that every JavaScript object inherits, and thousands of nested values. Every
 * REST route of the local cloud and every partner refuses it as the caller's fault: 4xx in words, never 500. The routes are
 * read from the protos and from the routers, so that a new one is tried too.
 */

import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { bigquery } from 'local-google-cloud/bigquery'
import { cloudRun } from 'local-google-cloud/cloud-run'
import { cloudScheduler } from 'local-google-cloud/cloud-scheduler'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud, type Plugin } from 'local-google-cloud'
import { restOf } from 'local-google-cloud/host'
import { firestore } from 'local-google-cloud/firestore'
import { iam } from 'local-google-cloud/iam'
import { createIdentityPlatform } from '../../emulators/identity-platform/server.ts'
import { createCarrier } from '../../functions/shop/local/carrier/server.ts'
import { createPaymentProvider } from '../../functions/shop/local/payment-provider/server.ts'
import { pubsub } from 'local-google-cloud/pubsub'
import { telemetry } from 'local-google-cloud/telemetry'

interface Route {
  readonly method: string
  readonly path: string
  /** Names of the request's fields, as far as they are known. */
  readonly fields: readonly string[]
}

const inherited = ['constructor', '__proto__', 'hasOwnProperty', 'toString', 'valueOf', '__defineGetter__']
const LEVELS = 100_000
const LEVELS_IN_A_FIELD = 5_000
const lists = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const objects = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)

let cloud: LocalCloud
const routes: Route[] = []
const closers: (() => Promise<void>)[] = []
const others: { readonly url: string; readonly path: string }[] = []

/** Wraps the plugin so that its routes are added to the list. */
function listed(plugin: Plugin): Plugin {
  return {
    ...plugin,
    async create(context) {
      const instance = await plugin.create(context)
      if (instance.grpc && plugin.proto)
        routes.push(...restOf([{ services: instance.grpc, proto: await plugin.proto() }]).routes)
      for (const { method, path } of instance.http?.routes ?? []) routes.push({ method, path, fields: [] })
      return instance
    },
  }
}

beforeAll(async () => {
  const run = cloudRun({ addressOf: () => ({ port: 0 }), environmentOf: () => ({}), workingDirectory: tmpdir() })
  cloud = await createLocalCloud({
    plugins: [iam, firestore, telemetry(), bigquery(), run, pubsub, cloudTasks, cloudScheduler].map(listed),
    project: { id: 'p', number: '1', region: 'l' },
  })
  routes.push({ method: 'POST', path: '/_local/faults', fields: ['principal', 'action'] })
  // Policies of all resources hang on one route with a wildcard.
  for (const verb of ['setIamPolicy', 'testIamPermissions'])
    routes.push({ method: 'POST', path: `/v1/projects/p:${verb}`, fields: ['policy', 'permissions'] })
  await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'some-account' })
  await cloud.api('POST', '/bigquery/v2/projects/p/datasets', { datasetReference: { datasetId: 'x' } })
  await cloud.api('POST', '/bigquery/v2/projects/p/datasets/x/tables', {
    tableReference: { tableId: 'x' },
    schema: { fields: [{ name: 'constructor', type: 'STRING' }] },
  })
  const provider = await createPaymentProvider({ secret: cloud.secret })
  const carrier = await createCarrier()
  const identity = await createIdentityPlatform({ projectId: 'p', secret: cloud.secret })
  others.push(
    { url: provider.url, path: '/v1/authorizations' },
    { url: provider.url, path: '/v1/authorizations/by-key/k/captures' },
    { url: provider.url, path: '/v1/authorizations/by-key/k/refunds' },
    { url: provider.url, path: '/actions/action-k' },
    { url: carrier.url, path: '/v1/bookings' },
    { url: identity.url, path: '/v1/token' },
  )
  closers.push(cloud.close, provider.close, carrier.close, identity.close)
})
afterAll(async () => {
  for (const close of closers) await close()
})

/** Fills `{name=projects/*}` and `:name` with names of mostly missing resources. */
const filled = (path: string): string =>
  path
    .replaceAll(/\{\w[\w.]*=([^}]+)\}/g, '$1')
    .replaceAll(/\{[\w.]+\}/g, 'x')
    .replaceAll(/:(\w+)(\{[^}]*\})?(?=\/|$)/g, (_, name: string) => (name === 'project' ? 'p' : 'x'))
    .replaceAll('projects/*', 'projects/p')
    .replaceAll(/\*+/g, 'x')

const bodiesOf = (fields: readonly string[]): string[] => {
  const named = [
    ...inherited,
    ...fields,
    'query',
    'configuration',
    'rows',
    'policy',
    'resourceSpans',
    'sub',
    'outcome',
    'amountMinor',
  ]
  return [
    ...inherited.flatMap((name) => [`{"${name}":{"${name}":1}}`, `{"${name}":"x"}`]),
    ...fields.flatMap((field) => inherited.map((name) => `{"${field}":{"${name}":{"a":1}}}`)),
    ...fields.flatMap((field) => inherited.map((name) => `{"${field}":"${name}"}`)),
    lists(LEVELS),
    objects(LEVELS),
    ...new Set(
      named.flatMap((name) => [
        `{"${name}":${lists(LEVELS_IN_A_FIELD)}}`,
        `{"${name}":[${objects(LEVELS_IN_A_FIELD)}]}`,
      ]),
    ),
  ]
}

const show = (body: string): string => (body.length > 80 ? `${body.slice(0, 80)}… (${body.length} characters)` : body)

async function tried(url: string, method: string, body: string): Promise<string | undefined> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'k', 'x-local-cloud-secret': cloud.secret }
  const response = await fetch(url, { method, headers, body })
  const answer = await response.text()
  const isDeep = body.length > LEVELS_IN_A_FIELD
  // Methods that are not served answer UNIMPLEMENTED.
  if (response.status >= 500 && response.status !== 501)
    return `${method} ${url} ${show(body)} was answered ${response.status}: ${answer.slice(0, 200)}`
  // Some routes check the resource of the path first, and some read no body.
  if (isDeep && ![400, 404, 501].includes(response.status))
    return `${method} ${url} ${show(body)} was answered ${response.status}, not 400: ${answer.slice(0, 200)}`
  if (response.status >= 400 && !/"message":\s*".{8,}/.test(answer))
    return `${method} ${url} ${show(body)} was refused without a reason: ${answer.slice(0, 200)}`
  return undefined
}

it('every route of the local cloud refuses inherited names and deep values with 4xx', async () => {
  const complained = vi.spyOn(console, 'error').mockImplementation(() => {})
  const writing = new Map(
    routes
      .filter(({ method }) => ['POST', 'PUT', 'PATCH'].includes(method))
      .map((route) => [`${route.method} ${filled(route.path)}`, route]),
  )
  // Pub/Sub, Firestore with its administration, Cloud Tasks, IAM, BigQuery, Cloud Run, telemetry, faults.
  expect(writing.size).toBeGreaterThan(55)
  const faults: string[] = []
  for (const [name, { method, fields }] of writing) {
    const path = name.slice(name.indexOf(' ') + 1)
    for (const body of bodiesOf(fields)) {
      const fault = await tried(`http://${cloud.ownerHost}${path}`, method, body)
      if (fault) faults.push(fault)
    }
  }
  expect(faults.slice(0, 20)).toEqual([])
  expect(complained).not.toHaveBeenCalled()
})

it('every partner and the identity platform refuse inherited names and deep values with 4xx', async () => {
  const faults: (string | undefined)[] = []
  for (const { url, path } of others) {
    // These routes accept at most 64 KiB.
    for (const body of bodiesOf([])) if (body.length < 60_000) faults.push(await tried(`${url}${path}`, 'POST', body))
  }
  expect(faults.filter((fault) => fault !== undefined)).toEqual([])
})

it('every route refuses inherited names as query parameters', async () => {
  const faults: string[] = []
  for (const { method, path } of routes) {
    if (!['GET', 'POST', 'DELETE'].includes(method)) continue
    for (const name of inherited) {
      const url = `http://${cloud.ownerHost}${filled(path)}?${name}=1&${name}.${name}=2&name.${name}=3`
      const response = await fetch(url, { method, headers: { 'x-local-cloud-secret': cloud.secret } })
      const answer = await response.text()
      if (response.status >= 500 && response.status !== 501)
        faults.push(`${method} ${url} was answered ${response.status}: ${answer.slice(0, 200)}`)
    }
  }
  expect(faults.slice(0, 20)).toEqual([])
})

it('a gRPC message with too many nested levels is refused in the same way', async () => {
  const { Client, credentials } = await import('@grpc/grpc-js')
  const client = new Client(cloud.ownerHost, credentials.createInsecure())
  const asIs = (bytes: Buffer): Buffer => bytes
  const commit = (request: Buffer): Promise<string> =>
    new Promise((resolve) => {
      client.makeUnaryRequest('/google.firestore.v1.Firestore/Commit', asIs, asIs, request, (error) =>
        resolve(`${error?.code} ${error?.details}`),
      )
    })
  // Field 2 of CommitRequest is a write, 1 of a write a document, 2 of a document its fields; then Value.array_value (9) of values (1).
  const nested = (levels: number): Buffer => {
    let bytes: Buffer = Buffer.alloc(0)
    for (let level = 0; level < levels; level++) bytes = lengthDelimited(level % 2 === 0 ? 9 : 1, bytes)
    const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x61]), lengthDelimited(2, bytes)])
    return lengthDelimited(2, lengthDelimited(1, lengthDelimited(2, entry)))
  }
  expect(await commit(nested(2_000))).toMatch(/^3 The request is not such a message: .*depth/)
  expect(await commit(Buffer.from([0x12, 0xff]))).toMatch(/^3 The request is not such a message/)
  client.close()
})

it('a field path and a JSON column may be as deep as Google allows', async () => {
  await cloud.api('POST', '/v1/projects/p/databases?databaseId=deep', { type: 'FIRESTORE_NATIVE', locationId: 'l' })
  const documents = '/v1/projects/p/databases/deep/documents'
  const fieldPath = Array(20_000).fill('a').join('.')
  const transform = {
    document: 'projects/p/databases/deep/documents/c/d',
    fieldTransforms: [{ fieldPath, increment: { integerValue: '1' } }],
  }
  const longer = 'is longer than 1500 bytes'
  await expect(cloud.api('POST', `${documents}:commit`, { writes: [{ transform }] })).rejects.toThrow(longer)
  const structuredQuery = { from: [{ collectionId: 'c' }], orderBy: [{ field: { fieldPath } }] }
  await expect(cloud.api('POST', `${documents}:runQuery`, { structuredQuery })).rejects.toThrow(longer)

  await cloud.api('POST', '/bigquery/v2/projects/p/datasets', { datasetReference: { datasetId: 'deep' } })
  await cloud.api('POST', '/bigquery/v2/projects/p/datasets/deep/tables', {
    tableReference: { tableId: 'documents' },
    schema: { fields: [{ name: 'j', type: 'JSON' }] },
  })
  const insert = (levels: number): Promise<unknown> =>
    cloud.api('POST', '/bigquery/v2/projects/p/datasets/deep/tables/documents/insertAll', {
      rows: [{ json: { j: lists(levels) } }],
    })
  expect(await insert(500)).not.toHaveProperty('insertErrors')
  expect(await insert(501)).toMatchObject({ insertErrors: [{ errors: [{ reason: 'invalid' }] }] })
  expect(await insert(LEVELS)).toMatchObject({ insertErrors: [{ errors: [{ reason: 'invalid' }] }] })
})

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), bytes])
}
