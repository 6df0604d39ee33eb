/** Google's own unmodified client over the real port, Terraform's resource, and the permissions of accounts. */

import { CloudSchedulerClient } from '@google-cloud/scheduler'
import { credentials } from '@grpc/grpc-js'
import { Hono } from 'hono'
import { serve, type ServerType } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { iam } from '../iam/plugin.ts'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { readResources } from '../core/terraform/read-resources.ts'
import { plan, provision } from '../core/terraform/provision.ts'
import { cloudScheduler } from './plugin.ts'

const plugins = [iam, cloudScheduler]
const parent = 'projects/shop/locations/europe-west1'
const clock = 'clock-1@shop.iam.gserviceaccount.com'
let cloud: LocalCloud
let client: CloudSchedulerClient
let target: ServerType
let uri: string
const received: { readonly body: unknown; readonly authorization: string | undefined }[] = []
const arrived = Promise.withResolvers<void>()

const clientAt = (address: string): CloudSchedulerClient => {
  const [host, port] = address.split(':')
  return new CloudSchedulerClient({
    apiEndpoint: host!,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  })
}

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins,
    project: { id: 'shop', number: '100000000000', region: 'europe-west1' },
    accounts: [{ email: clock, port: 0 }],
  })
  await cloud.api('POST', '/v1/projects/shop/serviceAccounts', { accountId: 'clock-1' })
  client = clientAt(cloud.ownerHost)
  const app = new Hono()
  app.post('/daily', async (c) => {
    received.push({ body: await c.req.json(), authorization: c.req.header('authorization') })
    arrived.resolve()
    return c.body(null, 204)
  })
  await new Promise<void>((resolve) => {
    target = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve())
  })
  uri = `http://127.0.0.1:${(target.address() as AddressInfo).port}/daily`
})
afterAll(async () => {
  await client.close()
  await cloud.close()
  await new Promise((resolve) => target.close(resolve))
})

test('a job is created, read, listed, changed, paused, resumed, run and deleted', async () => {
  const name = `${parent}/jobs/daily`
  const [created] = await client.createJob({
    parent,
    job: {
      name,
      schedule: '0 4 * * *',
      timeZone: 'Europe/Berlin',
      attemptDeadline: { seconds: 30 },
      retryConfig: { retryCount: 3, maxDoublings: 2 },
      httpTarget: {
        uri,
        httpMethod: 'POST',
        headers: { 'content-type': 'application/json' },
        body: Buffer.from('{"days":1}'),
        oidcToken: { serviceAccountEmail: clock, audience: 'http://callee' },
      },
    },
  })
  expect(created).toMatchObject({
    name,
    state: 'ENABLED',
    timeZone: 'Europe/Berlin',
    retryConfig: { retryCount: 3, maxDoublings: 2 },
    httpTarget: { uri, httpMethod: 'POST', oidcToken: { serviceAccountEmail: clock, audience: 'http://callee' } },
  })
  expect(Number(created.scheduleTime!.seconds) * 1000).toBeGreaterThan(Date.now())
  expect((await client.getJob({ name }))[0].attemptDeadline).toMatchObject({ seconds: '30' })
  expect((await client.listJobs({ parent }))[0].map((job) => job.name)).toEqual([name])

  const [updated] = await client.updateJob({
    job: { name, schedule: '0 5 * * *' },
    updateMask: { paths: ['schedule'] },
  })
  expect([updated.schedule, updated.httpTarget?.uri]).toEqual(['0 5 * * *', uri])
  expect((await client.pauseJob({ name }))[0].state).toBe('PAUSED')
  expect((await client.resumeJob({ name }))[0].state).toBe('ENABLED')

  await client.runJob({ name })
  await arrived.promise
  expect(received).toEqual([{ body: { days: 1 }, authorization: expect.stringMatching(/^Bearer ey/) as unknown }])

  await client.deleteJob({ name })
  await expect(client.getJob({ name })).rejects.toMatchObject({ code: 5 })
})

test('an account without a role may call no method', async () => {
  const stranger = clientAt(cloud.hostOf(clock))
  await expect(stranger.listJobs({ parent })).rejects.toThrow('cloudscheduler.jobs.list')
  await stranger.close()
})

const stack = (job: object) => ({
  name: 'shop',
  json: {
    provider: { google: [{ project: 'shop' }] },
    resource: {
      google_cloud_scheduler_job: {
        daily: {
          name: 'daily',
          region: 'europe-west1',
          schedule: '0 4 * * *',
          time_zone: 'Europe/Berlin',
          attempt_deadline: '30s',
          retry_config: { retry_count: 3, min_backoff_duration: '10s' },
          http_target: {
            uri: 'http://127.0.0.1:9/daily',
            http_method: 'POST',
            body: Buffer.from('{}').toString('base64'),
            headers: { 'content-type': 'application/json' },
            oidc_token: { service_account_email: clock, audience: 'http://callee' },
          },
          ...job,
        },
      },
    },
  },
})

test("Terraform's resource is provisioned, changed and removed", async () => {
  const planned = (job: object) => plan(readResources([stack(job)], plugins), plugins)
  const name = `${parent}/jobs/daily`
  await provision(planned({ paused: true }), cloud.api)
  expect((await client.getJob({ name }))[0]).toMatchObject({
    state: 'PAUSED',
    retryConfig: { retryCount: 3, minBackoffDuration: { seconds: '10' } },
    httpTarget: { body: Buffer.from('{}') },
  })
  const changed = planned({ schedule: '0 6 * * *', retry_config: undefined })
  await provision(changed, cloud.api)
  expect((await client.getJob({ name }))[0]).toMatchObject({
    state: 'ENABLED',
    schedule: '0 6 * * *',
    retryConfig: { retryCount: 0 },
  })
  for (const { resource, provisioner } of changed) await provisioner.remove(resource, cloud.api)
  await expect(client.getJob({ name })).rejects.toMatchObject({ code: 5 })
})

test.each([
  [{ http_target: undefined, pubsub_target: { topic_name: 't', data: 'eA==' } }, 'Job.pubsub_target is not served'],
  [{ schedule: 'every day' }, 'every day'],
  [{ colour: 'red' }, 'colour'],
])('a job with %o is refused by name', async (job, message) => {
  const refused = async () => provision(plan(readResources([stack(job)], plugins), plugins), cloud.api)
  await expect(refused()).rejects.toThrow(message)
})
