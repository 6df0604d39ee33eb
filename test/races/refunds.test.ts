/** Refunds against the late capture, each other, and the provider's webhooks, in both orders of arrival. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { eventsOf, ordersOf } from '../support/simulation/order-facts.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type OrderRequest, type World } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, SECOND, theOnly } from './quiescence.testing.ts'

const TOTAL = 2380
const reason = 'it was broken'

/** An order that is completed, and so captured. */
async function completed(order?: OrderRequest): Promise<{ world: World; orderId: string }> {
  const world = await createWorld()
  const { orderId } = await world.place(order)
  await world.run({ forMs: MINUTE })
  expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
  return { world, orderId }
}

const refund = (world: World, orderId: string, refundId: string, amountMinor: number, key = refundId) =>
  world.submit('RefundPayment', { orderId, refundId, amountMinor, reason }, key)
const refundEvents = (world: World, orderId: string): string[] =>
  eventsOf(world, 'payments', orderId)
    .map(({ type }) => type)
    .filter((type) => type.startsWith('refund.') && type !== 'refund.due')
/** The outcomes of the commands of staff, by the names of their codes. */
const outcomes = (world: World): string[] =>
  [...world.platform('payments').storedDocuments()]
    .filter(([path]) => path.startsWith('keys/'))
    .map(([, { outcome }]) => outcome as { status: string; code?: string } | undefined)
    .map((outcome) => outcome?.code ?? outcome?.status ?? 'none')
    .toSorted()
const refundedMinor = ({ provider }: World): number => provider.ledger.all()[0]!.refundedMinor

describe('a refund and the capture', () => {
  /** The parcel has left, and its capture has not been made. */
  async function uncaptured(): Promise<{ world: World; orderId: string; capture(): Promise<void> }> {
    const world = await createWorld()
    const shipped = world.schedule.hold(to('payments', 'shipment.dispatched'))
    const { orderId } = await world.place()
    await world.run({ until: () => shipped.held().length > 0 })
    return {
      world,
      orderId,
      async capture() {
        shipped.release()
        await world.run({ forMs: MINUTE })
      },
    }
  }

  it('the capture first: the refund is issued', async () => {
    const { world, orderId, capture } = await uncaptured()
    await capture()
    expect(await refund(world, orderId, 'r-1', TOTAL)).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(refundedMinor(world)).toBe(TOTAL)
  })

  it('the request first: it is refused, and takes effect when it is sent again after the capture', async () => {
    const { world, orderId, capture } = await uncaptured()
    expect(await refund(world, orderId, 'r-1', TOTAL)).toMatchObject({ status: 409, code: 'more-than-captured' })
    await capture()
    expect(await refund(world, orderId, 'r-1', TOTAL)).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(refundedMinor(world)).toBe(TOTAL)
  })
})

describe('two refunds that together exceed what was captured', () => {
  it('requested one after the other, before either is decided: the second is refused by an event', async () => {
    const { world, orderId } = await completed()
    for (const id of ['r-1', 'r-2']) expect(await refund(world, orderId, id, 1500)).toEqual({ status: 202 })
    await expectQuiescence(world, 'completed')
    expect(refundedMinor(world)).toBe(1500)
    expect(refundEvents(world, orderId).toSorted()).toEqual(['refund.issued', 'refund.refused'])
    expect(outcomes(world)).toEqual(['done', 'more-than-captured'])
  })

  it('in any interleaving of their decisions one is issued', { timeout: 120_000 }, async () => {
    const ways = await everyWay(async (choose) => {
      const { world, orderId } = await completed()
      const queued = world.schedule.hold(to('payments', 'RefundPayment'))
      for (const id of ['r-1', 'r-2']) await refund(world, orderId, id, 1500)
      await world.run({ until: () => queued.held().length === 2 })
      const both = queued.held().map((item) => world.begin(item))
      await interleave(world, both, choose)
      queued.release()
      await expectQuiescence(world, 'completed')
      expect(refundedMinor(world)).toBe(1500)
      expect(outcomes(world)).toEqual(['done', 'more-than-captured'])
    })
    expect(ways).toBeGreaterThan(1)
  })
})

describe('the same key', () => {
  it('with the same body is the same refund, also after it was issued', async () => {
    const { world, orderId } = await completed()
    for (const _ of ['once', 'at once again', 'later again']) {
      expect(await refund(world, orderId, 'r-1', TOTAL)).toEqual({ status: 202 })
      if (_ !== 'once') await world.run({ forMs: MINUTE })
    }
    await expectQuiescence(world, 'completed')
    expect(refundEvents(world, orderId)).toEqual(['refund.issued'])
  })

  it.each([0, MINUTE])('with another amount is refused with 409, also %s ms later', async (afterMs) => {
    const { world, orderId } = await completed()
    await refund(world, orderId, 'r-1', 1000)
    await world.run({ forMs: afterMs })
    expect(await refund(world, orderId, 'r-1', 1001)).toMatchObject({ status: 409, code: 'idempotency-key-reused' })
    await expectQuiescence(world, 'completed')
    expect(refundedMinor(world)).toBe(1000)
  })
})

describe("the webhook and the provider's answer", () => {
  it('the webhook before the answer is recorded: the refund is issued once', async () => {
    const { world, orderId } = await completed()
    const call = world.schedule.hold(to('payments', 'IssueRefund'))
    await refund(world, orderId, 'r-1', TOTAL)
    await world.run({ until: () => call.held().length > 0 })
    const activity = world.begin(call.held()[0]!)
    while (activity.waiting[0]?.what !== 'commit') await world.scheduler.step(activity)
    activity.paused = true
    const key = `${orderId}:refund:r-1`
    world.provider.webhooks.send({ id: 'event-early', type: 'refund.updated', key, reference: orderId })
    await world.run({ forMs: 10 * SECOND })
    expect(refundEvents(world, orderId)).toEqual(['refund.issued'])
    activity.paused = false
    call.release()
    await expectQuiescence(world, 'completed')
    expect(refundEvents(world, orderId)).toEqual(['refund.issued'])
  })

  it.each([
    ['card-refund-pending', ['refund.pending', 'refund.issued'], TOTAL],
    ['card-refund-fails', ['refund.failed'], 0],
    ['card-refund-fails-later', ['refund.pending', 'refund.failed'], 0],
    ['card-refund-returned', ['refund.issued', 'refund.failed'], 0],
  ])('%s: webhooks late and twice give %j', async (card, expected, minor) => {
    const { world, orderId } = await completed({ card })
    const late = world.schedule.hold(({ kind }) => kind === 'webhook')
    await refund(world, orderId, 'r-1', TOTAL)
    await world.run({ forMs: 10 * MINUTE })
    late.release()
    await expectQuiescence(world, 'completed')
    expect(refundEvents(world, orderId)).toEqual(expected)
    expect(refundedMinor(world)).toBe(minor)
  })

  it.each([
    ['card-refund-pending', 'refund.issued'],
    ['card-refund-fails-later', 'refund.failed'],
  ])(
    '%s: without a webhook the provider is asked within hours, and a webhook after that changes nothing',
    async (card, end) => {
      const { world, orderId } = await completed({ card })
      const late = world.schedule.hold(({ kind }) => kind === 'webhook')
      await refund(world, orderId, 'r-1', TOTAL)
      await world.run({ forMs: 2 * 60 * MINUTE })
      expect(refundEvents(world, orderId)).toEqual(['refund.pending', end])
      late.release()
      await expectQuiescence(world, 'completed')
      expect(refundEvents(world, orderId)).toEqual(['refund.pending', end])
    },
  )

  it.each(['lostAnswers', 'unavailable'] as const)('a timeout of the provider (%s) refunds once', async (fault) => {
    const { world, orderId } = await completed()
    world.provider.faults[fault] = 3
    await refund(world, orderId, 'r-1', TOTAL)
    await expectQuiescence(world, 'completed')
    expect(refundEvents(world, orderId)).toEqual(['refund.issued'])
    expect(refundedMinor(world)).toBe(TOTAL)
  })

  it('events of one refund reach orders in reverse: the last state counts', async () => {
    const { world, orderId } = await completed({ card: 'card-refund-returned' })
    const issued = world.schedule.hold(to('orders', 'refund.issued'))
    await refund(world, orderId, 'r-1', TOTAL)
    await world.run({ forMs: 10 * MINUTE })
    await world.finish(world.begin(theOnly(world, to('orders', 'refund.issued'))))
    issued.release()
    await expectQuiescence(world, 'completed')
  })
})
