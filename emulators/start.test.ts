import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { freePort, openJournal } from 'local-google-cloud/host'
import type { StackJson } from 'local-google-cloud'
import type { LocalPorts } from '../stacks/environments.ts'
import { startPlatform, type LocalPlatform } from './start.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const program = `
import { createServer } from 'node:http'
createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1')
`

/** The default limit is a second, which a busy machine exceeds. */
const longEnough = { timeout: 30_000 }

let folder: string
let platform: LocalPlatform | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-start-'))
  writeFileSync(join(folder, 'echo.mjs'), program)
})
afterEach(async () => {
  await platform?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A topic, and a service with a subscription to it. */
function stack(port: number, subscribed = true, role = 'roles/logging.logWriter'): StackJson {
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
      receives: {
        name: 'receives',
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
        ...(subscribed ? listener : {}),
      },
    },
  }
}

async function start(
  port: number,
  stacks: readonly StackJson[],
  progress: (step: string) => void = () => {},
  prune = false,
): Promise<LocalPlatform> {
  const ports: LocalPorts = {
    api: 0,
    identity: 0,
    partner: () => 0,
    service: () => port,
    account: () => 0,
  }
  return startPlatform({
    stacks,
    project,
    ports,
    partners: {},
    settings: {},
    dataDirectory: join(folder, 'data'),
    workingDirectory: folder,
    progress,
    prune,
  })
}

it('delivers messages of an earlier run only after all stacks are provisioned', async () => {
  const first = await freePort()
  platform = await start(first, [stack(first)])
  await platform.api('POST', '/v2/projects/p/locations/europe-west1/services/echo:setIamPolicy', { policy: {} })
  await platform.api('POST', '/v1/projects/p/topics/said:publish', { messages: [{ data: 'aGk=' }] })
  const pushes = () => platform!.cloud.requestLog().filter(({ kind }) => kind === 'push')
  await vi.waitUntil(() => pushes().length === 1, longEnough)
  expect(pushes()[0]).toMatchObject({ status: 403 })
  await platform.close()

  const second = await freePort()
  platform = await start(second, [stack(second)])
  await vi.waitUntil(() => pushes().length > 0, longEnough)
  expect(pushes()).toMatchObject([{ status: 200, target: `http://127.0.0.1:${second}/` }])
})

it('deletes resources that the stacks no longer declare, as Terraform does, unless they hold data', async () => {
  const port = await freePort()
  platform = await start(port, [stack(port)])
  await platform.close()
  platform = await start(port, [stack(port, false)])
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

/** The service, with a database and a queue of its own in a second stack. */
function stacksWith(port: number, declared: boolean): StackJson[] {
  const provider = { google: [{ project: 'p', region: 'europe-west1' }] }
  const resource = {
    google_firestore_database: { database: { name: 'echoes', location_id: 'europe-west1', type: 'FIRESTORE_NATIVE' } },
    google_cloud_tasks_queue: { queue: { name: 'echoes', location: 'europe-west1' } },
  }
  return [stack(port, declared), ...(declared ? [{ name: 'local-echoes', json: { provider, resource } }] : [])]
}

it('says how many messages are lost with a subscription that is replaced', async () => {
  const said: string[] = []
  const startWith = async (settings: object): Promise<string[]> => {
    await platform?.close()
    said.length = 0
    const resource = {
      google_pubsub_topic: { said: { name: 'said' } },
      google_pubsub_subscription: {
        receives: { name: 'receives', topic: '${google_pubsub_topic.said.id}', ...settings },
      },
    }
    const json = { provider: { google: [{ project: 'p', region: 'europe-west1' }] }, resource }
    platform = await start(0, [{ name: 'local-all', json }], (step) => void said.push(step))
    return said.filter((step) => step.startsWith('lost'))
  }
  const publish = (messages: readonly object[]) =>
    platform!.api('POST', '/v1/projects/p/topics/said:publish', { messages })
  expect(await startWith({})).toEqual([])
  await publish([{ data: 'aGk=' }, { data: 'aGk=' }])
  expect(await startWith({ ack_deadline_seconds: 30 })).toEqual([])
  expect(await startWith({ filter: 'attributes:x' })).toEqual([
    'lost: local-all: google_pubsub_subscription.receives: 2 messages, because it was replaced for another filter',
  ])
  expect(await startWith({ filter: 'attributes:y', enable_message_ordering: true })).toEqual([])
  await publish([{ data: 'aGk=', attributes: { y: '1' } }])
  expect(await startWith({})).toEqual([
    'lost: local-all: google_pubsub_subscription.receives: 1 message, because it was replaced for another filter, enableMessageOrdering',
  ])
})

describe('resources that hold data and are declared no longer', () => {
  const database = '/v1/projects/p/databases/echoes'
  const queue = '/v2/projects/p/locations/europe-west1/queues/echoes'
  const pushes = () => platform!.cloud.requestLog().filter(({ kind }) => kind === 'push')
  const publish = (data: string) =>
    platform!.api('POST', '/v1/projects/p/topics/said:publish', { messages: [{ data }] })
  const said: string[] = []
  const restarted = async (port: number, declared: boolean, prune = false): Promise<string[]> => {
    await platform?.close()
    said.length = 0
    platform = await start(port, stacksWith(port, declared), (step) => void said.push(step), prune)
    return said.filter((step) => step.startsWith('kept'))
  }
  const filled = async (port: number): Promise<void> => {
    expect(await restarted(port, true)).toEqual([])
    await platform!.api('PATCH', `${database}/documents/notes/one`, { fields: { text: { stringValue: 'kept' } } })
    await platform!.api('POST', `${queue}:pause`, {})
    const task = { name: `${queue.slice('/v2/'.length)}/tasks/one`, httpRequest: { url: `http://127.0.0.1:${port}/` } }
    await platform!.api('POST', `${queue}/tasks`, { task })
    expect(await restarted(port, false)).toEqual([
      'kept: 1 resource of local-all, 2 resources of local-echoes, which hold data but are declared no longer; npm start -- --prune removes them',
    ])
  }

  it('are kept without delivering, and come back with all that they collected', async () => {
    const port = await freePort()
    await filled(port)
    await publish('aGk=')
    expect(await platform!.api('GET', queue)).toMatchObject({ state: 'PAUSED' })
    expect(await platform!.api('GET', '/v1/projects/p/subscriptions/receives')).toMatchObject({ pushConfig: {} })
    expect(await restarted(port, false)).toHaveLength(1)
    expect(pushes()).toEqual([])

    expect(await restarted(port, true)).toEqual([])
    await vi.waitUntil(() => pushes().length > 0, longEnough)
    expect(pushes()).toMatchObject([{ status: 200, target: `http://127.0.0.1:${port}/` }])
    // As the person left it who paused it.
    expect(await platform!.api('GET', queue)).toMatchObject({ state: 'PAUSED' })
    await platform!.api('POST', `${queue}:resume`, {})
    expect(await platform!.api('GET', `${database}/documents/notes/one`)).toMatchObject({
      fields: { text: { stringValue: 'kept' } },
    })
    await vi.waitUntil(
      () => platform!.cloud.requestLog().some(({ kind, status }) => kind === 'task' && status === 200),
      longEnough,
    )
    expect(await restarted(port, true)).toEqual([])
  })

  it('a queue that ran runs again', async () => {
    const port = await freePort()
    const states: unknown[] = []
    for (const declared of [true, false, false, true]) {
      await restarted(port, declared)
      states.push(((await platform!.api('GET', queue)) as { readonly state: string }).state)
    }
    expect(states).toEqual(['RUNNING', 'PAUSED', 'PAUSED', 'RUNNING'])
  })

  it('are removed by a prune', async () => {
    const port = await freePort()
    await filled(port)
    expect(await restarted(port, false, true)).toEqual([])
    for (const path of [database, queue, '/v1/projects/p/subscriptions/receives'])
      await expect(platform!.api('GET', path)).rejects.toMatchObject({ httpStatus: 404 })
    expect(await restarted(port, true)).toEqual([])
    await expect(platform!.api('GET', `${database}/documents/notes/one`)).rejects.toMatchObject({ httpStatus: 404 })
  })
})

describe('a state file that was emptied or cut in half', () => {
  const port = 1
  const stateFiles = ['provisioned.json', 'cloud/journal.jsonl', 'identity/journal.jsonl']
  const started = async (name: string, share: number): Promise<string> => {
    platform = await start(port, [stack(port, false)])
    await platform.close()
    platform = undefined
    const file = join(folder, 'data', name)
    truncateSync(file, Math.floor(statSync(file).size * share))
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    try {
      platform = await start(port, [stack(port, false)])
      return reported.mock.calls.join()
    } catch (error) {
      return (error as Error).message
    }
  }

  it('is one of all that a start writes', async () => {
    platform = await start(port, [stack(port, false)])
    const files = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(join(folder, 'data'), join(parentPath, name)))
    expect(files.toSorted()).toEqual(stateFiles.toSorted())
  })

  it.each([
    ['provisioned.json', 0, "can't be read: delete it, then start again."],
    ['provisioned.json', 0.5, "can't be read: delete it, then start again."],
    ['cloud/journal.jsonl', 0, 'is damaged: start with an empty state folder.'],
  ])('fails the start with its name and the remedy: %s to %d', async (name, share, remedy) => {
    expect(await started(name, share)).toContain(`${join(folder, 'data', name)} ${remedy}`)
  })

  it.each([
    ['cloud/journal.jsonl', 0.5, 'ended within a change, which is dropped.'],
    ['identity/journal.jsonl', 0.5, 'ended within a change, which is dropped.'],
    ['identity/journal.jsonl', 0, 'is empty.'],
  ])('is named with the remedy by a start that goes on: %s to %d', async (name, share, said) => {
    const text = await started(name, share)
    expect(text).toContain(`${join(folder, 'data', name)} ${said}`)
    expect(text).toContain('begin with an empty state folder.')
  })
})

const LOCATION = '/v2/projects/p/locations/europe-west1'

function occupied(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(port, '127.0.0.1', () => resolve(server))
  })
}

it('stores no service whose port can not be opened, so that the next start succeeds', async () => {
  const port = await freePort()
  platform = await start(port, [stack(port)])
  const body = { template: { containers: [{ image: 'echo', command: ['node'], args: ['echo.mjs'] }] } }
  // It would need the port of the existing service.
  const elsewhere = '/v2/projects/p/locations/us-east1/services'
  await expect(platform.api('POST', `${elsewhere}?serviceId=echo`, body)).rejects.toThrow(`EADDRINUSE`)
  expect(await platform.api('GET', elsewhere)).toEqual({ services: [] })
  await expect(platform.api('POST', '/v2/projects/other/locations/l/services?serviceId=echo', body)).rejects.toThrow(
    'the local cloud is p',
  )
  await platform.close()
  platform = await start(port, [stack(port)])
  expect(await platform.api('GET', `${LOCATION}/services`)).toMatchObject({ services: [{ generation: '1' }] })
})

it('starts without a stored service that it can not open, and prints the command that deletes it', async () => {
  const port = await freePort()
  platform = await start(port, [stack(port)])
  await platform.close()
  const name = 'projects/other/locations/l/services/echo'
  const journal = openJournal({ directory: join(folder, 'data', 'cloud') })
  const services = journal.table<object>('cloud-run/services')
  services.set(name, { ...services.values().next().value, name })
  journal.close()

  const steps: string[] = []
  platform = await start(port, [stack(port)], (step) => steps.push(step))
  const line = steps.find((step) => step.includes(name))
  expect(line).toMatch(
    /is stored and could not be opened: the local cloud is the project p\. .*curl -X DELETE http:\S+$/,
  )
  await platform.api('DELETE', new URL(/http:\S+/.exec(line!)![0]).pathname)
  await platform.close()
  steps.length = 0
  platform = await start(port, [stack(port)], (step) => steps.push(step))
  expect(steps.filter((step) => step.includes(name))).toEqual([])
})

it('fails to start before anything else when a port of a service is occupied, and starts once it is free', async () => {
  const port = await freePort()
  platform = await start(port, [stack(port)])
  await platform.close()
  platform = undefined
  const other = await occupied(port)
  const steps: string[] = []
  await expect(start(port, [stack(port)], (step) => steps.push(step))).rejects.toThrow(
    `The service echo can't be opened: port ${port} is taken.`,
  )
  expect(steps).toEqual([])
  await new Promise((resolve) => other.close(resolve))
  platform = await start(port, [stack(port)])
  expect(platform.run.unopened()).toEqual([])
})
