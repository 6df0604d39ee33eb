/** After the pivot: services that do not answer, refused captures, and the closing of such orders by staff. */

import { describe, expect, it } from 'vitest'
import type { MessageOptions } from '../../shared/runtime/deliver.testing.ts'
import { MAX_REMINDERS } from './fulfilment.ts'
import { openShop, permutations, replies, type Shop } from './shop.testing.ts'

const HOUR = 3_600_000
const reason = 'paid by invoice 4711'

async function confirmed(): Promise<{ shop: Shop; orderId: string }> {
  const shop = await openShop()
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  await shop.deliver(...replies.reserved(orderId))
  await shop.deliver(...replies.authorized(orderId))
  return { shop, orderId }
}

async function shipped(...facts: (keyof typeof replies)[]) {
  const order = await confirmed()
  await order.shop.deliver(...replies.dispatched(order.orderId))
  for (const fact of facts) await order.shop.deliver(...replies[fact](order.orderId))
  return order
}

const days = (shop: Shop, count: number): Promise<void> => hours(shop, count * 24)

/** Advances the clock by so many hours and fires every timer. */
async function hours(shop: Shop, count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    shop.platform.advance(HOUR)
    await shop.fireTimers()
  }
}

const asStaff: MessageOptions = { actor: 'staff:jo', sequence: 0 }
const close = (shop: Shop, orderId: string, key = 1) =>
  shop.deliver('CloseOrder', { orderId, reason }, { ...asStaff, key })
const sagaOf = async (shop: Shop, orderId: string) => (await shop.read(`${orderId}/saga`)).body
const counted = (types: readonly string[], type: string): number => types.filter((one) => one === type).length

describe('a command of staff for an order that does not exist', () => {
  it.each(['RetryCheckout', 'CloseOrder'])('%s is refused and not retried', async (type) => {
    const shop = await openShop()
    const late = shop.deliver(type, { orderId: 'o-typo', reason }, asStaff)
    await expect(late).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
    expect(shop.platform.streamIds()).toEqual([])
  })
})

describe('a service that never answers', () => {
  it('is reported once for each attempt, although orders republishes its events with each reminder', async () => {
    const { shop, orderId } = await confirmed()
    for (let day = 1; day <= 4; day++) {
      await days(shop, 1)
      await shop.platform.streams.republish(orderId)
    }
    const reports = shop.platform.published.filter(({ type }) => type === 'saga.stuck')
    // After 24, 25, 27, 31, 39, 55 and 79 hours.
    expect(reports.map(({ data }) => (data as { attempt: number }).attempt)).toEqual([1, 2, 3, 4, 5, 6, 7])
    // Events that others wait for are published again.
    expect(counted(shop.publishedTypes(), 'order.released')).toBe(5)
  })

  it('is reminded at growing intervals up to a maximum, after which the order has stalled', async () => {
    const { shop, orderId } = await shipped('committed')
    const { platform } = shop
    const hours: number[] = []
    for (let hour = 1; hour <= 30 * 24; hour++) {
      const before = counted(shop.publishedTypes(), 'saga.stuck')
      platform.advance(HOUR)
      await shop.fireTimers()
      if (counted(shop.publishedTypes(), 'saga.stuck') > before) hours.push(hour)
    }
    expect(hours).toEqual([1, 2, 4, 8, 16, 32, 56, 80, 104, 128, 152])
    expect(hours).toHaveLength(MAX_REMINDERS + 1)
    const stalled = platform.published.filter(({ type }) => type === 'order.stalled')
    expect(stalled.map(({ data }) => data)).toEqual([
      { orderId, missing: ['payments', 'shipping'], refusedCaptures: [] },
    ])
    expect(await sagaOf(shop, orderId)).toMatchObject({
      stuck: true,
      waitsFor: [{ step: 'fulfilment: payments, shipping', until: null }],
    })
  })

  it('completes a stalled order when it answers', async () => {
    const { shop, orderId } = await shipped('committed')
    await days(shop, 10)
    expect(shop.publishedTypes()).toContain('order.stalled')
    await shop.deliver(...replies.captured(orderId))
    await shop.deliver(...replies.delivered(orderId))
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
  })

  it('is reminded from the first interval again when an operator retries', async () => {
    const { shop, orderId } = await shipped('committed')
    await days(shop, 10)
    const before = counted(shop.sentTypes(), 'RepublishEvents')
    await shop.deliver('RetryCheckout', { orderId, reason }, asStaff)
    expect(counted(shop.sentTypes(), 'RepublishEvents')).toBe(before + 2)
    expect(await sagaOf(shop, orderId)).toMatchObject({ stuck: false })
    await days(shop, 10)
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(2)
    expect(counted(shop.sentTypes(), 'RepublishEvents')).toBe(before + 2 + 2 * MAX_REMINDERS)
  })

  it('is reminded from the first interval again after another fact', async () => {
    const { shop, orderId } = await shipped()
    await days(shop, 3)
    await shop.deliver(...replies.committed(orderId))
    expect(await sagaOf(shop, orderId)).toMatchObject({ stuck: false, waitsFor: [{ attempt: 0 }] })
  })
})

describe('a refused capture', () => {
  it('stalls the order at once without reminders and is reported, in any order of the facts', async () => {
    for (const facts of permutations(['dispatched', 'captureFailed', 'committed'] as const)) {
      const { shop, orderId } = await confirmed()
      await shop.deliver(...replies.delivered(orderId))
      for (const fact of facts) await shop.deliver(...replies[fact](orderId))
      const published = shop.platform.published.filter(({ type }) => type !== 'order.status-changed')
      expect(
        published.slice(-2).map(({ type }) => type),
        facts.join(', '),
      ).toEqual(['saga.stuck', 'order.stalled'])
      expect(published.at(-1)!.data).toEqual({
        orderId,
        missing: [],
        refusedCaptures: [{ shipmentId: 's-1', code: 'not-authorized' }],
      })
      const { length } = shop.platform.published
      await days(shop, 30)
      expect(shop.platform.published).toHaveLength(length)
      expect(shop.sentTypes()).not.toContain('RepublishEvents')
      expect(await sagaOf(shop, orderId)).toMatchObject({
        status: 'confirmed',
        stuck: true,
        waitsFor: [{ step: 'fulfilment: refused capture', until: null }],
      })
    }
  })

  it('can not be retried', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed')
    await expect(shop.deliver('RetryCheckout', { orderId, reason }, asStaff)).rejects.toMatchObject({
      code: 'nothing-to-retry',
    })
  })

  it('can be retried once it is recaptured and the answer to that is lost: payments publishes it again', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed', 'delivered')
    await shop.deliver('RecaptureOrder', { orderId, paymentMethodRef: 'pm-2', reason }, asStaff)
    await expect(close(shop, orderId)).rejects.toMatchObject({ code: 'recapture-pending' })
    await shop.deliver('RetryCheckout', { orderId, reason }, asStaff)
    const requested = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
    expect(requested.map(({ target }) => target)).toEqual(['payments'])
    // Staff sees it again while no answer comes.
    await hours(shop, 2)
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(2)
    await shop.deliver(...replies.captured(orderId))
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
  })

  it('that is recaptured is published with the actor, the reason and the amount that is not paid', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed', 'delivered')
    for (const _delivery of ['the first', 'again'])
      await shop.deliver('RecaptureOrder', { orderId, paymentMethodRef: 'pm-2', reason }, asStaff)
    const requested = shop.platform.published.filter(({ type }) => type === 'recapture.requested')
    // A redelivery publishes what the first one recorded, under the same id.
    expect(new Set(requested.map(({ id }) => id)).size).toBe(1)
    const data = { orderId, shipmentIds: ['s-1'], amountMinor: 2380, currency: 'EUR', reason, by: 'staff:jo' }
    expect(requested[0]).toMatchObject({ actor: 'staff:jo', data })
  })

  it('does not stop the reminders of other missing facts', async () => {
    const { shop } = await shipped('captureFailed')
    await days(shop, 1)
    const reminded = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
    expect(new Set(reminded.map(({ target }) => target))).toEqual(new Set(['inventory', 'shipping']))
  })

  it('that is redelivered changes nothing', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed')
    const { writes } = shop.platform.billed
    await shop.deliver(...replies.captureFailed(orderId), { key: 'again' })
    expect(shop.platform.billed.writes).toBe(writes)
  })
})

describe('a parcel on its way', () => {
  const onItsWay = () => shipped('captured', 'committed')
  const requested = (shop: Shop): number => counted(shop.sentTypes(), 'CheckShipments')

  it('is reported as delayed once when the promised time has passed, and the carrier is asked', async () => {
    const { shop, orderId } = await onItsWay()
    await days(shop, 1)
    expect([counted(shop.publishedTypes(), 'order.delayed'), requested(shop)]).toEqual([0, 0])
    await hours(shop, 24)
    expect([counted(shop.publishedTypes(), 'order.delayed'), requested(shop)]).toEqual([0, 1])
    await hours(shop, 1)
    expect([counted(shop.publishedTypes(), 'order.delayed'), requested(shop)]).toEqual([1, 1])
    await days(shop, 5)
    expect([counted(shop.publishedTypes(), 'order.delayed'), requested(shop)]).toEqual([1, 1])
    await shop.deliver(...replies.delivered(orderId))
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
  })

  it('whose delivery the carrier reports when it is asked at the promised time is not delayed', async () => {
    const { shop, orderId } = await onItsWay()
    await days(shop, 2)
    expect(requested(shop)).toBe(1)
    await shop.deliver(...replies.delivered(orderId))
    await days(shop, 5)
    expect(shop.publishedTypes()).not.toContain('order.delayed')
  })

  it('is reported as delayed although the order has stalled for another reason', async () => {
    const { shop } = await shipped('captureFailed', 'committed')
    await days(shop, 10)
    expect(counted(shop.publishedTypes(), 'order.delayed')).toBe(1)
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(1)
  })

  it.each(['delivered', 'returned'] as const)(
    'that was %s is not delayed, whatever is missing besides',
    async (end) => {
      const { shop } = await shipped('committed', end)
      await days(shop, 10)
      expect(shop.publishedTypes()).not.toContain('order.delayed')
      expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(1)
    },
  )

  it('stalls an order of which it comes back once, and each further one once more', async () => {
    const { shop, orderId } = await confirmed()
    const report = (fact: 'dispatched' | 'captured' | 'committed' | 'delivered' | 'returned', shipmentId: string) =>
      shop.deliver(...replies[fact](orderId, shipmentId, 1), { key: shipmentId })
    for (const fact of ['dispatched', 'captured', 'committed'] as const)
      for (const shipmentId of ['s-1', 's-2']) await report(fact, shipmentId)
    await report('returned', 's-1')
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(1)
    await report('delivered', 's-1')
    expect(counted(shop.publishedTypes(), 'order.stalled'), 'a parcel has one end').toBe(1)
    await report('returned', 's-2')
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(2)
  })

  it('that is delivered does not stall the order again whose capture was refused', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed')
    await shop.deliver(...replies.delivered(orderId))
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(1)
  })

  it('can be retried: the carrier is asked, and shipping publishes again what it knows', async () => {
    const { shop, orderId } = await onItsWay()
    await shop.deliver('RetryCheckout', { orderId, reason }, asStaff)
    expect(requested(shop)).toBe(1)
    const republished = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
    expect(republished.map(({ target }) => target)).toEqual(['shipping'])
  })

  it('can not be retried once it comes back, and the reason says what to do', async () => {
    const { shop, orderId } = await shipped('captured', 'committed', 'returned')
    const retried = shop.deliver('RetryCheckout', { orderId, reason }, asStaff)
    await expect(retried).rejects.toMatchObject({
      code: 'nothing-to-retry',
      message: expect.stringMatching(/comes back.*refund.*close/),
    })
  })

  it('whose end shipping knows, and whose report to the order is lost, has it published again before the order completes', async () => {
    const { shop, orderId } = await onItsWay()
    await days(shop, 12)
    const republished = () =>
      shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents').map(({ target }) => target)
    expect(republished()).toEqual([])
    await days(shop, 1)
    expect(republished()).toEqual(['shipping'])
    await shop.deliver(...replies.returned(orderId))
    await days(shop, 3)
    expect(shop.publishedTypes()).not.toContain('order.completed')
    expect(counted(shop.publishedTypes(), 'order.stalled')).toBe(1)
  })

  it('that the carrier never reports is asked for a day before the order completes', async () => {
    const { shop } = await onItsWay()
    await days(shop, 12)
    expect(requested(shop)).toBe(1)
    await days(shop, 1)
    expect(requested(shop)).toBe(2)
    expect(shop.publishedTypes()).not.toContain('order.completed')
    await days(shop, 1)
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
    expect(counted(shop.publishedTypes(), 'saga.stuck')).toBe(0)
  })

  it('that comes back after the order was completed without a report is reported to staff, and listed until it is refunded', async () => {
    const { shop, orderId } = await onItsWay()
    await days(shop, 14)
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
    for (const key of [1, 1, 2]) await shop.deliver(...replies.returned(orderId), { key })
    const reports = shop.platform.published.filter(({ type }) => type === 'saga.stuck')
    expect(new Set(reports.map(({ id }) => id)).size).toBe(1)
    const step = 'fulfilment: returned parcel'
    expect(reports[0]!.data).toMatchObject({ sagaId: orderId, step, reason: 'the carrier did not deliver' })
    const waiting = { orderId, status: 'completed', stuck: true, waitsFor: [{ step, attempt: 0, until: null }] }
    expect(await sagaOf(shop, orderId)).toEqual(waiting)
    const about = { orderId, paymentId: 'p-1', currency: 'EUR', reason: 'returned', authorization: 1 }
    const refunded = (refundId: string, amountMinor: number) =>
      shop.deliver('refund.issued', { ...about, refundId, amountMinor }, { key: refundId })
    await refunded('r-1', 2379)
    expect(await sagaOf(shop, orderId)).toEqual(waiting)
    await refunded('r-2', 1)
    expect(await sagaOf(shop, orderId)).toEqual({ orderId, status: 'completed', stuck: false, waitsFor: [] })
  })

  it('that comes back after staff closed the order is reported once', async () => {
    const { shop, orderId } = await onItsWay()
    await close(shop, orderId)
    const before = counted(shop.publishedTypes(), 'saga.stuck')
    await shop.deliver(...replies.returned(orderId))
    expect(counted(shop.publishedTypes(), 'saga.stuck')).toBe(before + 1)
    expect(await sagaOf(shop, orderId)).toEqual({ orderId, status: 'closed', stuck: false, waitsFor: [] })
  })

  it('that comes back, as the carrier says when it is asked, stalls the order', async () => {
    const { shop, orderId } = await onItsWay()
    await days(shop, 13)
    await shop.deliver(...replies.returned(orderId))
    await days(shop, 30)
    expect(shop.publishedTypes().at(-1)).toBe('order.stalled')
  })
})

describe('staff that closes an order', () => {
  it('ends it once, voids the authorisation, and records the reason', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed')
    await close(shop, orderId)
    await close(shop, orderId)
    await close(shop, orderId, 2)
    const [event, ...others] = shop.platform.published.filter(({ type }) => type === 'order.closed')
    expect(event).toMatchObject({ actor: 'staff:jo', data: { orderId, reason, notCaptured: ['s-1'] } })
    expect(new Set(others.map(({ id }) => id))).toEqual(new Set([event!.id]))
    expect(new Set(shop.sentTypes())).toContain('VoidPayment')
    expect(shop.platform.logs.at(-1)).toMatchObject({
      event: 'order.closed',
      fields: { correlationId: orderId, actor: 'staff:jo', reason },
    })
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'closed', reason: 'closed-by-staff' })
    expect(await sagaOf(shop, orderId)).toEqual({ orderId, status: 'closed', stuck: false, waitsFor: [] })
  })

  it('stops its timers, and still records late facts', async () => {
    const { shop, orderId } = await shipped('captureFailed', 'committed')
    await close(shop, orderId)
    const published = shop.platform.published.length
    await shop.deliver(...replies.voided(orderId))
    await shop.deliver(...replies.captured(orderId))
    await days(shop, 3)
    expect(shop.platform.published).toHaveLength(published)
    const { events } = await shop.platform.streams.read(orderId)
    expect(events.at(-1)).toMatchObject({ type: 'fulfilment.recorded', data: { kind: 'captured' } })
  })

  it('does not void the authorisation while no reply of payments has arrived, since a capture may be in progress', async () => {
    const { shop, orderId } = await shipped('committed')
    await close(shop, orderId)
    expect(shop.publishedTypes().at(-1)).toBe('order.closed')
    expect(shop.sentTypes()).not.toContain('VoidPayment')
  })

  it('has the authorization ended once the last capture is answered, if one is refused', async () => {
    const parcels = async (): Promise<{ shop: Shop; orderId: string }> => {
      const { shop, orderId } = await confirmed()
      for (const parcel of ['s-1', 's-2']) {
        await shop.deliver(...replies.dispatched(orderId, parcel, 1), { key: parcel })
        await shop.deliver(...replies.committed(orderId, parcel, 1), { key: parcel })
      }
      await shop.deliver(...replies.captureFailed(orderId, 's-1'), { key: 's-1' })
      await close(shop, orderId)
      expect(shop.sentTypes()).not.toContain('VoidPayment')
      expect(shop.sentTypes()).not.toContain('ReleaseUncaptured')
      return { shop, orderId }
    }
    const unpaid = await parcels()
    await unpaid.shop.deliver(...replies.captureFailed(unpaid.orderId, 's-2'), { key: 's-2' })
    expect(unpaid.shop.sentTypes().at(-1)).toBe('VoidPayment')
    const paid = await parcels()
    await paid.shop.deliver(...replies.captured(paid.orderId, 's-2'), { key: 's-2' })
    expect(paid.shop.sentTypes().at(-1)).toBe('ReleaseUncaptured')
  })

  it.each<[string, (keyof typeof replies)[]]>([
    ['nothing was dispatched', []],
    ['dispatched pieces are not taken out of stock', ['dispatched', 'captureFailed']],
    ['it is completed', ['dispatched', 'captured', 'committed', 'delivered']],
  ])('is refused when %s', async (_name, facts) => {
    const { shop, orderId } = await confirmed()
    for (const fact of facts) await shop.deliver(...replies[fact](orderId))
    await expect(close(shop, orderId)).rejects.toMatchObject({ code: 'not-closable' })
    expect(shop.publishedTypes()).not.toContain('order.closed')
  })

  it('is refused before the confirmation', async () => {
    const shop = await openShop()
    const { orderId } = (await (await shop.place()).json()) as { orderId: string }
    await expect(close(shop, orderId)).rejects.toMatchObject({ code: 'not-closable' })
  })
})
