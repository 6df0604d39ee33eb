import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/errors.ts'
import { openShop, permutations, replies, type Shop } from './shop.testing.ts'

const MINUTE = 60_000

async function placed(options?: Parameters<typeof openShop>[0]): Promise<{ shop: Shop; orderId: string }> {
  const shop = await openShop(options)
  const response = await shop.place()
  expect(response.status).toBe(201)
  return { shop, orderId: ((await response.json()) as { orderId: string }).orderId }
}

async function confirmed(options?: Parameters<typeof openShop>[0]) {
  const order = await placed(options)
  await order.shop.hear(...replies.reserved(order.orderId))
  await order.shop.hear(...replies.authorized(order.orderId))
  return order
}

describe('a checkout that goes well', () => {
  it('asks step by step, confirms at the pivot, and completes when all is shipped, paid and booked', async () => {
    const { shop, orderId } = await placed()
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    await shop.hear(...replies.reserved(orderId))
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment'])
    expect(shop.publishedTypes()).toEqual(['order.placed'])
    await shop.hear(...replies.authorized(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released'])
    await shop.hear(...replies.dispatched(orderId))
    await shop.hear(...replies.captured(orderId))
    await shop.hear(...replies.committed(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released', 'order.completed'])
    expect(shop.platform.published.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    expect(new Set(shop.platform.published.map(({ correlationId, subject }) => `${correlationId} ${subject}`))).toEqual(
      new Set([`${orderId} ${orderId}`]),
    )
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'completed', totalMinor: 2380 })
  })

  it('writes its stream once per delivery and the bounds of its customer once, and the timer of a completed order writes and arms nothing', async () => {
    const { shop, orderId } = await confirmed()
    for (const reply of [replies.dispatched(orderId), replies.captured(orderId), replies.committed(orderId)])
      await shop.hear(...reply)
    expect(shop.platform.billed.writes).toBe(7)
    const timers = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ContinueCheckout').length
    expect(timers).toBe(1)
    shop.platform.advance(48 * 60 * MINUTE)
    await shop.fireTimers()
    expect(shop.platform.billed.writes).toBe(7)
    expect(shop.platform.sent.filter(({ envelope }) => envelope.type === 'ContinueCheckout')).toHaveLength(1)
  })

  it('waits for the cancellation window before it releases', async () => {
    const { shop, orderId } = await confirmed({ windowSeconds: 1_800 })
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed'])
    shop.platform.advance(29 * MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed'])
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.confirmed', 'order.released'])
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'confirmed' })
  })
})

describe('what follows the pivot', () => {
  const facts = (orderId: string) => [
    replies.dispatched(orderId, 's-1', 1),
    replies.captured(orderId, 's-1'),
    replies.committed(orderId, 's-1', 1),
    replies.dispatched(orderId, 's-2', 1),
    replies.captured(orderId, 's-2'),
    replies.committed(orderId, 's-2', 1),
  ]

  it('completes once, with the last of its facts, whatever their order', { timeout: 60_000 }, async () => {
    for (const indexes of permutations([0, 1, 2, 3, 4, 5])) {
      const { shop, orderId } = await confirmed()
      for (const [heard, index] of indexes.entries()) {
        expect(shop.publishedTypes()).not.toContain('order.completed')
        await shop.hear(...facts(orderId)[index]!, { key: heard })
        await shop.hear(...facts(orderId)[index]!, { key: `again ${heard}` })
      }
      expect(shop.publishedTypes().filter((type) => type === 'order.completed')).toHaveLength(1)
    }
  })

  it('is asked for again when it does not come, and is reported stuck', async () => {
    const { shop, orderId } = await confirmed()
    shop.platform.advance(24 * 60 * MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes().at(-1)).toBe('RepeatEvents')
    expect(shop.platform.sent.at(-2)).toMatchObject({
      target: 'shipping',
      envelope: { data: { correlationId: orderId } },
    })
    expect(shop.publishedTypes().at(-1)).toBe('saga.stuck')
    const stuck = shop.platform.logs.filter(({ event }) => event === 'saga.stuck')
    expect(stuck).toMatchObject([
      {
        severity: 'ERROR',
        fields: { step: 'fulfilment: shipping', attempt: 1, sagaId: orderId, correlationId: orderId },
      },
    ])
    await shop.hear(...replies.dispatched(orderId))
    await shop.hear(...replies.captured(orderId))
    shop.platform.advance(61 * MINUTE)
    await shop.fireTimers()
    const asked = shop.platform.sent
      .filter(({ envelope }) => envelope.type === 'RepeatEvents')
      .map(({ target }) => target)
    expect(asked).toEqual(['orders', 'shipping', 'inventory', 'shipping'])
    await shop.hear(...replies.committed(orderId))
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'completed' })
  })

  it('is watched from the dispatch on, an hour for payment and stock', async () => {
    const { shop, orderId } = await confirmed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    shop.platform.advance(60 * MINUTE)
    await shop.hear(...replies.dispatched(orderId))
    shop.platform.advance(60 * MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes().filter((type) => type === 'RepeatEvents')).toHaveLength(3)
  })

  it('is given a day again for the next parcel, once what left before is paid and booked', async () => {
    const { shop, orderId } = await confirmed()
    for (const reply of [
      replies.dispatched(orderId, 's-1', 1),
      replies.captured(orderId, 's-1'),
      replies.committed(orderId, 's-1', 1),
    ])
      await shop.hear(...reply)
    for (let hour = 0; hour < 23; hour++) {
      shop.platform.advance(60 * MINUTE)
      await shop.fireTimers()
    }
    expect(shop.publishedTypes()).not.toContain('saga.stuck')
    shop.platform.advance(120 * MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes()).toContain('saga.stuck')
  })

  it('is never undone: a late decline changes nothing', async () => {
    const { shop, orderId } = await confirmed()
    await shop.hear(...replies.declined(orderId))
    await shop.hear(...replies.rejected(orderId))
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'confirmed' })
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment'])
  })
})

describe('a checkout that fails', () => {
  it('is rejected when stock is short, with nothing to undo', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.rejected(orderId))
    expect(shop.publishedTypes()).toEqual(['order.placed', 'order.rejected'])
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'rejected', reason: 'out-of-stock' })
  })

  it('gives the stock back when the payment is declined', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    await shop.hear(...replies.declined(orderId))
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment', 'ReleaseStock'])
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'rejected', reason: 'card-declined' })
  })

  it('undoes a step whose answer never came: it may have been done', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    shop.platform.advance(3 * MINUTE)
    await shop.fireTimers()
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment', 'VoidPayment', 'ReleaseStock'])
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'rejected', reason: 'authorize-payment-timed-out' })
    // To the customer a no, to the objective our own fault.
    const ended = shop.platform.logs.filter(({ event }) => event === 'saga.ended')
    expect(ended).toMatchObject([{ fields: { outcome: 'timed-out' } }])
  })

  it('tells the customer where to act, as long as it waits for that', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    expect((await shop.look(orderId)).body).not.toHaveProperty('actionUrlRef')
    await shop.hear(...replies.actionRequired(orderId))
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'pending', actionUrlRef: 'action-1' })
    await shop.hear(...replies.authorized(orderId))
    expect((await shop.look(orderId)).body).not.toHaveProperty('actionUrlRef')
  })

  it('expires when the customer does not act in time, which is longer', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    await shop.hear(...replies.actionRequired(orderId))
    shop.platform.advance(4 * MINUTE)
    await shop.fireTimers()
    expect((await shop.look(orderId)).body).toMatchObject({ status: 'pending' })
    shop.platform.advance(MINUTE)
    await shop.fireTimers()
    expect(shop.publishedTypes().at(-1)).toBe('order.expired')
    expect(shop.sentTypes().slice(-2)).toEqual(['VoidPayment', 'ReleaseStock'])
  })

  it('undoes a late success again, under a new cause', async () => {
    const { shop, orderId } = await placed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    await shop.hear(...replies.released(orderId))
    await shop.hear(...replies.reserved(orderId))
    const undos = shop.platform.sent
      .filter(({ envelope }) => envelope.type === 'ReleaseStock')
      .map(({ envelope }) => envelope.id)
    expect(undos).toHaveLength(2)
    expect(new Set(undos).size).toBe(2)
    expect(shop.sentTypes()).not.toContain('AuthorizePayment')
  })

  it('sends an unanswered undo without end, every minute until it is stuck, at least once an hour from then on', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    await shop.hear(...replies.declined(orderId))
    const undos = (): string[] =>
      shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReleaseStock').map(({ envelope }) => envelope.id)
    const minutes: number[] = []
    for (let minute = 1; minute <= 300; minute++) {
      const before = undos().length
      shop.platform.advance(MINUTE)
      await shop.fireTimers()
      if (undos().length > before) minutes.push(minute)
    }
    expect(minutes).toEqual([1, 2, 3, 4, 6, 10, 18, 34, 66, 126, 186, 246])
    expect(new Set(undos()).size).toBe(13)
    const stuck = shop.platform.published.filter(({ type }) => type === 'saga.stuck')
    expect((stuck[0]!.data as { attempt: number }).attempt).toBe(5)
    await shop.hear(...replies.released(orderId))
    shop.platform.advance(100 * MINUTE)
    const before = shop.platform.billed.writes
    await shop.fireTimers()
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(13)
    expect(shop.platform.billed.writes).toBe(before)
  })

  it('ends alike whatever the order of answers that come after the time is up', { timeout: 60_000 }, async () => {
    for (const order of permutations(['reserved', 'released', 'released again', 'authorized', 'voided', 'reserved'])) {
      const { shop, orderId } = await placed()
      await shop.hear(...replies.reserved(orderId), { key: 'first' })
      shop.platform.advance(3 * MINUTE)
      await shop.fireTimers()
      for (const [index, name] of order.entries()) {
        const kind = name.split(' ')[0] as 'reserved' | 'released' | 'authorized' | 'voided'
        await shop.hear(...replies[kind](orderId), { key: index })
      }
      // Whoever is asked to undo answers, each time.
      for (let round = 0; round < 3; round++) {
        shop.platform.advance(MINUTE)
        await shop.fireTimers()
        await shop.hear(...replies.released(orderId), { key: `round ${round}` })
        await shop.hear(...replies.voided(orderId), { key: `round ${round}` })
      }
      const sent = shop.platform.sent.length
      shop.platform.advance(60 * MINUTE)
      await shop.fireTimers()
      expect(shop.platform.sent).toHaveLength(sent)
      expect(shop.publishedTypes()).toEqual(['order.placed', 'order.rejected'])
    }
  })
})

describe('the timer', () => {
  it('that fires early is refused for now', async () => {
    const { shop, orderId } = await placed()
    const deadline = new Date(shop.platform.now() + 90_000).toISOString()
    await expect(shop.hear('ContinueCheckout', { orderId, deadline })).rejects.toMatchObject({
      name: 'Unavailable',
      retryAfterSeconds: 90,
    })
  })

  it('does nothing twice when it comes twice', async () => {
    const { shop, orderId } = await placed()
    shop.platform.advance(2 * MINUTE)
    await shop.fireTimers()
    const deadline = new Date(shop.platform.now()).toISOString()
    await shop.hear('ContinueCheckout', { orderId, deadline }, { key: 1 })
    await shop.hear('ContinueCheckout', { orderId, deadline }, { key: 2 })
    expect(shop.publishedTypes().filter((type) => type === 'order.rejected')).toHaveLength(1)
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(1)
  })

  it('of an order that nobody answered says again what may never have left, with the same ids', async () => {
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

describe('an operator who asks to go on', () => {
  const reason = 'the provider is back'
  const retry = (shop: Shop, orderId: string, key = 1) =>
    shop.hear('RetryCheckout', { orderId, reason }, { key, actor: 'staff:jo', sequence: 0 })
  const waits = async (shop: Shop, orderId: string) => (await shop.look(`${orderId}/saga`)).body

  it('has the step sent again that is not answered, under a new id, and its reply published again', async () => {
    const { shop, orderId } = await placed()
    expect(await waits(shop, orderId)).toMatchObject({
      stuck: false,
      waitsFor: [{ step: 'reserve-stock', attempt: 1 }],
    })
    await retry(shop, orderId)
    expect(shop.sentTypes()).toEqual(['ReserveStock', 'ReserveStock', 'RepeatEvents'])
    expect(shop.platform.sent.at(-1)).toMatchObject({
      target: 'inventory',
      envelope: { data: { correlationId: orderId } },
    })
    const ids = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReserveStock')
    expect(new Set(ids.map(({ envelope }) => envelope.id)).size).toBe(2)
  })

  it('has the undo sent again at once, which counts, and is recorded with who and why', async () => {
    const { shop, orderId } = await placed()
    await shop.hear(...replies.reserved(orderId))
    await shop.hear(...replies.declined(orderId))
    for (let attempt = 1; attempt < 5; attempt++) {
      expect(await waits(shop, orderId)).toMatchObject({
        stuck: false,
        waitsFor: [{ step: 'compensate reserve-stock', attempt }],
      })
      await retry(shop, orderId, attempt)
    }
    expect(await waits(shop, orderId)).toMatchObject({ status: 'rejected', stuck: true, waitsFor: [{ attempt: 5 }] })
    expect(shop.sentTypes().filter((type) => type === 'ReleaseStock')).toHaveLength(5)
    const { events } = await shop.platform.streams.read(orderId)
    expect(events.findLast(({ type }) => type === 'checkout.retried')).toMatchObject({
      data: { reason, by: 'staff:jo' },
      sequence: 0,
    })
    expect(shop.platform.logs.at(-1)).toMatchObject({
      severity: 'NOTICE',
      event: 'saga.retried',
      fields: { correlationId: orderId, actor: 'staff:jo', reason },
    })
    await shop.hear(...replies.released(orderId))
    expect(await waits(shop, orderId)).toEqual({ orderId, status: 'rejected', stuck: false, waitsFor: [] })
  })

  it('has whoever is missing after the pivot repeat what it said', async () => {
    const { shop, orderId } = await confirmed()
    await retry(shop, orderId)
    const asked = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepeatEvents')
    expect(asked.map(({ target }) => target)).toEqual(['orders', 'shipping'])
    expect(shop.publishedTypes()).not.toContain('saga.stuck')
    shop.platform.advance(24 * 60 * MINUTE)
    await shop.fireTimers()
    expect(await waits(shop, orderId)).toMatchObject({
      stuck: true,
      waitsFor: [{ step: 'fulfilment: shipping', attempt: 1 }],
    })
  })

  it('does not end the cancellation window', async () => {
    const { shop, orderId } = await confirmed({ windowSeconds: 1_800 })
    await expect(retry(shop, orderId)).rejects.toMatchObject({ code: 'nothing-to-retry' })
    expect(shop.publishedTypes()).not.toContain('order.released')
  })

  it('is refused when nothing is waited for, and twice the same is once', async () => {
    const { shop, orderId } = await placed()
    await retry(shop, orderId)
    await retry(shop, orderId)
    const ids = shop.platform.sent.filter(({ envelope }) => envelope.type === 'ReserveStock')
    expect(new Set(ids.map(({ envelope }) => envelope.id)).size).toBe(2)
    await shop.hear(...replies.rejected(orderId))
    await expect(retry(shop, orderId, 2)).rejects.toMatchObject({ code: 'nothing-to-retry' })
  })
})

describe('a repeated delivery', () => {
  it('decides nothing and says the same with the same ids', async () => {
    const { shop, orderId } = await placed()
    shop.platform.fail('send')
    await expect(shop.hear(...replies.reserved(orderId))).rejects.toBeInstanceOf(Unavailable)
    expect(shop.sentTypes()).toEqual(['ReserveStock'])
    await shop.hear(...replies.reserved(orderId))
    await shop.hear(...replies.reserved(orderId))
    const authorizations = shop.platform.sent.filter(({ envelope }) => envelope.type === 'AuthorizePayment')
    expect(authorizations).toHaveLength(2)
    expect(authorizations[0]).toEqual(authorizations[1])
    expect(shop.platform.billed.writes).toBe(3)
  })

  it('of an answer that overtook the order waits for it', async () => {
    const shop = await openShop()
    await expect(shop.hear(...replies.reserved('o-unknown'))).rejects.toBeInstanceOf(Unavailable)
    expect(shop.platform.streamIds()).toEqual([])
  })

  it('of two answers at once loses neither', async () => {
    const { shop, orderId } = await confirmed()
    await Promise.all([
      shop.hear(...replies.dispatched(orderId)),
      shop.hear(...replies.captured(orderId)),
      shop.hear(...replies.committed(orderId)),
    ])
    expect(shop.publishedTypes().at(-1)).toBe('order.completed')
  })
})
