/** Every emulator and partner answers malformed JSON with 4xx and the reason, never with 500. */

import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cloudRun } from 'local-google-cloud/cloud-run'
import { cloudScheduler } from 'local-google-cloud/cloud-scheduler'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { iam } from 'local-google-cloud/iam'
import { createIdentityPlatform } from '../../emulators/identity-platform/server.ts'
import { createCarrier } from '../../functions/shop/local/carrier/server.ts'
import { createPaymentProvider } from '../../functions/shop/local/payment-provider/server.ts'
import { pubsub } from 'local-google-cloud/pubsub'

const binding = (change: object): string =>
  JSON.stringify({ policy: { bindings: [{ role: 'roles/run.invoker', members: ['allUsers'], ...change }] } })
const container = (change: object): string =>
  JSON.stringify({ template: { containers: [{ image: 'x', command: ['x'], ...change }] } })
const bodies = [
  'null',
  '[]',
  '5',
  '"x"',
  '{',
  '',
  '{"policy":5}',
  '{"policy":{"bindings":5}}',
  '{"policy":{"bindings":[null]}}',
  '{"permissions":5}',
  binding({ members: [null] }),
  binding({ role: 5 }),
  binding({ condition: 5 }),
  binding({ condition: {} }),
  '{"accountId":5}',
  '{"accountId":"abcdefgh","serviceAccount":{"displayName":5}}',
  '{"template":5}',
  '{"template":{"containers":5}}',
  '{"template":{"containers":[null]}}',
  container({ env: 5 }),
  container({ env: [null] }),
  container({ ports: 5 }),
  container({ args: [5] }),
  '{"task":{"httpRequest":{"url":5}}}',
  '{"task":{"httpRequest":{"url":"http://x","headers":{"a":5}}}}',
  '{"messages":[null]}',
  '{"messages":[{"data":5}]}',
  '{"sub":5}',
  '{"sub":"x","roles":[5]}',
]
const google = [
  'POST /v1/projects/p/serviceAccounts',
  'PATCH /v1/projects/p/serviceAccounts/some-account@p.iam.gserviceaccount.com',
  'POST /v1/projects/p/serviceAccounts/%E0%A4%A:disable',
  'POST /v1/projects/p:setIamPolicy',
  'POST /v1/projects/p:testIamPermissions',
  'PUT /v1/projects/p/topics/another',
  'POST /v1/projects/p/topics/topic:publish',
  'PUT /v1/projects/p/subscriptions/sub',
  'POST /v2/projects/p/locations/l/services?serviceId=abc',
  'PATCH /v2/projects/p/locations/l/services/nnn',
  'POST /v2/projects/p/locations/l/queues',
  'POST /v2/projects/p/locations/l/queues/q/tasks',
  'POST /v1/projects/p/locations/l/jobs',
]

let cloud: LocalCloud
const closers: (() => Promise<void>)[] = []
const urls: Record<string, string> = {}

beforeAll(async () => {
  const run = cloudRun({
    addressOf: () => ({ port: 0 }),
    environmentOf: () => ({}),
    workingDirectory: tmpdir(),
  })
  cloud = await createLocalCloud({
    plugins: [iam, run, pubsub, cloudTasks, cloudScheduler],
    project: { id: 'p', number: '1', region: 'l' },
  })
  await cloud.api('POST', '/v1/projects/p/serviceAccounts', { accountId: 'some-account' })
  await cloud.api('PUT', '/v1/projects/p/topics/topic', {})
  await cloud.api('POST', '/v2/projects/p/locations/l/queues', { name: 'projects/p/locations/l/queues/q' })
  const provider = await createPaymentProvider({ secret: cloud.secret })
  const carrier = await createCarrier()
  const identity = await createIdentityPlatform({ projectId: 'p', secret: cloud.secret })
  Object.assign(urls, {
    google: `http://${cloud.ownerHost}`,
    provider: provider.url,
    carrier: carrier.url,
    identity: identity.url,
  })
  closers.push(cloud.close, provider.close, carrier.close, identity.close)
})
afterAll(async () => {
  for (const close of closers) await close()
})

it.each([
  ...google.map((route): [string, string] => ['google', route]),
  ['provider', 'POST /v1/authorizations'],
  ['provider', 'POST /v1/authorizations/by-key/k/captures'],
  ['provider', 'POST /v1/authorizations/by-key/k/refunds'],
  ['carrier', 'POST /v1/bookings'],
  ['identity', 'POST /v1/token'],
])('%s: %s', async (server, route) => {
  const [method, path] = route.split(' ') as [string, string]
  for (const body of bodies) {
    const response = await fetch(`${urls[server]}${path}`, {
      method,
      body,
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k', 'x-local-cloud-secret': cloud.secret },
    })
    const answer = await response.text()
    expect(response.status < 500, `${body} was answered ${response.status}: ${answer}`).toBe(true)
    if (response.status >= 400) expect(answer).toMatch(/"message":".{8,}/)
  }
})
