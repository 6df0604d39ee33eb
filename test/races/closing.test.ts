/** The provider refuses a capture after the dispatch: the reminders end, and staff closes the order. */

import { expect, it } from 'vitest'
import { PartnerRefusal } from '../../emulators/partner-server.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { type Item, to } from '../support/simulation/virtual-schedule.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, MINUTE } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

/** Money that is held on the customer's card. */
const heldMinor = ({ provider }: World): number =>
  provider.ledger
    .postings()
    .reduce(
      (sum, { debit, credit, amountMinor }) =>
        sum + (credit === 'held' ? amountMinor : 0) - (debit === 'held' ? amountMinor : 0),
      0,
    )
const statuses = (world: World): string[] => ordersOf(world).map(({ status }) => status)

it('a refused capture stalls the order, and closing it releases its money and stock', async () => {
  const world = await createWorld()
  const shipped = world.schedule.hold(to('payments', 'shipment.dispatched'))
  const { orderId } = await world.place()
  await world.run({ until: () => shipped.held().length > 0 })
  Object.assign(world.provider.ledger, {
    capture() {
      throw new PartnerRefusal(409, 'authorization-expired', 'The card was replaced.')
    },
  })
  shipped.release()
  await world.run({ forMs: MINUTE })
  const published = (): string[] => world.platform('orders').published.map(({ type }) => type)
  expect(published().slice(-3)).toEqual(['saga.stuck', 'order.stalled', 'order.status-changed'])
  const before = published().length
  // Less than the time for which the provider holds the money.
  await world.run({ forMs: 6 * DAY })
  expect(published()).toHaveLength(before)
  expect(heldMinor(world)).toBeGreaterThan(0)

  const envelope = message('CloseOrder', { orderId, reason: 'paid by invoice' }, { actor: 'staff:jo' })
  world.bus.send([{ target: 'orders', envelope }])
  await world.run({ forMs: DAY })
  expect(statuses(world)).toEqual(['closed'])
  expect(heldMinor(world)).toBe(0)
  expect(world.bus.deadLetters()).toEqual([])
  expect(world.schedule.items).toEqual([])
  expectNothingNegative(world)
})

it.each([
  ['the last parcel, which would have released the rest', '-2'],
  ['the first parcel', '-1'],
])(
  'an order that is paid in part is closed when the capture of %s is refused, and holds nothing',
  async (_which, refused) => {
    const world = await createWorld({ piecesPerParcel: 1 })
    refuseCaptures(world, (_authorization, key) => (key.endsWith(refused) ? 'card-expired' : undefined))
    const { orderId } = await world.place({ quantity: 2 })
    await world.run({ forMs: MINUTE })
    const envelope = message('CloseOrder', { orderId, reason: 'paid by invoice' }, { actor: 'staff:jo' })
    world.bus.send([{ target: 'orders', envelope }])
    await world.run({ forMs: DAY })
    expect(statuses(world)).toEqual(['closed'])
    expect(world.provider.ledger.all().flatMap(({ captures }) => captures)).toMatchObject([{ amountMinor: 1190 }])
    expect(heldMinor(world)).toBe(0)
    expect(world.bus.deadLetters()).toEqual([])
  },
)

it.each([
  ['refused', 0],
  ['captured', 1],
] as const)(
  'an order that is closed before the report on its second capture, which is %s, holds nothing after it',
  async (outcome, captures) => {
    const world = await createWorld({ piecesPerParcel: 1 })
    const isRefused = (key: string): boolean => outcome === 'refused' || key.endsWith('-1')
    refuseCaptures(world, (_authorization, key) => (isRefused(key) ? 'card-expired' : undefined))
    const { orderId } = await world.place({ quantity: 2 })
    const isSecond = ({ envelope }: Item): boolean =>
      String((envelope?.data as { shipmentId?: string } | undefined)?.shipmentId).endsWith('-2')
    const reports = world.schedule.hold(
      (item) => item.to === 'orders' && item.type.startsWith('payment.capture') && isSecond(item),
    )
    await world.run({ forMs: MINUTE })
    expect(reports.held()).toHaveLength(1)
    const envelope = message('CloseOrder', { orderId, reason: 'paid by invoice' }, { actor: 'staff:jo' })
    world.bus.send([{ target: 'orders', envelope }])
    await world.run({ forMs: MINUTE })
    expect(statuses(world)).toEqual(['closed'])
    reports.release()
    await world.run({ forMs: DAY })
    expect(heldMinor(world)).toBe(0)
    expect(world.provider.ledger.all().flatMap((one) => one.captures)).toHaveLength(captures)
    expect(world.bus.deadLetters()).toEqual([])
  },
)
