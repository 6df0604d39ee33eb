import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { freePort } from './core/free-ports.ts'
import type { StackJson } from './core/terraform.ts'
import { startPlatform, type Platform, type Ports } from './start.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const program = `
import { createServer } from 'node:http'
createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1')
`

let folder: string
let platform: Platform | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-start-'))
  writeFileSync(join(folder, 'echo.mjs'), program)
})
afterEach(async () => {
  await platform?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A topic, and a service that hears it. */
function stack(port: number, heard = true, role = 'roles/logging.logWriter'): StackJson {
  const listener = {
    google_project_iam_member: {
      logs: { role, member: '${google_service_account.account.member}' },
    },
    google_cloud_run_v2_service: {
      echo: {
        name: 'echo',
        location: 'europe-west1',
        template: {
          service_account: 'echo-account@p.iam.gserviceaccount.com',
          containers: [{ image: 'echo', command: ['node'], args: ['echo.mjs'], ports: { container_port: 8080 } }],
        },
      },
    },
    google_cloud_run_v2_service_iam_member: {
      all: {
        name: '${google_cloud_run_v2_service.echo.name}',
        location: 'europe-west1',
        role: 'roles/run.invoker',
        member: 'allUsers',
      },
    },
    google_pubsub_subscription: {
      hears: {
        name: 'hears',
        topic: '${google_pubsub_topic.said.id}',
        push_config: { push_endpoint: `http://127.0.0.1:${port}/` },
        retry_policy: { minimum_backoff: '600s', maximum_backoff: '600s' },
      },
    },
  }
  return {
    name: 'local-all',
    json: {
      provider: { google: [{ project: 'p', region: 'europe-west1' }] },
      resource: {
        google_service_account: { account: { account_id: 'echo-account' } },
        google_pubsub_topic: { said: { name: 'said' } },
        ...(heard ? listener : {}),
      },
    },
  }
}

async function start(port: number, stacks: readonly StackJson[]): Promise<Platform> {
  const ports: Ports = { api: 0, identity: 0, paymentProvider: 0, carrier: 0, service: () => port, account: () => 0 }
  return startPlatform({ stacks, project, ports, dataDirectory: join(folder, 'data'), workingDirectory: folder })
}

it('delivers what waited over a restart only when everything is as the stacks say', async () => {
  const first = await freePort()
  platform = await start(first, [stack(first)])
  await platform.api('POST', '/v2/projects/p/locations/europe-west1/services/echo:setIamPolicy', { policy: {} })
  await platform.api('POST', '/v1/projects/p/topics/said:publish', { messages: [{ data: 'aGk=' }] })
  const pushes = () => platform!.cloud.requestLog().filter(({ kind }) => kind === 'push')
  await vi.waitUntil(() => pushes().length === 1)
  expect(pushes()[0]).toMatchObject({ status: 403 })
  await platform.close()

  const second = await freePort()
  platform = await start(second, [stack(second)])
  await vi.waitUntil(() => pushes().length > 0)
  expect(pushes()).toMatchObject([{ status: 200, target: `http://127.0.0.1:${second}/` }])
})

it('takes away what the stacks no longer declare, as Terraform does', async () => {
  const port = await freePort()
  platform = await start(port, [stack(port)])
  await platform.close()
  platform = await start(port, [stack(port, false)])
  expect(await platform.api('GET', '/v1/projects/p/subscriptions')).not.toHaveProperty('subscriptions.0')
  expect(await platform.api('GET', '/v2/projects/p/locations/europe-west1/services')).toEqual({ services: [] })
  const policy = '/v1/projects/p:getIamPolicy'
  expect(await platform.api('POST', policy, {})).not.toHaveProperty('bindings.0')
  expect(await platform.api('GET', '/v1/projects/p/topics')).toMatchObject({
    topics: [{ name: 'projects/p/topics/said' }],
  })
  await platform.close()
  platform = await start(port, [stack(port)])
  expect(await platform.api('GET', '/v1/projects/p/subscriptions')).toMatchObject({ subscriptions: [{}] })
  expect(await platform.api('POST', policy, {})).toMatchObject({ bindings: [{ role: 'roles/logging.logWriter' }] })
  await platform.close()
  platform = await start(port, [stack(port, true, 'roles/monitoring.metricWriter')])
  expect(await platform.api('POST', policy, {})).toMatchObject({
    bindings: [{ role: 'roles/monitoring.metricWriter' }],
  })
})
