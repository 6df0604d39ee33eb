/** What operators do, by the commands that they type, against the whole platform. */

import { PubSub } from '@google-cloud/pubsub'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { references } from '../../functions/shop/cli/references.ts'
import { deadLetterName, stuckEvent } from '../../shared/base/names.ts'
import { announce, type Ended, run, temporaryDirectory, type TemporaryDirectory } from '../support/command.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { stateOf, type State } from '../support/state.ts'

let platform: TestPlatform
let state: State
let data: TemporaryDirectory
let pubsub: PubSub

beforeAll(async () => {
  data = temporaryDirectory()
  platform = await startTestPlatform({ dataDirectory: data.path })
  announce(platform, data.path)
  state = stateOf(platform)
  const { projectId, apiHost } = platform.running
  vi.stubEnv('PUBSUB_EMULATOR_HOST', apiHost)
  pubsub = new PubSub({ projectId })
  await vi.waitUntil(async () => (await state.collection('orders', 'prices')).length === 4, { timeout: 20_000 })
}, 120_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await pubsub?.close()
  await state?.close()
  await platform?.close()
  data?.remove()
}, 30_000)

const ops = (...args: string[]): Promise<Ended> => run('cli/ops.ts', args, data.path)
const listed = async (...args: string[]): Promise<Record<string, string>[]> => {
  const { code, stdout, stderr } = await ops('dead-letters', '--json', ...args)
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Record<string, string>[]
}
/** Every task that carried the token of operations, as `path status`. */
const replayed = (): string[] =>
  platform.cloud
    .requestLog()
    .filter(({ kind, email }) => kind === 'task' && email?.startsWith('operations@'))
    .map(({ resource, target, status }) => `${resource.split('/').at(-1)} ${new URL(target!).pathname} ${status}`)

const envelope = (type: string, given: object): object => ({
  id: crypto.randomUUID(),
  type,
  version: 1,
  source: 'catalog',
  subject: 'TEA-001',
  sequence: 1,
  time: new Date().toISOString(),
  correlationId: 'TEA-001',
  causationId: 'test',
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  actor: 'staff:test',
  ...given,
})
/** Publishes a dead letter as Pub/Sub forwards it after twenty deliveries. */
const givenUp = (listener: string, type: string, json: object): Promise<string> =>
  pubsub.topic(deadLetterName(listener)).publishMessage({
    json,
    attributes: {
      type,
      CloudPubSubDeadLetterSourceDeliveryCount: '20',
      CloudPubSubDeadLetterSourceSubscription: `${listener}.${type}`,
      CloudPubSubDeadLetterSourceSubscriptionProject: platform.running.projectId,
    },
  })
const stockOf = async (sku: string): Promise<number> =>
  (await platform.staff().send<{ available: number }>('GET', `/v1/stock/${sku}`)).body.available
const logOf = async (service: string): Promise<string> =>
  (await run('cli/logs.ts', [service, '--no-follow', '--json', '--lines', '500'], data.path)).stdout

describe('a dead letter', { timeout: 60_000 }, () => {
  it('is listed with its consumer, type, reason and age, shown with its content, and is still there', async () => {
    expect((await ops('dead-letters')).stdout).toBe('No dead letters.\n')
    await pubsub.topic('price.changed').publishMessage({ data: Buffer.from('unit price: 1') })
    await vi.waitUntil(async () => (await listed()).length === 1, { timeout: 10_000 })
    const [letter] = await listed('--service', 'orders')
    expect(letter).toMatchObject({
      consumer: 'orders',
      type: 'price.changed',
      reason: expect.stringMatching(/^not JSON/),
    })
    expect(await listed('--service', 'payments')).toEqual([])
    const table = (await ops('dead-letters')).stdout
    expect(table).toMatch(/id +consumer +type +age +reason/)
    expect(table).toMatch(new RegExp(`${letter!['id']} +orders +price\\.changed +\\d+ s +not JSON`))
    const shown = await ops('dead-letters', letter!['id']!)
    expect(shown.stdout).toContain('unit price: 1')
    expect(JSON.parse((await ops('dead-letters', letter!['id']!, '--json')).stdout)).toMatchObject({
      content: 'unit price: 1',
      attributes: { listener: 'orders' },
    })
  })

  it('that fails again after a replay stays in the subscription, and its service logs the reason', async () => {
    const [before] = await listed()
    const answer = await ops('replay', before!['id']!, '--reason', 'hope', '--actor', 'jo')
    expect([answer.code, answer.stdout]).toEqual([
      0,
      expect.stringMatching(/replay of price.changed to orders requested/),
    ])
    const refused = async (): Promise<string | undefined> =>
      (await logOf('orders')).split('\n').findLast((one) => one.includes('replay.unreadable'))
    await vi.waitUntil(async () => (await refused()) !== undefined, { timeout: 10_000 })
    expect(JSON.parse((await refused())!)).toMatchObject({
      letter: before!['id'],
      reason: expect.stringMatching(/^not JSON/),
    })
    expect(await listed()).toEqual([before])
  })

  it.each([
    ['a reason', ['--actor', 'jo'], '--reason'],
    ['a name', ['--reason', 'hope', '--actor', ' '], '--actor'],
  ])('is not replayed without %s', async (_, given, remedy) => {
    const [letter] = await listed()
    const before = replayed()
    const answer = await ops('replay', letter!['id']!, ...given)
    expect(answer).toMatchObject({ code: 1, stderr: expect.stringContaining(remedy) as string })
    expect(replayed()).toEqual(before)
  })

  it('is replayed to the one service that failed, which logs the operator and the reason', async () => {
    const change = envelope('price.changed', { data: { sku: 'TEA-002', unitMinor: 777, currency: 'EUR' } })
    const id = await givenUp('orders', 'price.changed', change)
    await vi.waitUntil(async () => (await listed()).some((one) => one['id'] === id), { timeout: 10_000 })
    const before = replayed().length
    const answer = await ops('replay', id, '--reason', 'the table is back', '--actor', 'jo')
    expect([answer.code, answer.stderr]).toEqual([0, ''])
    const price = async (): Promise<unknown> =>
      (await state.collection('orders', 'prices')).find(({ id }) => id === 'TEA-002')
    await vi.waitUntil(async () => JSON.stringify(await price()).includes('777'), { timeout: 10_000 })
    // The price is there before the answer is noted.
    await expect.poll(() => replayed().slice(before)).toEqual(['orders /commands/ReplayDeadLetters 204'])
    expect((await listed()).some((one) => one['id'] === id)).toBe(false)
    const line = (await logOf('orders')).split('\n').findLast((one) => one.includes('message.replayed'))!
    expect(JSON.parse(line)).toMatchObject({
      subject: 'operator:jo',
      reason: 'the table is back',
      type: 'price.changed',
      letter: id,
    })
  })

  it('of a CloudEvent function is replayed to it', async () => {
    const type = 'order.completed'
    const done = envelope(type, { source: 'orders', subject: 'o-9', correlationId: 'o-9', data: { orderId: 'o-9' } })
    const id = await givenUp('notifications', type, done)
    const sends = async (): Promise<number> => (await state.collection('notifications', 'sends')).length
    const before = await sends()
    await vi.waitUntil(async () => (await listed()).some((one) => one['id'] === id), { timeout: 10_000 })
    expect((await ops('replay', id, '--reason', 'again')).code).toBe(0)
    await vi.waitUntil(async () => (await sends()) === before + 1, { timeout: 10_000 })
  })

  it('of a command goes to its command path; all of them, twice the same, change what one would', async () => {
    const command = envelope('ReceiveStock', {
      source: 'inventory',
      sequence: 0,
      data: { deliveryId: 'd-replayed', lines: [{ sku: 'POT-001', quantity: 5 }] },
    })
    const before = await stockOf('POT-001')
    const topic = pubsub.topic(deadLetterName('inventory'))
    for (let copy = 0; copy < 2; copy++)
      await topic.publishMessage({
        json: command,
        attributes: { type: 'ReceiveStock', listener: 'inventory', reason: 'failed 20 times, last with 503' },
      })
    await vi.waitUntil(async () => (await listed('--service', 'inventory')).length === 2, { timeout: 10_000 })
    const from = replayed().length
    expect((await ops('replay', '--all', '--service', 'inventory', '--reason', 'again')).code).toBe(0)
    // One task for both of them.
    await vi.waitUntil(
      () =>
        replayed()
          .slice(from)
          .some((task) => task.endsWith(' 204')),
      { timeout: 20_000 },
    )
    expect(await stockOf('POT-001')).toBe(before + 5)
    expect(await listed('--service', 'inventory')).toEqual([])
  })

  it('without a handler stays in the subscription, with the reason', async () => {
    await pubsub.topic(deadLetterName('orders')).publishMessage({
      data: Buffer.from('{}'),
      attributes: { type: 'ShredOrder', listener: 'orders', reason: 'orders has no command ShredOrder' },
    })
    const found = async () => (await listed('--service', 'orders')).find(({ type }) => type === 'ShredOrder')
    await vi.waitUntil(async () => (await found()) !== undefined, { timeout: 10_000 })
    const letter = (await found())!
    const { code, stderr } = await ops('replay', letter['id']!, '--reason', 'again')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/orders has no handler for ShredOrder/)])
    expect(await found()).toEqual(letter)
  })
})

describe('a stuck saga', { timeout: 60_000 }, () => {
  const placed = async (): Promise<string> => {
    const api = platform.customer()
    const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: {
        currency: 'EUR',
        lines: [{ sku: 'TEA-001', quantity: 1 }],
        ...(await references(api, 'card-declined')),
      },
    })
    return body.orderId
  }
  const report = (orderId: string): Promise<string> =>
    pubsub.topic(stuckEvent).publishMessage({
      json: envelope(stuckEvent, {
        source: 'orders',
        subject: orderId,
        correlationId: orderId,
        data: {
          sagaId: orderId,
          step: 'compensate reserve-stock',
          attempt: 5,
          reason: 'the compensation is not answered',
        },
      }),
    })

  const sagaOf = async (orderId: string): Promise<{ waitsFor: { step: string; attempt: number }[] }> =>
    (
      await platform
        .staff()
        .send<{ waitsFor: { step: string; attempt: number }[] }>('GET', `/v1/orders/${orderId}/saga`)
    ).body
  const waitingFor = (orderId: string, step: string, attempt: number): Promise<unknown> =>
    vi.waitUntil(async () => {
      const [wait] = (await sagaOf(orderId)).waitsFor
      return wait?.step === step && wait.attempt === attempt
    }, 20_000)

  it('is listed with step, attempt, age and reason, retried by an operator, and no longer listed once it has continued', async () => {
    const queue = (name: string) => ({ name: state.tasks.queuePath(platform.running.projectId, 'europe-west1', name) })
    await state.tasks.pauseQueue(queue('payments'))
    const orderId = await placed()
    await waitingFor(orderId, 'authorize-payment', 1)
    // From here on the stock is not released.
    await state.tasks.pauseQueue(queue('inventory'))
    await state.tasks.resumeQueue(queue('payments'))
    for (let attempt = 1; attempt < 5; attempt++) {
      await waitingFor(orderId, 'compensate reserve-stock', attempt)
      const { code, stdout } = await ops('retry', orderId, '--reason', 'is inventory back?', '--actor', 'jo')
      expect([code, stdout]).toEqual([0, `${orderId}: retry of compensate reserve-stock requested\n`])
    }
    await waitingFor(orderId, 'compensate reserve-stock', 5)
    await report(orderId)
    const stuck = (): Promise<Ended> => ops('stuck', '--json')
    await vi.waitUntil(async () => (await stuck()).stdout.includes(orderId), 20_000)
    // Listing does not remove the report.
    expect(JSON.parse((await stuck()).stdout)).toEqual([
      {
        service: 'orders',
        orderId,
        status: 'rejected',
        stuck: true,
        waitsFor: [{ step: 'compensate reserve-stock', attempt: 5, until: expect.any(String) }],
        reason: 'the compensation is not answered',
        since: expect.any(String),
      },
    ])
    expect((await ops('stuck')).stdout).toMatch(
      new RegExp(`${orderId} +rejected +compensate reserve-stock +5 +\\d+ s .*the compensation is not answered`),
    )
    const line = (await logOf('orders')).split('\n').findLast((one) => one.includes('saga.retried'))!
    expect(JSON.parse(line)).toMatchObject({ actor: 'staff:jo', reason: 'is inventory back?', correlationId: orderId })

    await state.tasks.resumeQueue(queue('inventory'))
    await vi.waitUntil(async () => (await sagaOf(orderId)).waitsFor.length === 0, 20_000)
    expect((await ops('stuck')).stdout).toBe('No saga is stuck.\n')
    const over = await ops('retry', orderId, '--reason', 'x')
    expect([over.code, over.stderr]).toEqual([1, `${orderId} is rejected and has no pending step.\n`])
  })
})

describe('what is refused', { timeout: 60_000 }, () => {
  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['erase'], /No command registered for `erase`.*--help/],
    ['an unknown consumer', ['dead-letters', '--service', 'shop'], /"shop" has no dead-letter subscription.*orders/],
    ['an unknown id', ['dead-letters', '12345678'], /There is no dead letter 12345678/],
    ['a replay of an unknown id', ['replay', '12345678', '--reason', 'x'], /There is no dead letter 12345678/],
    ['a replay of nothing', ['replay', '--reason', 'x'], /Name the ids of dead letters, or --all/],
    ['a replay without a reason', ['replay', '--all'], /--reason "…" is missing/],
    ['a retry without a reason', ['retry', 'o-1'], /--reason "…" is missing/],
    ['a close without a reason', ['close', 'o-1'], /--reason "…" is missing/],
    ['a close of an unknown order', ['close', 'o-none', '--reason', 'x'], /404 not-found: There is no order o-none/],
    ['a close of nothing', ['close', '--reason', 'x'], /The order's id is missing/],
    ['a retry of an unknown order', ['retry', 'o-none', '--reason', 'x'], /404 not-found: There is no order o-none/],
    ['what is nearly a command', ['dead-leters'], /did you mean `dead-letters`\?/],
    ['an unknown option', ['stuck', '--loud'], /--loud.*--help/],
    ['an option before the command', ['--json'], /No command registered for `--json`.*--help/],
    ['what every object has', ['toString'], /No command registered for `toString`/],
    ['ids and all of them', ['replay', '12345678', '--all', '--reason', 'x'], /not both/],
    ['a second order', ['retry', 'o-1', 'o-2', '--reason', 'x'], /encountered "o-2"/],
    ['a project number that is none', ['stuck', '--project', 'p', '--project-number', 'p1'], /digits, not "p1"/],
  ])('%s', async (_, args, says) => {
    const { code, stdout, stderr } = await ops(...args)
    expect([code, stdout, stderr.trim()]).toEqual([1, '', expect.stringMatching(says)])
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each([[[]], [['dead-letters', '--help']], [['retry', '-h']]])('help: %j', async (args) => {
    const { code, stdout } = await ops(...args)
    expect([code, stdout]).toEqual([0, expect.stringContaining('npm run ops -- ')])
  })

  it('everything, while nothing runs', async () => {
    const empty = temporaryDirectory()
    for (const args of [['dead-letters'], ['retry', 'o-1', '--reason', 'x']])
      expect(await run('cli/ops.ts', args, empty.path)).toMatchObject({
        code: 1,
        stderr: 'Millrace is not running here: start it with npm start.\n',
      })
    empty.remove()
  })
})
