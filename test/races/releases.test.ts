/**
 * Every service is deployed with another shape of each command while one of the former shape waits: the task is carried
 * out, and the flow ends as without a release.
 */

import { describe, expect, it } from 'vitest'
import { testConfig } from '../../shared/base/config.testing.ts'
import { services } from '../../functions/index.ts'
import { republishCommand } from '../../shared/base/names.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { createReceiver } from '../../shared/runtime/receive.ts'
import { type OrderFacts, ordersOf } from '../support/simulation/always-true.ts'
import { createReleases, type Releases } from '../support/simulation/releases.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

type Flow = (world: World) => Promise<unknown>

const staff =
  (type: string, data: (orderId: string, world: World) => object): Flow =>
  async (world) => {
    const [order] = ordersOf(world)
    expect(await world.submit(type, data(order!.orderId, world), type)).toEqual({ status: 202 })
  }
const waits =
  (forMs: number): Flow =>
  (world) =>
    world.run({ forMs })
const ordered =
  (card: string): Flow =>
  (world) =>
    world.place({ card })

/** The customer acts on the page of the payment provider. */
const acts: Flow = async ({ provider }) => {
  for (const { key } of provider.ledger.all())
    await provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
}
/** The end of the order, and the steps. Of each flow the commands are held that the flows before it do not send. */
const flows: Readonly<Record<string, readonly [end: OrderFacts['status'], ...Flow[]]>> = {
  'an order': ['completed', ordered('card-ok')],
  'an order whose card is declined for good': ['rejected', ordered('card-stolen')],
  'a second card': [
    'completed',
    ordered('card-declined'),
    waits(20 * SECOND),
    staff('PayOrder', (orderId, world) => ({
      orderId,
      paymentMethodRef: world.paymentMethodOf('card-ok'),
      by: 'customer',
    })),
  ],
  'a customer who does not act': ['expired', ordered('card-action-required'), waits(6 * MINUTE)],
  'an order that waits for its customer': ['completed', ordered('card-action-required'), waits(20 * SECOND), acts],
  'a cancellation': [
    'cancelled',
    ordered('card-action-required'),
    waits(20 * SECOND),
    staff('CancelOrder', (orderId) => ({ orderId, by: 'staff', reason: 'changed-mind' })),
  ],
  'a retry': ['completed', ordered('card-ok'), staff('RetryCheckout', (orderId) => ({ orderId, reason: 'impatient' }))],
  'a capture that is delayed': ['completed', ordered('card-capture-delayed')],
  'a refund': [
    'completed',
    ordered('card-refund-pending'),
    waits(MINUTE),
    staff('RefundPayment', (orderId) => ({ orderId, refundId: 'r-1', amountMinor: 5, reason: 'broken' })),
  ],
  'an address that is corrected': [
    'completed',
    (world) => world.place({ card: 'card-ok', address: 'unknown' }),
    waits(MINUTE),
    async (world) => {
      const [order] = ordersOf(world)
      const data = { orderId: order!.orderId, addressRef: world.addressRef }
      expect(await world.submit('CorrectAddress', data, 'correct')).toEqual({ status: 202 })
    },
  ],
  'a cancellation after the release': [
    'cancelled',
    (world) => world.place({ card: 'card-ok', address: 'unknown' }),
    waits(MINUTE),
    staff('CancelOrder', (orderId) => ({ orderId, by: 'customer', reason: 'changed-mind' })),
  ],
  'a recapture': [
    'completed',
    ordered('card-capture-refused'),
    waits(DAY),
    staff('RecaptureOrder', (orderId, world) => ({
      orderId,
      paymentMethodRef: world.paymentMethodOf('card-ok'),
      reason: 'a new card',
    })),
  ],
}

type Command = readonly [owner: string, type: string]

/** Each command that these steps send, in a run without a release. Those of the runtime have no contract of their own. */
async function commandsOf([, ...steps]: (typeof flows)[string]): Promise<Command[]> {
  const world = await createWorld()
  for (const step of steps) await step(world)
  await world.run({ forMs: 5 * MINUTE })
  const sent = services.flatMap(({ name }) =>
    world.platform(name).sent.map(({ target, envelope }): Command => [target, envelope.type]),
  )
  const isTheFirst = ([, type]: Command, index: number): boolean => sent.findIndex(([, one]) => one === type) === index
  return sent.filter(isTheFirst).filter(([, type]) => type !== republishCommand)
}

async function heldAcross(
  releases: Releases,
  [owner, type]: Command,
  [end, ...steps]: (typeof flows)[string],
): Promise<void> {
  const world = await createWorld({ descriptions: releases.services })
  const waiting = world.schedule.hold(to(owner, type))
  for (const step of steps) await step(world)
  await world.run({ forMs: 5 * MINUTE, until: () => waiting.held().length > 0 })
  const former = waiting.held().map(({ envelope }) => envelope!)
  expect(former, `${type} waits for ${owner}`).not.toHaveLength(0)
  const present = services.find(({ name }) => name === owner)!.contracts.commands[type]!.version
  for (const { version, data } of former)
    expect({ version, data }).toEqual({ version: present, data: { former: expect.any(Object) } })
  for (const { name } of services) releases.deploy(name)
  waiting.release()
  await expectQuiescence(world, end)
  expect([...releases.crossed]).toContain(type)
}

/** The commands that this flow sends, and none of those before it. */
async function ownCommandsOf(name: string): Promise<Command[]> {
  const before = Object.keys(flows).slice(0, Object.keys(flows).indexOf(name))
  const seen = (await Promise.all(before.map((one) => commandsOf(flows[one]!)))).flat().map(([, type]) => type)
  return (await commandsOf(flows[name]!)).filter(([, type]) => !seen.includes(type))
}

describe.each(Object.entries(flows))('%s', (name, flow) => {
  it('ends as without a release while one of its commands waits', { timeout: 60_000 }, async () => {
    const commands = await ownCommandsOf(name)
    expect(commands).not.toHaveLength(0)
    for (const command of commands) await heldAcross(createReleases(services), command, flow)
  })
})

const accepted = services.flatMap(({ name, accepts }) => accepts.map((type): Command => [name, type]))

it.each(accepted)('%s gets a %s of the former release in the present shape', async (owner, type) => {
  const releases = createReleases(services)
  const service = releases.services.find(({ name }) => name === owner)!
  const { version, data, example } = service.contracts.commands[type]!
  const former = message(type, data.parse(example), { version, sequence: 0 })
  releases.deploy(owner)

  const platform = testPlatform(service)
  const handled: unknown[] = []
  const handler = async (given: Envelope): Promise<void> =>
    void handled.push({ version: given.version, data: given.data })
  const receiver = createReceiver({ on: {}, commands: { [type]: handler } }, platform, testConfig(owner))
  const task = { name: 'task-1', retries: 0 }
  expect(await receiver.command(type, Buffer.from(JSON.stringify(former)), task)).toEqual({ status: 204 })
  expect(handled).toEqual([{ version: version + 1, data: example }])
  expect(platform.deadLetters).toEqual([])
})
