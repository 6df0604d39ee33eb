/** The commands of operators against the whole platform. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RequestLogEntry } from 'local-google-cloud'
import { deadLetterName } from '../../../shared/base/names.ts'
import { run, type Ended, temporaryDirectory } from '../../support/command.ts'
import { envelope } from '../../support/envelope.ts'
import { googleClients } from '../../support/google-clients.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { stateOf } from '../../support/state.ts'

const platform = joinPlatform('ops')
const google = googleClients(platform)
const state = stateOf(platform)
const directory = platform.running.dataDirectory
const SKU = 'OPS-1'

beforeAll(() => platform.sell({ sku: SKU, unitMinor: 1190 }), 60_000)
afterAll(async () => {
  await google.close()
  await state.close()
})

const ops = (...args: string[]): Promise<Ended> => run('cli/ops.ts', args, directory)
const listed = async (...args: string[]): Promise<Record<string, string>[]> => {
  const { code, stdout, stderr } = await ops('dead-letters', '--json', ...args)
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Record<string, string>[]
}
/** Every task with the token of operations, as `path status`. */
const replayed = async (): Promise<string[]> =>
  (await platform.local<RequestLogEntry[]>('request-log'))
    .filter(({ kind, email }) => kind === 'task' && email?.startsWith('operations@'))
    .map(({ resource, target, status }) => `${resource.split('/').at(-1)} ${new URL(target!).pathname} ${status}`)

/** Publishes a dead letter as Pub/Sub forwards it after twenty deliveries. */
const deadLettered = (consumer: string, type: string, json: object): Promise<string> =>
  google.pubsub.topic(deadLetterName(consumer)).publishMessage({
    json,
    attributes: {
      type,
      CloudPubSubDeadLetterSourceDeliveryCount: '20',
      CloudPubSubDeadLetterSourceSubscription: `${consumer}.${type}`,
      CloudPubSubDeadLetterSourceSubscriptionProject: platform.running.projectId,
    },
  })
const stockOf = async (sku: string): Promise<number> =>
  (await platform.staff().send<{ available: number }>('GET', `/v1/stock/${sku}`)).body.available
const logOf = async (service: string): Promise<string> =>
  (await run('cli/logs.ts', [service, '--no-follow', '--json', '--lines', '500'], directory)).stdout

describe('a dead letter', { timeout: 60_000 }, () => {
  it('is listed with consumer, type, reason and age, shown with its content, and stays in the subscription', async () => {
    expect((await ops('dead-letters', '--service', 'shipping')).stdout).toBe('No dead letters.\n')
    await google.pubsub.topic('price.changed').publishMessage({ data: Buffer.from('unit price: 1') })
    await vi.waitUntil(async () => (await listed()).length === 1, { timeout: 30_000 })
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
      attributes: { consumer: 'orders' },
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
    await vi.waitUntil(async () => (await refused()) !== undefined, { timeout: 30_000 })
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
    const before = await replayed()
    const answer = await ops('replay', letter!['id']!, ...given)
    expect(answer).toMatchObject({ code: 1, stderr: expect.stringContaining(remedy) as string })
    expect(await replayed()).toEqual(before)
  })

  it('is replayed to the one service that failed, which logs the operator and the reason', async () => {
    const change = envelope('price.changed', { data: { sku: SKU, unitMinor: 777, currency: 'EUR' } })
    const id = await deadLettered('orders', 'price.changed', change)
    await vi.waitUntil(async () => (await listed()).some((one) => one['id'] === id), { timeout: 30_000 })
    const before = (await replayed()).length
    const answer = await ops('replay', id, '--reason', 'the table is back', '--actor', 'jo')
    expect([answer.code, answer.stderr]).toEqual([0, ''])
    const price = async (): Promise<unknown> =>
      (await state.collection('orders', 'prices')).find(({ id }) => id === SKU)
    await vi.waitUntil(async () => JSON.stringify(await price()).includes('777'), { timeout: 30_000 })
    // The price is stored before the request log has the answer.
    await expect.poll(async () => (await replayed()).slice(before)).toEqual(['orders /commands/ReplayDeadLetters 204'])
    expect((await listed()).some((one) => one['id'] === id)).toBe(false)
    const line = (await logOf('orders')).split('\n').findLast((one) => one.includes('message.replayed'))!
    expect(JSON.parse(line)).toMatchObject({
      subject: 'operator:jo',
      reason: 'the table is back',
      type: 'price.changed',
      letter: id,
    })
  })

  it('of a CloudEvent function is replayed to the function', async () => {
    const type = 'order.completed'
    const done = envelope(type, { source: 'orders', subject: 'o-9', correlationId: 'o-9', data: { orderId: 'o-9' } })
    const id = await deadLettered('notifications', type, done)
    await vi.waitUntil(async () => (await listed()).some((one) => one['id'] === id), { timeout: 30_000 })
    expect((await ops('replay', id, '--reason', 'again')).code).toBe(0)
    await vi.waitUntil(async () => (await state.sends('o-9')).length === 1, { timeout: 30_000 })
  })

  it('of a command is replayed to its command path, and duplicates are applied once', async () => {
    const command = envelope('ReceiveStock', {
      source: 'inventory',
      sequence: 0,
      data: { deliveryId: 'd-replayed', lines: [{ sku: SKU, quantity: 5 }] },
    })
    const before = await stockOf(SKU)
    const topic = google.pubsub.topic(deadLetterName('inventory'))
    for (let copy = 0; copy < 2; copy++)
      await topic.publishMessage({
        json: command,
        attributes: { type: 'ReceiveStock', consumer: 'inventory', reason: 'failed 20 times, last with 503' },
      })
    await vi.waitUntil(async () => (await listed('--service', 'inventory')).length === 2, { timeout: 30_000 })
    const from = (await replayed()).length
    expect((await ops('replay', '--all', '--service', 'inventory', '--reason', 'again')).code).toBe(0)
    // One task carries both ids.
    await vi.waitUntil(async () => (await replayed()).slice(from).some((task) => task.endsWith(' 204')), {
      timeout: 20_000,
    })
    expect(await stockOf(SKU)).toBe(before + 5)
    expect(await listed('--service', 'inventory')).toEqual([])
  })

  it('is discarded by its service, which logs the operator and the reason, and by no other id', async () => {
    const letters = await Promise.all([1, 2].map(() => deadLettered('history', 'order.placed', { is: 'no envelope' })))
    const waiting = async () => (await listed('--service', 'history')).map(({ id }) => id!)
    await vi.waitUntil(async () => (await waiting()).length === 2, { timeout: 30_000 })
    const [gone, kept] = letters as [string, string]
    const answer = await ops('discard', gone, '--reason', 'a test of ours', '--actor', 'jo')
    expect([answer.code, answer.stdout]).toEqual([0, `${gone}  discard of order.placed by history requested\n`])
    await vi.waitUntil(async () => !(await waiting()).includes(gone), { timeout: 20_000 })
    expect(await waiting()).toEqual([kept])
    const line = (await logOf('history')).split('\n').findLast((one) => one.includes('message.discarded'))!
    const act = { subject: 'operator:jo', reason: 'a test of ours', type: 'order.placed', letter: gone }
    expect(JSON.parse(line)).toMatchObject(act)
    expect((await ops('discard', kept, '--reason', 'both')).code).toBe(0)
    await vi.waitUntil(async () => (await waiting()).length === 0, { timeout: 20_000 })
  })

  it('without a handler stays in the subscription with its reason', async () => {
    await google.pubsub.topic(deadLetterName('orders')).publishMessage({
      data: Buffer.from('{}'),
      attributes: { type: 'ShredOrder', consumer: 'orders', reason: 'orders has no command ShredOrder' },
    })
    const found = async () => (await listed('--service', 'orders')).find(({ type }) => type === 'ShredOrder')
    await vi.waitUntil(async () => (await found()) !== undefined, { timeout: 30_000 })
    const letter = (await found())!
    const { code, stderr } = await ops('replay', letter['id']!, '--reason', 'again')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/orders has no handler for ShredOrder/)])
    expect(await found()).toEqual(letter)
  })
})

describe('npm run ops -- rebuild-lists', { timeout: 120_000 }, () => {
  const inLists = async (filter = ''): Promise<string[]> => {
    const { body } = await platform.customer().send<{ orders: { orderId: string }[] }>('GET', `/v1/orders${filter}`)
    return body.orders.map(({ orderId }) => orderId)
  }
  /** As an order of the time before lists is: its timeline has neither a time nor a status. */
  async function unlist(orderId: string): Promise<void> {
    const { apiHost, projectId } = platform.running
    const document = `http://${apiHost}/v1/projects/${projectId}/databases/history/documents/timelines/${orderId}`
    const response = await fetch(`${document}?updateMask.fieldPaths=placedAt&updateMask.fieldPaths=standing`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{"fields":{}}',
    })
    expect(response.status).toBe(200)
  }
  /** The text before this id: an earlier run ended there. Other suites' orders are left alone. */
  const rebuilt = async (orderId: string): Promise<string> => {
    const before = `${orderId.slice(0, -1)}${String.fromCodePoint(orderId.codePointAt(orderId.length - 1)! - 1)}`
    const args = ['--after', before, '--limit', '1', '--reason', 'lists', '--actor', 'jo']
    const { code, stdout, stderr } = await ops('rebuild-lists', ...args)
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }

  it('lists orders from before there were lists, and goes on where an earlier run ended', async () => {
    const placed = [await platform.place({ sku: SKU, quantity: 1 }), await platform.place({ sku: SKU, quantity: 1 })]
    for (const orderId of placed) await platform.followed(platform.customer(), orderId)
    const [first, second] = placed.toSorted() as [string, string]
    const rows = () =>
      google.rows('SELECT order_id FROM analytics.orders WHERE order_id IN (@first, @second)', { first, second })
    await vi.waitUntil(async () => (await rows()).length === 2, { timeout: 30_000 })
    for (const orderId of placed) await unlist(orderId)
    expect((await inLists()).filter((orderId) => placed.includes(orderId))).toEqual([])

    expect(await rebuilt(first)).toContain(`1 orders requested, the last is ${first}\n`)
    await vi.waitUntil(async () => (await inLists()).includes(first), { timeout: 30_000 })
    expect(await inLists()).not.toContain(second)
    await rebuilt(second)
    await vi.waitUntil(async () => (await inLists()).includes(second), { timeout: 30_000 })
    // With the status that follows from all of the events.
    const areCompleted = async (): Promise<boolean> => {
      const completed = await inLists('?status=completed')
      return placed.every((orderId) => completed.includes(orderId))
    }
    await vi.waitUntil(areCompleted, { timeout: 30_000 })
  })
})

describe('npm run ops refuses', { timeout: 60_000 }, () => {
  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['erase'], /There is no command "erase".*--help/],
    ['an unknown consumer', ['dead-letters', '--service', 'shop'], /"shop" has no dead-letter subscription.*orders/],
    ['an unknown id', ['dead-letters', '12345678'], /There is no dead letter 12345678/],
    ['a replay of an unknown id', ['replay', '12345678', '--reason', 'x'], /There is no dead letter 12345678/],
    ['a replay of nothing', ['replay', '--reason', 'x'], /Name the ids of dead letters, or --all/],
    ['a discard of an unknown id', ['discard', '12345678', '--reason', 'x'], /There is no dead letter 12345678/],
    ['a discard of nothing', ['discard', '--reason', 'x'], /Name the ids of dead letters: /],
    ['a discard of everything', ['discard', '--all', '--reason', 'x'], /--all/],
    ['a discard without a reason', ['discard', '12345678'], /--reason "…" is missing/],
    ['a replay without a reason', ['replay', '--all'], /--reason "…" is missing/],
    ['a retry without a reason', ['retry', 'o-1'], /--reason "…" is missing/],
    ['a close without a reason', ['close', 'o-1'], /--reason "…" is missing/],
    ['a close of an unknown order', ['close', 'o-none', '--reason', 'x'], /404 not-found: There is no order o-none/],
    ['a close of nothing', ['close', '--reason', 'x'], /The order's id is missing/],
    ['a retry of an unknown order', ['retry', 'o-none', '--reason', 'x'], /404 not-found: There is no order o-none/],
    ['a command with a typing error', ['dead-leters'], /Did you mean `dead-letters`\?/],
    ['an unknown option', ['stuck', '--loud'], /--loud.*--help/],
    ['an option before the command', ['--json'], /There is no command "--json".*--help/],
    ['the name of a property of every object', ['toString'], /There is no command "toString"/],
    ['ids together with --all', ['replay', '12345678', '--all', '--reason', 'x'], /not both/],
    ['a second order', ['retry', 'o-1', 'o-2', '--reason', 'x'], /"o-2" is one too many/],
    [
      'a project number that is not a number',
      ['stuck', '--project', 'p', '--project-number', 'p1'],
      /digits, not "p1"/,
    ],
  ])('%s', async (_, args, says) => {
    const { code, stdout, stderr } = await ops(...args)
    expect([code, stdout, stderr.trim()]).toEqual([1, '', expect.stringMatching(says)])
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each([[[]], [['dead-letters', '--help']], [['retry', '-h']]])('prints help: %j', async (args) => {
    const { code, stdout } = await ops(...args)
    expect([code, stdout]).toEqual([0, expect.stringContaining('npm run ops -- ')])
  })

  it('every command while Millrace does not run', async () => {
    const empty = temporaryDirectory()
    for (const args of [['dead-letters'], ['retry', 'o-1', '--reason', 'x']])
      expect(await run('cli/ops.ts', args, empty.path)).toMatchObject({
        code: 1,
        stderr: 'Millrace is not running here: start it with npm start.\n',
      })
    empty.remove()
  })
})
