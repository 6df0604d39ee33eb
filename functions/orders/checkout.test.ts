import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { openShop, replies, type Shop } from './shop.testing.ts'

const MINUTE = 60_000

async function placed(options?: Parameters<typeof openShop>[0]): Promise<{ shop: Shop; orderId: string }> {
  const shop = await openShop(options)
  const response = await shop.place()
  expect(response.status).toBe(201)
  return { shop, orderId: ((await response.json()) as { orderId: string }).orderId }
}

async function confirmed(options?: Parameters<typeof openShop>[0]) {
  const order = await placed(options)
  await order.shop.deliver(...replies.reserved(order.orderId))
  await order.shop.deliver(...replies.authorized(order.orderId))
  return order
}

describe('a checkout that goes well', () => {
  it('sends the steps in order, confirms at the pivot, and completes when all lines are shipped, paid, taken out of stock and delivered', async () => {
    const { shop, orderId } = await placed()
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    await shop.deliver(...replies.reserved(orderId))
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment'])
    expect(shop.publishedTypes()).toEqual(['order.placed'])
    await shop.deliver(...replies.authorized(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released'])
    await shop.deliver(...replies.dispatched(orderId))
    await shop.deliver(...replies.captured(orderId))
    await shop.deliver(...replies.committed(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released'])
    await shop.deliver(...replies.delivered(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released', 'order.completed'])
    expect(shop.platform.published.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    expect(new Set(shop.platform.published.map(({ correlationId, subject }) => `${correlationId} ${subject}`))).toEqual(
      new Set([`${orderId} ${orderId}`]),
    )
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'completed', totalMinor: 2380 })
  })

  it("writes its stream once per delivery and its customer's bounds once, and the timer of a completed order writes and sends nothing", async () => {
    const { shop, orderId } = await confirmed()
    for (const fact of ['dispatched', 'captured', 'committed', 'delivered'] as const)
      await shop.deliver(...replies[fact](orderId))
    expect(shop.platform.billed.writes).toBe(8)
    const timers = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ContinueCheckout').length
    expect(timers).toBe(1)
    shop.platform.advance(48 * 60 * MINUTE)
    await shop.fireTimers()
    expect(shop.platform.billed.writes).toBe(8)
    expect(shop.platform.sent.filter(({ envelope }) => envelope.type === 'ContinueCheckout')).toHaveLength(1)
  })

  it('waits for the release delay before it releases', async () => {
    const { shop, orderId } = await confirmed({ releaseDelaySeconds: 1_800 })
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed'])
    shop.platform.advance(29 * MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed'])
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released'])
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'confirmed' })
  })
})

describe('a checkout with nothing to pay', () => {
  it('skips the step of the payment, publishes order.payment-not-required, and completes when payments reports that nothing is due', async () => {
    const shop = await openShop({ charges: { discountBasisPoints: { GIFT: 10_000 } } })
    const { orderId } = (await (await shop.place({ discountCode: 'GIFT' })).json()) as { orderId: string }
    await shop.deliver(...replies.reserved(orderId))
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    const begun = ['order.placed', 'order.payment-not-required', 'order.confirmed', 'order.released']
    expect(shop.publishedTypes()).toEqual(begun)
    await shop.deliver(...replies.dispatched(orderId))
    await shop.deliver(...replies.committed(orderId))
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'confirmed', totalMinor: 0, discountMinor: 2380 })
    await shop.deliver('payment.nothing-due', { orderId, paymentId: 'p-1', shipmentId: 's-1' })
    await shop.deliver(...replies.delivered(orderId))
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'completed', payment: { capturedMinor: 0 } })
  })
})

describe('the fulfilment after the pivot', () => {
  it('is requested again when it is missing, and is reported stuck', async () => {
    const { shop, orderId } = await confirmed()
    shop.platform.advance(24 * 60 * MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes().slice(-3)).toEqual(['RepublishEvents', 'RepublishEvents', 'CheckShipments'])
    const requested = shop.platform.sent.filter(({ target }) => target === 'shipping')
    expect(requested.map(({ envelope }) => envelope.data)).toEqual([{ correlationId: orderId }, { orderId }])
    expect(shop.publishedTypes().at(-1)).toBe('saga.stuck')
    const stuck = shop.platform.logs.filter(({ event }) => event === 'saga.stuck')
    expect(stuck).toMatchObject([
      {
        severity: 'ERROR',
        fields: { step: 'fulfilment: shipping', attempt: 1, sagaId: orderId, correlationId: orderId },
      },
    ])
    await shop.deliver(...replies.dispatched(orderId))
    await shop.deliver(...replies.captured(orderId))
    shop.platform.advance(61 * MINUTE)
    await shop.fireTimers()
    const reminded = shop.platform.sent
      .filter(({ envelope }) => envelope.type === 'RepublishEvents')
      .map(({ target }) => target)
    expect(reminded).toEqual(['orders', 'shipping', 'inventory', 'shipping'])
    await shop.deliver(...replies.committed(orderId))
    await shop.deliver(...replies.delivered(orderId))
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'completed' })
  })

  it('requests missing payment and stock facts an hour after the dispatch', async () => {
    const { shop, orderId } = await confirmed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    shop.platform.advance(60 * MINUTE)
    await shop.deliver(...replies.dispatched(orderId))
    shop.platform.advance(60 * MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes().filter((type) => type === 'RepublishEvents')).toHaveLength(3)
  })

  it('waits another day for the next parcel after the previous one is paid and booked', async () => {
    const { shop, orderId } = await confirmed()
    for (const reply of [
      replies.dispatched(orderId, 's-1', 1),
      replies.captured(orderId, 's-1'),
      replies.committed(orderId, 's-1', 1),
    ])
      await shop.deliver(...reply)
    for (let hour = 0; hour < 23; hour++) {
      shop.platform.advance(60 * MINUTE)
      await shop.fireTimers()
    }
    expect(shop.publishedTypes()).not.toContain('saga.stuck')
    shop.platform.advance(120 * MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toContain('saga.stuck')
  })

  it('is never compensated: a late decline changes nothing', async () => {
    const { shop, orderId } = await confirmed()
    await shop.deliver(...replies.declined(orderId))
    await shop.deliver(...replies.rejected(orderId))
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'confirmed' })
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment'])
  })
})

describe('a checkout that fails', () => {
  it('is rejected when stock is short, with nothing to compensate', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.rejected(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.rejected'])
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'rejected', reason: 'out-of-stock' })
  })

  it('compensates a step without a reply, since it may have been performed: the payment after an inquiry', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    shop.platform.advance(3 * MINUTE)
    await shop.fireTimers()
    const inquired = ['ReserveStock', 'AuthorizePayment', 'FindAuthorization', 'RepublishEvents']
    expect(shop.sentTypes()).toEqual(inquired)
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'pending' })
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes()).toEqual([...inquired, 'VoidPayment', 'ReleaseStock'])
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'rejected', reason: 'obtain-payment-timed-out' })
    // A rejection to the customer, a failure of ours to the service level objective.
    const ended = shop.platform.logs.filter(({ event }) => event === 'saga.ended')
    expect(ended).toMatchObject([{ fields: { outcome: 'timed-out' } }])
  })

  it('shows the customer the URL of a pending action', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    expect((await shop.read(orderId)).body).not.toHaveProperty('actionUrlRef')
    await shop.deliver(...replies.actionRequired(orderId))
    expect((await shop.read(orderId)).body).toMatchObject({
      status: 'payment-needed',
      actionUrlRef: 'action-1',
      paymentNeeded: { reason: 'action-required', actionUrl: 'https://bank.test/1' },
    })
    await shop.deliver(...replies.authorized(orderId))
    expect((await shop.read(orderId)).body).not.toHaveProperty('actionUrlRef')
  })

  it('expires when the customer does not act within the extended timeout', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    await shop.deliver(...replies.actionRequired(orderId))
    shop.platform.advance(4 * MINUTE)
    await shop.fireTimers()
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'payment-needed' })
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    await shop.deliver(...replies.undecided(orderId))
    expect(shop.publishedTypes().at(-1)).toBe('order.expired')
    expect(shop.sentTypes().slice(-2)).toEqual(['VoidPayment', 'ReleaseStock'])
  })

  it('compensates a late success again, with a new causation id', async () => {
    const { shop, orderId } = await placed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    await shop.deliver(...replies.released(orderId))
    await shop.deliver(...replies.reserved(orderId))
    const compensations = shop.platform.sent
      .filter(({ envelope }) => envelope.type === 'ReleaseStock')
      .map(({ envelope }) => envelope.id)
    expect(compensations).toHaveLength(2)
    expect(new Set(compensations).size).toBe(2)
    expect(shop.sentTypes()).not.toContain('AuthorizePayment')
  })

  it('sends an unanswered compensation for ever, every minute until it is stuck and at least hourly from then on', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    await shop.deliver(...replies.declined(orderId))
    shop.platform.advance(5 * MINUTE)
    await shop.fireTimers()
    const compensations = (): string[] =>
      shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReleaseStock').map(({ envelope }) => envelope.id)
    const minutes: number[] = []
    for (let minute = 1; minute <= 300; minute++) {
      const before = compensations().length
      shop.platform.advance(MINUTE)
      await shop.fireTimers()
      if (compensations().length > before) minutes.push(minute)
    }
    expect(minutes).toEqual([1, 2, 3, 4, 6, 10, 18, 34, 66, 130, 258])
    expect(new Set(compensations()).size).toBe(12)
    const stuck = shop.platform.published.filter(({ type }) => type === 'saga.stuck')
    expect((stuck[0]!.data as { attempt: number }).attempt).toBe(5)
    await shop.deliver(...replies.released(orderId))
    shop.platform.advance(100 * MINUTE)
    const before = shop.platform.billed.writes
    await shop.fireTimers()
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(12)
    expect(shop.platform.billed.writes).toBe(before)
  })
})

describe('the timer', () => {
  it('that fires early is retried later', async () => {
    const { shop, orderId } = await placed()
    const deadline = new Date(shop.platform.now() + 90_000).toISOString()
    await expect(shop.deliver('ContinueCheckout', { orderId, deadline })).rejects.toMatchObject({
      name: 'Unavailable',
      retryAfterSeconds: 90,
    })
  })

  it('changes nothing when it fires twice', async () => {
    const { shop, orderId } = await placed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    const deadline = new Date(shop.platform.now()).toISOString()
    await shop.deliver('ContinueCheckout', { orderId, deadline }, { key: 1 })
    await shop.deliver('ContinueCheckout', { orderId, deadline }, { key: 2 })
    expect(shop.publishedTypes().filter((type) => type === 'order.rejected')).toHaveLength(1)
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(1)
  })

  it('of an order without any reply republishes its events and commands with the same ids', async () => {
    const shop = await openShop()
    shop.platform.fail('publish')
    expect((await shop.place()).status).toBe(503)
    expect(shop.platform.published).toEqual([])
    shop.platform.advance(90_000)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toEqual(['order.placed'])
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    const [id] = shop.platform.published.map((event) => event.id)
    shop.platform.advance(30_000)
    await shop.fireTimers()
    expect(shop.platform.published.filter((event) => event.id === id)).toHaveLength(2)
    expect(shop.publishedTypes().at(-1)).toBe('order.rejected')
  })
})

describe('an operator who retries', () => {
  const reason = 'the provider is back'
  const retry = (shop: Shop, orderId: string, key = 1) =>
    shop.deliver('RetryCheckout', { orderId, reason }, { key, actor: 'staff:jo', sequence: 0 })
  const waits = async (shop: Shop, orderId: string) => (await shop.read(`${orderId}/saga`)).body

  it('sends the unanswered step again with a new id, and requests its reply again', async () => {
    const { shop, orderId } = await placed()
    expect(await waits(shop, orderId)).toMatchObject({
      stuck: false,
      waitsFor: [{ step: 'reserve-stock', attempt: 1 }],
    })
    await retry(shop, orderId)
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'ReserveStock', 'RepublishEvents'])
    expect(shop.platform.sent.at(-1)).toMatchObject({
      target: 'inventory',
      envelope: { data: { correlationId: orderId } },
    })
    const ids = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReserveStock')
    expect(new Set(ids.map(({ envelope }) => envelope.id)).size).toBe(2)
  })

  it('sends the compensation again at once, which counts as an attempt and is recorded with actor and reason', async () => {
    const { shop, orderId } = await placed()
    await shop.deliver(...replies.reserved(orderId))
    await shop.deliver(...replies.declined(orderId))
    await expect(retry(shop, orderId, 0)).rejects.toMatchObject({ code: 'nothing-to-retry' })
    shop.platform.advance(5 * MINUTE)
    await shop.fireTimers()
    for (let attempt = 1; attempt < 5; attempt++) {
      expect(await waits(shop, orderId)).toMatchObject({
        stuck: false,
        waitsFor: [{ step: 'compensate reserve-stock', attempt }],
      })
      await retry(shop, orderId, attempt)
    }
    expect(await waits(shop, orderId)).toMatchObject({ status: 'expired', stuck: true, waitsFor: [{ attempt: 5 }] })
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(5)
    const retried = shop.platform.published.filter(({ type }) => type === 'checkout.retried')
    expect(retried).toHaveLength(4)
    expect(retried.at(-1)).toMatchObject({ actor: 'staff:jo', data: { orderId, reason, by: 'staff:jo' } })
    expect(shop.platform.logs.at(-1)).toMatchObject({
      severity: 'NOTICE',
      event: 'saga.retried',
      fields: { correlationId: orderId, actor: 'staff:jo', reason },
    })
    await shop.deliver(...replies.released(orderId))
    expect(await waits(shop, orderId)).toEqual({ orderId, status: 'expired', stuck: false, waitsFor: [] })
  })

  it('requests the missing facts after the pivot from their services', async () => {
    const { shop, orderId } = await confirmed()
    await retry(shop, orderId)
    const reminded = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
    expect(reminded.map(({ target }) => target)).toEqual(['orders', 'shipping'])
    expect(shop.publishedTypes()).not.toContain('saga.stuck')
    shop.platform.advance(24 * 60 * MINUTE)
    await shop.fireTimers()
    expect(await waits(shop, orderId)).toMatchObject({
      stuck: true,
      waitsFor: [{ step: 'fulfilment: shipping', attempt: 1 }],
    })
  })

  it('does not shorten the release delay', async () => {
    const { shop, orderId } = await confirmed({ releaseDelaySeconds: 1_800 })
    await expect(retry(shop, orderId)).rejects.toMatchObject({ code: 'nothing-to-retry' })
    expect(shop.publishedTypes()).not.toContain('order.released')
  })

  it('is refused when the saga waits for nothing, and a repeat is applied once', async () => {
    const { shop, orderId } = await placed()
    await retry(shop, orderId)
    await retry(shop, orderId)
    const ids = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReserveStock')
    expect(new Set(ids.map(({ envelope }) => envelope.id)).size).toBe(2)
    await shop.deliver(...replies.rejected(orderId))
    await expect(retry(shop, orderId, 2)).rejects.toMatchObject({ code: 'nothing-to-retry' })
  })
})

describe('a repeated delivery', () => {
  it('decides nothing and republishes with the same ids', async () => {
    const { shop, orderId } = await placed()
    shop.platform.fail('send')
    await expect(shop.deliver(...replies.reserved(orderId))).rejects.toBeInstanceOf(Unavailable)
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    await shop.deliver(...replies.reserved(orderId))
    await shop.deliver(...replies.reserved(orderId))
    const authorizations = shop.platform.sent.filter(({ envelope }) => envelope.type === 'AuthorizePayment')
    expect(authorizations).toHaveLength(2)
    expect(authorizations[0]).toEqual(authorizations[1])
    expect(shop.platform.billed.writes).toBe(3)
  })

  it('of a reply that overtook the order is retried until the order exists', async () => {
    const shop = await openShop()
    await expect(shop.deliver(...replies.reserved('o-unknown'))).rejects.toBeInstanceOf(Unavailable)
    expect(shop.platform.streamIds()).toEqual([])
  })

  it('concurrent with another reply loses neither', async () => {
    const { shop, orderId } = await confirmed()
    await Promise.all([
      shop.deliver(...replies.dispatched(orderId)),
      shop.deliver(...replies.captured(orderId)),
      shop.deliver(...replies.committed(orderId)),
      shop.deliver(...replies.delivered(orderId)),
    ])
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
  })
})
