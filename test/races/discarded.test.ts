/**
 * A command whose commit was made and whose own commands could not be sent until it became a dead letter, which an operator
 * discards: the same submission completes it, once.
 */

import { expect, it } from 'vitest'
import { testConfig } from '../../shared/base/config.testing.ts'
import { discardCommand } from '../../shared/base/names.ts'
import { operatorHeaders } from '../../shared/base/operator.ts'
import { createDiscard } from '../../shared/runtime/dead-letter-acts.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { noFaults } from '../support/simulation/faults.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, unitMinor, type World } from '../support/simulation/world.ts'
import { HOUR } from './authorizations.testing.ts'
import { DAY, expectQuiescence } from './quiescence.testing.ts'

interface Submission {
  readonly owner: string
  readonly type: string
  readonly data: object
}

/** Submits it while the owner can send nothing, until its dead letter is discarded. */
async function discarded(
  world: World,
  faults: { sendFails: number },
  { owner, type, data }: Submission,
): Promise<void> {
  const held = world.schedule.hold(to(owner, type))
  expect(await world.submit(type, data, 'key')).toEqual({ status: 202 })
  faults.sendFails = 1
  held.release()
  await world.run({ forMs: 6 * HOUR })
  faults.sendFails = 0
  const platform = world.platform(owner)
  expect(platform.deadLetters.map(({ attributes }) => attributes['type'])).toEqual([type])
  const messageIds = platform.deadLetters.map(({ messageId }) => messageId)
  const body = Buffer.from(JSON.stringify(message(discardCommand, { messageIds }, { sequence: 0 })))
  const headers = new Map(Object.entries(operatorHeaders({ actor: 'jo', reason: 'x' })))
  expect(await createDiscard(platform, testConfig(owner))(body, headers)).toEqual({ status: 204 })
}

it('a refund is made, once', async () => {
  const faults = { ...noFaults }
  const world = await createWorld({ faults })
  const { orderId } = await world.place()
  await world.run({ forMs: DAY })
  const data = { orderId, refundId: 'r-1', amountMinor: unitMinor, reason: 'broken' }
  await discarded(world, faults, { owner: 'payments', type: 'RefundPayment', data })
  const refunds = () => world.provider.ledger.all().flatMap((one) => one.refunds.map(({ amountMinor }) => amountMinor))
  expect(refunds()).toEqual([])
  for (let time = 0; time < 2; time++) {
    expect(await world.submit('RefundPayment', data, 'key')).toEqual({ status: 202 })
    await world.run({ forMs: HOUR })
    expect(refunds()).toEqual([unitMinor])
  }
  await expectQuiescence(world, 'completed')
})

it('a cancellation ends its order', async () => {
  const faults = { ...noFaults }
  const world = await createWorld({ faults, carrier: { collectedAfterMs: 3 * DAY, deliveredAfterMs: HOUR } })
  const { orderId } = await world.place()
  await world.run({ forMs: HOUR })
  const data = { orderId, by: 'customer', reason: 'changed-mind' }
  await discarded(world, faults, { owner: 'orders', type: 'CancelOrder', data })
  expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
  expect(await world.submit('CancelOrder', data, 'key')).toEqual({ status: 202 })
  await world.run({ forMs: HOUR })
  await expectQuiescence(world, 'cancelled')
})
