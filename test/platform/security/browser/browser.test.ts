/**
 * A web page against the running platform, in a real browser: every write that would do harm, by every means that a page
 * has, from another origin and under a name that was rebound to 127.0.0.1. None has an effect on the state. The
 * same attack on the same ports without gate and secret has an effect, and the same comparison of the state detects it.
 */

import { subscribe } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTestPlatform, type TestPlatform } from '../../../support/platform.ts'
import { secretValue } from '../../../support/secret-value.ts'
import { representatives } from '../../../support/whole-lists.ts'
import {
  type Attacker,
  browse,
  chromium,
  type Plan,
  type Report,
  startAttacker,
  type Write,
} from './browser.testing.ts'

const BROWSER_TIMEOUT_MS = 180_000
/** The ways in which a browser sends a body without a preflight. */
const unasked = [
  'fetchtext',
  'nocorstext',
  'nocorsform',
  'nocorsfiles',
  'nocorsuntyped',
  'beacontext',
  'beaconuntyped',
  'formtext',
]

let platform: TestPlatform
let attacker: Attacker
let before: string
/** The key that books; no page can have it. */
let carrierKey: string
const closers: (() => Promise<unknown>)[] = []
/** Mark → the statuses of its requests. */
const answers = new Map<string, number[]>()

beforeAll(async () => {
  if (!chromium) return
  platform = await startTestPlatform({ seeded: false })
  closers.push(() => platform.close())
  attacker = await startAttacker()
  closers.push(() => attacker.close())
  await prepare()
  before = await state()
  subscribe('http.server.response.finish', (message) => {
    const { request: incoming, response } = message as { request: IncomingMessage; response: ServerResponse }
    const mark = markOf(incoming.url)
    if (mark !== undefined) answers.set(mark, [...(answers.get(mark) ?? []), response.statusCode])
  })
}, BROWSER_TIMEOUT_MS)
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
}, 60_000)

/** The marks of a write that could have an effect, on ports with and without their gate. */
const marksOf = (name: string): string[] =>
  ['', 'open'].flatMap((prefix) => [...unasked, 'samejson'].map((way) => `${prefix}${name}${way}`))

/** Prepares the targets of the writes; some have their own target, since the last write would overwrite the others. */
async function prepare(): Promise<void> {
  const { projectId } = platform.running
  const project = `projects/${projectId}`
  for (const mark of marksOf('paid')) cardWaits(mark)
  for (const mark of marksOf('policy')) await platform.api('PUT', `/v1/${topicFor(project, mark)}`, {})
  await platform.api('PUT', `/v1/${project}/topics/watched`, {})
  await platform.api('PUT', `/v1/${project}/subscriptions/watched`, { topic: `${project}/topics/watched` })
  const datasets = `/bigquery/v2/${project}/datasets`
  await platform.api('POST', datasets, { datasetReference: { datasetId: 'watched' } })
  await platform.api('POST', `${datasets}/watched/tables`, {
    tableReference: { tableId: 'marks' },
    schema: { fields: [{ name: 'mark', type: 'STRING' }] },
  })
  carrierKey = await secretValue(platform.running, 'carrier-key')
}

/** An underscore is part of a word, so the name of the topic is not counted as a mark. */
const topicFor = (project: string, mark: string): string => `${project}/topics/of_${mark}`

/** An authorization that waits for its customer's confirmation on the provider's page, a target of the attack. */
function cardWaits(key: string): void {
  const { paymentMethods, ledger } = platform.paymentProvider
  const { paymentMethodRef } = paymentMethods.attach('card-action-required', key)
  ledger.authorize(key, { amountMinor: 100, currency: 'EUR', paymentMethodRef, customer: key, reference: key })
}

const markOf = (url = ''): string | undefined => /quotaUser=(\w+)/.exec(url)?.[1]

const entryPoints = ['owner', 'account', 'identity', 'provider', 'carrier'] as const
type EntryPoint = (typeof entryPoints)[number]
const portOf = (entryPoint: EntryPoint): number =>
  ({
    owner: platform.ports.api,
    account: platform.ports.account('orders'),
    identity: platform.ports.identity,
    provider: platform.ports.partner('payment-provider'),
    carrier: platform.ports.partner('carrier'),
  })[entryPoint]

/** One of each kind that a page could misuse; `quotaUser` is a parameter that Google's APIs ignore. */
function writesOf(entryPoint: EntryPoint, origin: string, prefix: string): Write[] {
  const project = `projects/${platform.running.projectId}`
  const location = `${project}/locations/europe-west1`
  const write = (name: string, path: string, body: object, method = 'POST'): Write => ({
    name: `${prefix}${name}`,
    method,
    url: `${origin}${path}?quotaUser=MARK`,
    body: JSON.stringify(body),
  })
  const commit = (name: string): Write =>
    write(name, `/v1/${project}/databases/orders/documents:commit`, {
      writes: [{ update: { name: `${project}/databases/orders/documents/x/MARK`, fields: {} } }],
    })
  const queue = `${location}/queues/orders`
  const inTenDays = new Date(Date.now() + 10 * 86_400_000).toISOString()
  const sql = { query: "INSERT INTO watched.marks (mark) VALUES ('MARK')", useLegacySql: false }
  const binding = { role: 'roles/pubsub.publisher', members: ['user:MARK@evil.example'] }
  const container = { image: 'x', command: ['/bin/sh', '-c', 'id'], env: [{ name: 'MARK', value: '' }] }
  const signal = { principal: 'payments', method: 'run.start', when: 'before', about: 'MARK' }
  return {
    owner: [
      write('queue', `/v2/${location}/queues`, { name: `${location}/queues/MARK` }),
      write('task', `/v2/${queue}/tasks`, {
        task: {
          name: `${queue}/tasks/MARK`,
          scheduleTime: inTenDays,
          httpRequest: { url: platform.running.serviceUrls['orders'] },
        },
      }),
      commit('document'),
      write('account', `/v1/${project}/serviceAccounts`, { accountId: 'MARK' }),
      write('dataset', `/bigquery/v2/${project}/datasets`, { datasetReference: { datasetId: 'MARK' } }),
      write('message', `/v1/${project}/topics/watched:publish`, { messages: [{ attributes: { mark: 'MARK' } }] }),
      write('sql', `/bigquery/v2/${project}/queries`, sql),
      write('job', `/bigquery/v2/${project}/jobs`, { configuration: { query: sql } }),
      write('policy', `/v1/${topicFor(project, 'MARK')}:setIamPolicy`, { policy: { bindings: [binding] } }),
      write('fault', '/_local/faults', { ...signal, action: { signal: 'SIGKILL' } }),
      write('topic', `/v1/${project}/topics/MARK`, {}, 'PUT'),
      write('shell', `/v2/${location}/services/notifications`, { template: { containers: [container] } }, 'PATCH'),
    ],
    account: [commit('ownaccount')],
    identity: [write('token', '/v1/token', { sub: 'MARK', roles: ['admin'] })],
    provider: [write('paid', '/actions/action-MARK', { outcome: 'authorized' })],
    carrier: [
      write('parcel', '/v1/bookings', {
        reference: 'MARK',
        to: { name: 'Mallory', lines: ['1 Lane'], city: 'Elsewhere', country: 'XX' },
      }),
    ],
  }[entryPoint]
}

/** The state that the writes would change, read by the owner: it contains the mark of each successful write. */
async function state(): Promise<string> {
  const { projectId, identityUrl } = platform.running
  const project = `projects/${projectId}`
  const location = `${project}/locations/europe-west1`
  const read = await Promise.all(
    [
      `/v2/${location}/queues`,
      `/v2/${location}/queues/orders/tasks`,
      `/v1/${project}/databases/orders/documents/x?pageSize=300`,
      `/v1/${project}/serviceAccounts?pageSize=100`,
      `/bigquery/v2/${project}/datasets`,
      '/_local/faults',
      `/v1/${project}/topics`,
      `/v2/${location}/services`,
    ].map((path) => platform.api('GET', path)),
  )
  const users = await fetch(`${identityUrl}/identitytoolkit.googleapis.com/v1/${project}/accounts:lookup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-local-cloud-secret': platform.cloud.secret },
    body: JSON.stringify({ localId: marksOf('token') }),
  })
  const policies = await Promise.all(
    marksOf('policy').map((mark) => platform.api('GET', `/v1/${topicFor(project, mark)}:getIamPolicy`)),
  )
  const { rows } = (await platform.api('POST', `/bigquery/v2/${project}/queries`, {
    query: 'SELECT mark FROM watched.marks ORDER BY mark',
    useLegacySql: false,
  })) as { rows?: object[] }
  const acted = platform.paymentProvider.ledger.all().filter(({ status }) => status !== 'action-required')
  const booked = platform.carrier.bookings()
  const all = [...read, await users.json(), policies, rows, await published(project), acted, booked]
  return JSON.stringify(all, undefined, 1)
}

/** The messages of the subscription, which stay in it. */
async function published(project: string): Promise<string[]> {
  const subscription = `/v1/${project}/subscriptions/watched`
  const { receivedMessages = [] } = (await platform.api('POST', `${subscription}:pull`, {
    maxMessages: 1_000,
    returnImmediately: true,
  })) as { receivedMessages?: { ackId: string; message: { attributes: { mark: string } } }[] }
  const ackIds = receivedMessages.map(({ ackId }) => ackId)
  if (ackIds.length > 0)
    await platform.api('POST', `${subscription}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 0 })
  return receivedMessages.map(({ message }) => message.attributes.mark).toSorted()
}

/** The attempts whose marks are in the state. */
const appliedAttempts = (attempts: readonly string[], now: string): string[] =>
  attempts.filter((mark) => new RegExp(`\\b${mark}\\b`).test(now))

async function attack(origin: string, plan: Plan, hosts: readonly string[]): Promise<Report> {
  const name = `${plan.means}-${attacker.plans.size}`
  attacker.plans.set(name, plan)
  const reported = attacker.reported()
  const browser = browse(`${origin}/attack?${name}`, hosts)
  try {
    const report = await reported
    // A beacon and a form do not wait for their answer.
    await vi.waitUntil(() => report.attempts.every((mark) => answers.has(mark)), { timeout: BROWSER_TIMEOUT_MS })
    return report
  } finally {
    await browser.close()
  }
}

const foreign = (): string => `http://evil.example:${attacker.port}`
const everywhere = 'MAP evil.example 127.0.0.1'

async function rebound(entryPoint: EntryPoint, to: number, prefix: string): Promise<Report> {
  const origin = `http://rebind.example:${portOf(entryPoint)}`
  const address = await attacker.rebinding(to)
  const plan: Plan = { means: 'rebound', writes: writesOf(entryPoint, origin, prefix) }
  return attack(origin, plan, [`MAP rebind.example:${portOf(entryPoint)} 127.0.0.1:${address}`, everywhere])
}

/** The same port without protection: it accepts every host, origin and type of body, without secret, token or key. */
async function withoutGate(entryPoint: EntryPoint): Promise<number> {
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    // The characters that a form adds to its field.
    const body = (await text(incoming)).replace(/=\r\n$/, '')
    const isWrite = incoming.method !== 'GET' && incoming.method !== 'OPTIONS'
    const headers = {
      host: `127.0.0.1:${portOf(entryPoint)}`,
      'x-local-cloud-secret': platform.cloud.secret,
      ...(entryPoint === 'carrier'
        ? { authorization: `Bearer ${carrierKey}`, 'idempotency-key': markOf(incoming.url) ?? 'none' }
        : {}),
      ...(isWrite ? { 'content-type': 'application/json' } : {}),
    }
    const options = {
      host: '127.0.0.1',
      port: portOf(entryPoint),
      method: incoming.method,
      path: incoming.url,
      headers,
    }
    const outgoing = request(options, (answer) => {
      response.writeHead(answer.statusCode!, { 'content-type': 'application/json' })
      answer.pipe(response)
    })
    outgoing.once('error', () => response.destroy())
    outgoing.end(isWrite ? body : undefined)
  }
  const server = createServer((incoming, response) => {
    pass(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

describe.skipIf(!chromium)(`a page in a browser (${chromium ?? 'no chromium here: apt-get install chromium'})`, () => {
  it('of another origin writes nothing and reads nothing', { timeout: BROWSER_TIMEOUT_MS }, async () => {
    const writes = entryPoints.flatMap((entryPoint) =>
      writesOf(entryPoint, `http://127.0.0.1:${portOf(entryPoint)}`, ''),
    )
    const { attempts, read } = await attack(foreign(), { means: 'other-origin', writes }, [everywhere])
    expect(attempts.length).toBeGreaterThan(150)
    expect(read).toEqual([])
    expect(await state()).toBe(before)
    const statuses = new Set(attempts.flatMap((mark) => answers.get(mark)!))
    expect([...statuses].filter((status) => ![403, 415, 421].includes(status))).toEqual([])
  })

  it.each(representatives(entryPoints, ['owner', 'carrier'], (name) => name))(
    'under a name that was rebound to 127.0.0.1 writes nothing and reads nothing: %s',
    { timeout: BROWSER_TIMEOUT_MS },
    async (entryPoint) => {
      const { attempts, read } = await rebound(entryPoint, portOf(entryPoint), '')
      expect(attempts.length).toBeGreaterThanOrEqual(5)
      expect(read).toEqual([])
      expect(await state()).toBe(before)
      expect(new Set(attempts.flatMap((mark) => answers.get(mark)!))).toEqual(new Set([421]))
    },
  )

  // These come last: they change the state.
  it(
    'can write on ports without gate and secret, and the state shows each write',
    { timeout: BROWSER_TIMEOUT_MS },
    async () => {
      const writes = await Promise.all(
        entryPoints.map(async (entryPoint) =>
          writesOf(entryPoint, `http://127.0.0.1:${await withoutGate(entryPoint)}`, 'open'),
        ),
      )
      const plan: Plan = { means: 'other-origin', writes: writes.flat() }
      const { attempts } = await attack(foreign(), plan, [everywhere])
      expect(appliedAttempts(attempts, before)).toEqual([])
      const posts = writes.flat().filter(({ method }) => method === 'POST')
      const expected = posts.flatMap(({ name }) => unasked.map((way) => `${name}${way}`))
      expect(new Set(appliedAttempts(attempts, await state()))).toEqual(new Set(expected))
    },
  )

  it(
    'under a rebound name can write all of them there, a shell command included',
    { timeout: BROWSER_TIMEOUT_MS },
    async () => {
      const { attempts, read } = await rebound('owner', await withoutGate('owner'), 'open')
      // The last write sets the program.
      const expected = writesOf('owner', '', 'open').map(({ name, method }) =>
        method === 'PATCH' ? `${name}sametext` : `${name}samejson`,
      )
      expect(appliedAttempts(attempts, await state())).toEqual(expect.arrayContaining(expected))
      expect(read.length).toBeGreaterThanOrEqual(expected.length)
    },
  )
})
