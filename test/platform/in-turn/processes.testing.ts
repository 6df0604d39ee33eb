/** The environment of a service's process: the variables of its stack, those of Cloud Run, and one documented list. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { RequestLogEntry } from 'local-google-cloud'
import type { Container } from 'local-google-cloud/cloud-run'
import type { TelemetryCore } from 'local-google-cloud/telemetry'
import { services } from '../../../functions/index.ts'
import {
  accountEmail,
  commandPath,
  cronAccountId,
  eventPath,
  jobName,
  pushAccountId,
  submissionPath,
  subscriptionName,
} from '../../../shared/base/names.ts'
import { secretVariable } from '../../../shared/base/secret.ts'
import { enqueuedBy, isScheduled } from '../../../shared/service/service.ts'
import { run } from '../../support/command.ts'
import { secretValue } from '../../support/secret-value.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { platformInTurn } from '../../support/platform-in-turn.ts'
import { root } from '../../support/root.ts'

let platform: TestPlatform
let events: readonly { readonly type: string }[]
const names = services.map(({ name }) => name)
/** The values that Secret Manager has, by the variable of a process. */
const secrets = new Map<string, string>()

beforeAll(async () => {
  platform = platformInTurn().platform
  for (const secret of services.flatMap((service) => Object.keys(service.secrets)))
    secrets.set(secretVariable(secret), await secretValue(platform.running, secret))
  const orderId = await platform.place({ sku: 'TEA-001', quantity: 1 })
  events = (await platform.followed(platform.customer(), orderId)).timeline.entries!
  // Wait until each subscriber has the last event and the seed's prices.
  const due = [...events, ...Array.from({ length: 4 }, () => ({ type: 'price.changed' }))].flatMap(({ type }) =>
    listeners(type),
  ).length
  const isDelivery = ({ target = '' }: RequestLogEntry): boolean => /^\/(events|projects)\//.test(target)
  await vi.waitUntil(() => log('push').length >= due && log('ingress').filter(isDelivery).length >= due, {
    timeout: 10_000,
  })
  await runSchedules()
}, 120_000)

/** A service that only the clock calls runs once its job has run, and asks the others. */
async function runSchedules(): Promise<void> {
  const { projectId } = platform.running
  for (const { name, schedules } of services)
    for (const schedule of Object.keys(schedules)) {
      const job = `/v1/projects/${projectId}/locations/europe-west1/jobs/${jobName(name, schedule)}`
      await platform.cloud.api('POST', `${job}:run`, {})
    }
  const scheduled = services.filter(isScheduled).map(({ name }) => name)
  const hasActed = (service: string): boolean =>
    log('task').some(({ target }) => Number(new URL(target!).port) === platform.ports.service(service))
  await vi.waitUntil(() => scheduled.every(hasActed), { timeout: 30_000 })
}

const email = (account: string): string => accountEmail(account, platform.running.projectId)
const log = (kind: RequestLogEntry['kind']): RequestLogEntry[] =>
  platform.cloud.requestLog().filter((entry) => entry.kind === kind)
const listeners = (type: string): string[] => services.filter(({ on }) => on.includes(type)).map(({ name }) => name)

/** The container and account of the service in the stacks. */
function synthesized(service: string): { account: string; variables: Record<string, string> } {
  const { resource } = platform.provisioned.find(
    ({ resource: { type, attributes } }) => type === 'google_cloud_run_v2_service' && attributes['name'] === service,
  )!
  const template = [resource.attributes['template']].flat()[0] as { service_account: string; containers: Container[] }
  const container = template.containers.find(({ ports }) => ports !== undefined)!
  return {
    account: template.service_account,
    // Of a secret the stack has the reference, and the process the value.
    variables: Object.fromEntries(container.env!.map(({ name, value }) => [name, value ?? secrets.get(name) ?? ''])),
  }
}

/** The values of the table in docs/local-cloud.md for that host. */
function documented(host: string): Record<string, string> {
  const text = readFileSync(join(root, 'docs', 'local-cloud.md'), 'utf8')
  const table = text
    .slice(text.indexOf("## What a service's process gets"))
    .matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\|$/gm)
  return Object.fromEntries(
    [...table].map(([, name, value]) => {
      if (value === '`127.0.0.1:` and the port of its account' || value === 'the same') return [name, host]
      if (value === 'the same, with `http://`') return [name, `http://${host}`]
      return [name, value!.replaceAll('`', '')]
    }),
  )
}

describe('after one order', () => {
  it('each service runs in its own process with its own account', () => {
    const processes = platform.run.processes()
    expect(processes.map(({ service }) => service).toSorted()).toEqual(names.toSorted())
    expect(new Set(processes.map(({ pid }) => pid)).size).toBe(names.length)
    for (const { pid } of processes) expect(process.kill(pid, 0)).toBe(true)
    expect(names.map((name) => synthesized(name).account)).toEqual(names.map(email))
    expect(new Set(names.map((name) => platform.cloud.hostOf(email(name)))).size).toBe(names.length)
  })

  it.runIf(process.platform === 'linux').each(names)(
    '%s has only the variables of its stack, of Cloud Run and of the documented list',
    (name) => {
      const { pid, port, revision } = platform.run.processes().find(({ service }) => service === name)!
      const environment = Object.fromEntries(
        readFileSync(`/proc/${pid}/environ`, 'utf8')
          .split('\0')
          .filter((one) => one !== '')
          .map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
      )
      const list = documented(platform.cloud.hostOf(email(name)))
      expect(Object.keys(list)).toHaveLength(8)
      expect(environment).toEqual({
        ...synthesized(name).variables,
        ...list,
        PORT: String(port),
        K_SERVICE: name,
        K_REVISION: revision,
        K_CONFIGURATION: name,
      })
    },
  )

  it('each event is delivered to each subscriber once, with the token of its push account', () => {
    const ofTheOrder = new Set(events.map(({ type }) => type))
    const expected = [...ofTheOrder].flatMap((type) =>
      listeners(type).map((consumer) => ({ consumer, type, email: email(pushAccountId(consumer)) })),
    )
    const delivered = expected.map(({ consumer, type }) => {
      const subscription = `projects/${platform.running.projectId}/subscriptions/${subscriptionName(consumer, type)}`
      const [push, ...more] = log('push').filter(({ resource }) => resource === subscription)
      expect(more).toEqual([])
      return { consumer, type, email: push?.email }
    })
    expect(expected.length).toBeGreaterThan(20)
    expect(delivered).toEqual(expected)
  })

  it('every request to a service has the verified token of an allowed sender', () => {
    const allowed = (service: string, target: string): string[] => {
      const { on, ingress } = services.find(({ name }) => name === service)!
      if (ingress === 'public') return ['']
      if (on.some((type) => eventPath(type) === target)) return [email(pushAccountId(service))]
      if (target.startsWith('/schedules/')) return [email(cronAccountId(service))]
      const { accepts } = services.find(({ name }) => name === service)!
      const command = accepts.find((one) => commandPath(one) === target)
      if (command) return services.filter((one) => enqueuedBy(one).includes(command)).map(({ name }) => email(name))
      const submitted = accepts.find((one) => submissionPath(one) === target)
      if (submitted) return services.filter(({ submits }) => submits.includes(submitted)).map(({ name }) => email(name))
      return services.filter(({ calls }) => calls.includes(service)).map(({ name }) => email(name))
    }
    const ingress = log('ingress')
    for (const { resource, target, email: verified = '', status } of ingress) {
      expect(allowed(resource, target!), `${resource} ${target}`).toContain(verified)
      expect(status, `${resource} ${target}`).toBeLessThan(500)
    }
    expect(new Set(ingress.map(({ resource }) => resource))).toEqual(new Set(names))
    // Every push and task is among the verified requests.
    for (const { target, email: sender } of [...log('push'), ...log('task')]) {
      const { pathname, port } = new URL(target!)
      const service = names.find((name) => platform.ports.service(name) === Number(port))
      expect(ingress).toContainEqual(expect.objectContaining({ resource: service, target: pathname, email: sender }))
    }
    expect(log('task').length).toBeGreaterThan(0)
  })

  it('no message is redelivered or retried, and no service answers 5xx', () => {
    const counters = platform.cloud.counters()
    const of = (name: string): number => counters[name] ?? 0
    expect([of('pubsub.redeliveries'), of('tasks.retries'), of('run.5xx')]).toEqual([0, 0, 0])
    // The counters work: each of these is above zero.
    expect(
      [of('pubsub.messages.delivered'), of('tasks.dispatches'), of('run.requests')].every((count) => count > 0),
    ).toBe(true)
  })
})

describe('after a second order, whose card is declined', () => {
  const ended = (): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      platform.cloud
        .core<TelemetryCore>('telemetry')
        .metrics.list()
        .filter(({ name, attributes }) => name === 'millrace_saga_duration' && attributes['saga'] === 'checkout')
        .map(({ attributes, count }) => [String(attributes['outcome']), count]),
    )
  let second: string

  beforeAll(async () => {
    second = await platform.place({ sku: 'TEA-001', quantity: 1 }, { card: 'card-stolen' })
    await platform.followed(platform.customer(), second)
  }, 60_000)

  it('each order is counted once by its outcome, with its duration', async () => {
    // A service sends points every 15 s at most.
    await expect.poll(ended, { timeout: 30_000 }).toEqual({ completed: 1, rejected: 1 })
  })

  it('npm run trace shows the last order', async () => {
    expect((await run('cli/trace.ts', [], platformInTurn().dataDirectory)).stdout).toContain(`${second}: trace `)
  })
})
