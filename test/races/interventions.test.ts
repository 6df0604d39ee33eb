/** The acts of people on an order that halts: each stands in the timeline once, with actor, reason and amount, also when messages come again. */

import { expect, it } from 'vitest'
import { app as historyApp } from '../../functions/history/app.ts'
import { services } from '../../functions/index.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'

const acts = ['address.corrected', 'recapture.requested', 'checkout.retried']

async function entriesOf(world: World, orderId: string): Promise<object[]> {
  const answer = await serveQueries(historyApp, world.platform('history')).request(`/orders/${orderId}/timeline`)
  const { entries } = (await answer.json()) as { entries: { type: string }[] }
  return entries.filter(({ type }) => acts.includes(type))
}

const flows = {
  'an address that is corrected': {
    order: { address: 'unknown' as const },
    command: 'CorrectAddress',
    data: (world: World) => ({ addressRef: world.addressRef }),
    entry: { type: 'address.corrected', source: 'orders', actor: 'staff:jo' },
  },
  'a recapture': {
    order: { card: 'card-capture-refused' },
    command: 'RecaptureOrder',
    data: (world: World) => ({ paymentMethodRef: world.paymentMethodOf('card-ok'), reason: 'a new card' }),
    entry: {
      type: 'recapture.requested',
      source: 'orders',
      actor: 'staff:jo',
      reason: 'a new card',
      amountMinor: 2380,
      currency: 'EUR',
    },
  },
  'a retry': {
    order: { card: 'card-action-required' },
    command: 'RetryCheckout',
    data: () => ({ reason: 'the bank is back' }),
    entry: { type: 'checkout.retried', source: 'orders', actor: 'staff:jo', reason: 'the bank is back' },
  },
}

it.each(Object.entries(flows))('%s: one entry, also after each message has come again', async (_name, flow) => {
  const { order, command, data, entry } = flow
  const world = await createWorld()
  const { orderId } = await world.place(order)
  await world.run({ forMs: MINUTE })
  const waiting = world.schedule.hold(to('orders', command))
  expect(await world.submit(command, { orderId, ...data(world) }, 'key-1')).toEqual({ status: 202 })
  const envelope = waiting.held()[0]!.envelope!
  waiting.release()
  await world.run({ forMs: MINUTE })
  // The acknowledgement was lost: the command and its event come again.
  world.bus.send([{ target: 'orders', envelope }])
  world.bus.publish(services.flatMap(({ name }) => world.platform(name).published).toReversed())
  await world.run({ forMs: DAY })
  const [only, ...others] = await entriesOf(world, orderId)
  expect(only).toMatchObject(entry)
  expect(others).toEqual([])
  await expectQuiescence(world, ['completed', 'expired'])
})
