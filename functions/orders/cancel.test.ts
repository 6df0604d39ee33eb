/** Customers and staff cancel an order at each stage; orders compensates its payment and its stock. */

import { describe, expect, it } from 'vitest'
import { checkSubmitted, deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { app } from './app.ts'
import { cancelDecided, line, openShop, replies, type Shop } from './shop.testing.ts'

const RELEASE_DELAY_SECONDS = 1_800
const HOUR = 3_600_000

interface Order {
  readonly shop: Shop
  readonly orderId: string
}

async function placed(options: Parameters<typeof openShop>[0] = {}): Promise<Order> {
  const shop = await openShop(options)
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  return { shop, orderId }
}

async function after(order: Order, ...events: (keyof typeof replies)[]): Promise<Order> {
  for (const event of events) await order.shop.deliver(...replies[event](order.orderId))
  return order
}

const confirmed = async (): Promise<Order> =>
  after(await placed({ releaseDelaySeconds: RELEASE_DELAY_SECONDS }), 'reserved', 'authorized')

const cancel = ({ shop, orderId }: Order, { by = 'customer', key = 1 } = {}): Promise<void> =>
  shop.deliver('CancelOrder', { orderId, by, reason: 'changed-mind' }, { key, sequence: 0 })

/** Guarded by the version of the order that its customer has seen. */
const cancelIn = ({ shop, orderId }: Order, expectedVersion: number): Promise<void> =>
  shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, { sequence: 0, expectedVersion })

const submitted = ({ shop, orderId }: Order, limitedTo?: string): Promise<void> =>
  checkSubmitted(app, shop.platform, {
    type: 'CancelOrder',
    data: { orderId },
    ...(limitedTo === undefined ? {} : { actor: `customer:${limitedTo}`, limitedTo }),
  })

const statusOf = async ({ shop, orderId }: Order): Promise<unknown> => (await shop.read(orderId)).body['status']

describe('an order whose checkout runs', () => {
  it('is cancelled in the version alone that its customer has seen', async () => {
    const order = await placed()
    const versionOf = async () => Number((await order.shop.read(order.orderId)).body['version'])
    const seen = await versionOf()
    await after(order, 'reserved')
    await expect(cancelIn(order, seen)).rejects.toMatchObject({ code: 'precondition-failed' })
    expect(await statusOf(order)).toBe('pending')
    await cancelIn(order, await versionOf())
    expect(await statusOf(order)).toBe('cancelled')
  })

  it.each([
    ['before the first reply', [], ['ReleaseStock']],
    ['before the payment is answered', ['reserved'], ['VoidPayment', 'ReleaseStock']],
    ['while its customer has to act', ['reserved', 'actionRequired'], ['VoidPayment', 'ReleaseStock']],
  ] as const)('cancelled %s takes back what may have been done', async (_when, events, compensations) => {
    const order = await after(await placed(), ...events)
    const { shop, orderId } = order
    await cancel(order)
    expect(shop.sentTypes().slice(-compensations.length)).toEqual(compensations)
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-customer' })
    expect(shop.platform.published.slice(-2).map(({ type, data }) => ({ type, data }))).toEqual([
      {
        type: 'order.cancel-requested',
        data: expect.objectContaining({ orderId, by: 'customer', reason: 'changed-mind', stage: 'checkout' }) as object,
      },
      {
        type: 'order.cancelled',
        data: { orderId, by: 'customer', reason: 'changed-mind', lines: [line], amountMinor: 2380 },
      },
    ])
  })

  it('is not confirmed by a payment that is authorized afterwards: it is voided again', async () => {
    const order = await after(await placed(), 'reserved')
    await cancel(order)
    await after(order, 'voided', 'authorized')
    expect(await statusOf(order)).toBe('cancelled')
    expect(order.shop.publishedTypes()).not.toContain('order.confirmed')
    expect(order.shop.sentTypes().filter((type) => type === 'VoidPayment')).toHaveLength(2)
  })

  it('counts against its customer if it held stock for an action that was not taken', async () => {
    const bounds = { unpaidOrders: 1, lapsedOrders: 1 }
    const order = await after(await placed({ bounds }), 'reserved', 'actionRequired')
    await cancel(order)
    const next = await order.shop.place({}, { idempotencyKey: 'key-2' })
    expect(await next.json()).toMatchObject({ code: 'too-many-unpaid-orders', bound: 'lapsed-orders' })
  })
})

describe('a confirmed order that is not released', () => {
  it('is never released, and its stock and money are taken back until both are answered', async () => {
    const order = await confirmed()
    const { shop, orderId } = order
    await cancel(order, { by: 'staff' })
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-staff' })
    expect(shop.sentTypes().slice(-2)).toEqual(['VoidPayment', 'ReleaseStock'])
    await after(order, 'voided')
    for (let minute = 0; minute < 10; minute++) {
      shop.platform.advance(60_000)
      await shop.fireTimers()
    }
    expect(new Set(shop.sentTypes().slice(4))).toEqual(new Set(['ReleaseStock']))
    expect(shop.publishedTypes()).toContain('saga.stuck')
    expect((await shop.read(`${orderId}/saga`)).body).toMatchObject({
      status: 'cancelled',
      stuck: true,
      waitsFor: [{ step: 'compensate reserve-stock' }],
    })

    await after(order, 'released')
    expect((await shop.read(`${orderId}/saga`)).body).toMatchObject({ stuck: false, waitsFor: [] })
    const before = shop.sentTypes().length
    for (let hour = 0; hour < 48; hour++) {
      shop.platform.advance(HOUR)
      await shop.fireTimers()
    }
    expect(shop.sentTypes()).toHaveLength(before)
    expect(shop.publishedTypes()).not.toContain('order.released')
  })

  it('cancelled twice, by its customer and by staff, is cancelled once', async () => {
    const order = await confirmed()
    await cancel(order)
    await cancel(order, { by: 'staff', key: 2 })
    await cancel(order)
    const ids = order.shop.platform.published.filter(({ type }) => type === 'order.cancelled').map(({ id }) => id)
    expect(new Set(ids).size).toBe(1)
    expect(order.shop.sentTypes().filter((type) => type === 'VoidPayment')).toHaveLength(2)
    expect((await order.shop.read(order.orderId)).body).toMatchObject({ reason: 'cancelled-by-customer' })
  })
})

describe('a released order', () => {
  const released = async (): Promise<Order> => after(await placed(), 'reserved', 'authorized')
  const cancellationId = message('CancelOrder', {}, { subject: '' }).id
  /** Cancels it, and returns the id of the cancellation. */
  const locked = async (order: Order, key = 1): Promise<string> => {
    await cancel(order, { key })
    const requested = order.shop.platform.published.find(({ type }) => type === 'order.cancel-requested')!
    return (requested.data as { cancellationId: string }).cancellationId
  }
  const decide = ({ shop, orderId }: Order, id: string, cancelled: number): Promise<void> =>
    shop.deliver(...cancelDecided(orderId, id, cancelled), { key: `${id} ${cancelled}` })
  const ends = ({ shop }: Order): string[] =>
    [...new Map(shop.platform.published.map(({ id, type }) => [id, type])).values()].filter((type) =>
      /^order\.(cancel|partly|completed|closed)/.test(type),
    )

  it('is locked until shipping answers, and takes nothing back before', async () => {
    const order = await released()
    const { shop, orderId } = order
    const before = shop.sentTypes().length
    const id = await locked(order)
    await cancel(order, { by: 'staff', key: 2 })
    expect(shop.sentTypes().slice(before)).toEqual(['CancelShipments'])
    expect(shop.platform.sent.at(-1)?.envelope.type).not.toBe('VoidPayment')
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'confirmed', cancelPending: true })
    expect((await shop.read(`${orderId}/saga`)).body).toMatchObject({ waitsFor: [{ step: 'cancellation: shipping' }] })

    await decide(order, id, 2)
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-customer' })
    expect((await shop.read(orderId)).body).not.toHaveProperty('cancelPending')
    expect(shop.sentTypes().slice(before + 1)).toEqual(['VoidPayment', 'ReleaseStock'])
    await after(order, 'voided', 'released')
    expect((await shop.read(`${orderId}/saga`)).body).toMatchObject({ waitsFor: [] })
    expect(ends(order)).toEqual(['order.cancel-requested', 'order.cancelled'])
  })

  it('has the answer of shipping republished until it arrives, and is reported as stuck', async () => {
    const order = await released()
    const { shop } = order
    const id = await locked(order)
    for (let hour = 0; hour < 3; hour++) {
      shop.platform.advance(HOUR)
      await shop.fireTimers()
    }
    const requested = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
    expect(requested.map(({ target }) => target)).toContain('shipping')
    expect(shop.platform.published.find(({ type }) => type === 'saga.stuck')?.data).toMatchObject({
      step: 'cancellation: shipping',
    })
    await decide(order, id, 2)
    expect(await statusOf(order)).toBe('cancelled')
  })

  it.each(['before', 'after'] as const)(
    'of which a part has left shows no refused parcel: that one is cancelled, also if its refusal is reported %s the decision',
    async (when) => {
      const order = await released()
      const { shop, orderId } = order
      const refusal = () =>
        shop.deliver('shipment.failed', {
          orderId,
          shipmentId: 's-2',
          lines: [{ lineId: '1', sku: 'TEA-001', quantity: 1 }],
          code: 'address-unknown',
          stage: 'booking',
          attempt: 1,
        })
      await shop.deliver(...replies.dispatched(orderId, 's-1', 1))
      if (when === 'before') await refusal()
      await decide(order, await locked(order), 1)
      if (when === 'after') await refusal()
      expect((await shop.read(orderId)).body).toMatchObject({
        shipments: [{ shipmentId: 's-1', status: 'dispatched' }],
      })
      const correction = shop.deliver('CorrectAddress', { orderId, addressRef: 'a-2' })
      await expect(correction).rejects.toMatchObject({ code: 'nothing-to-correct' })
    },
  )

  it('of which everything has left goes on, and completes after the refusal only', async () => {
    const order = await released()
    const { shop, orderId } = order
    const id = await locked(order)
    await after(order, 'dispatched', 'captured', 'committed', 'delivered')
    expect(await statusOf(order)).toBe('confirmed')
    const sent = shop.sentTypes().length
    await decide(order, id, 0)
    expect(await statusOf(order)).toBe('completed')
    expect(ends(order)).toEqual(['order.cancel-requested', 'order.cancel-refused', 'order.completed'])
    expect(shop.sentTypes()).toHaveLength(sent)
    expect((await shop.read(orderId)).body).not.toHaveProperty('cancelPending')
  })

  it('ignores the answer to another cancellation', async () => {
    const order = await released()
    await locked(order)
    await decide(order, cancellationId, 2)
    expect(await statusOf(order)).toBe('confirmed')
  })

  describe('that staff closes', () => {
    const close = ({ shop, orderId }: Order): Promise<void> =>
      shop.deliver('CloseOrder', { orderId, reason: 'paid by invoice' }, { actor: 'staff:jo' })
    /** All of it has left, and its capture was refused. */
    const unpaid = async (): Promise<{ order: Order; id: string }> => {
      const order = await released()
      const id = await locked(order)
      await after(order, 'dispatched', 'captureFailed', 'committed')
      return { order, id }
    }

    it('before the answer of shipping is refused, and closed after it', async () => {
      const { order, id } = await unpaid()
      await expect(close(order)).rejects.toMatchObject({ code: 'cancellation-pending', status: 409 })
      expect(order.shop.sentTypes()).not.toContain('VoidPayment')
      await decide(order, id, 0)
      await close(order)
      expect(await statusOf(order)).toBe('closed')
      expect(order.shop.sentTypes()).toContain('VoidPayment')
      expect(ends(order)).toEqual(['order.cancel-requested', 'order.cancel-refused', 'order.closed'])
    })

    it('is closed, and the cancellation that comes after it is refused', async () => {
      const order = await after(await released(), 'dispatched', 'captureFailed', 'committed')
      await close(order)
      await expect(cancel(order)).rejects.toMatchObject({ code: 'already-closed' })
      expect(ends(order)).toEqual(['order.closed', 'order.cancel-refused'])
      expect(order.shop.sentTypes()).not.toContain('CancelShipments')
    })
  })

  describe('of which a part has left', () => {
    const leave = async ({ shop, orderId }: Order): Promise<void> => {
      await shop.deliver(...replies.dispatched(orderId, 's-1', 1))
      await shop.deliver(...replies.captured(orderId))
      await shop.deliver(...replies.committed(orderId, 's-1', 1))
    }

    it('releases and reduces the other part alone', async () => {
      const order = await released()
      const { shop, orderId } = order
      const id = await locked(order)
      const before = shop.platform.sent.length
      await decide(order, id, 1)
      const cancelled = [{ ...line, quantity: 1 }]
      expect(shop.platform.published.at(-1)).toMatchObject({
        type: 'order.partly-cancelled',
        data: { orderId, by: 'customer', reason: 'changed-mind', lines: cancelled, amountMinor: 1190 },
      })
      expect(shop.platform.sent.slice(before).map(({ envelope: { type, data } }) => ({ type, data }))).toMatchObject([
        { type: 'ReduceAuthorization', data: { orderId, cancellationId: id, lines: cancelled } },
        { type: 'ReleaseStock', data: { orderId, lines: cancelled } },
      ])
      expect((await shop.read(orderId)).body).toMatchObject({ status: 'confirmed', cancelledLines: cancelled })
    })

    it('is reminded of the services that have not taken their part back, and can be retried', async () => {
      const order = await released()
      const { shop, orderId } = order
      await decide(order, await locked(order), 1)
      await leave(order)
      await after(order, 'released')
      expect((await shop.read(`${orderId}/saga`)).body).toMatchObject({
        waitsFor: [{ step: 'fulfilment: payments, shipping' }],
      })
      await shop.deliver('RetryCheckout', { orderId, reason: 'payments is back' })
      const requested = shop.platform.sent.filter(({ envelope }) => envelope.type === 'RepublishEvents')
      expect(requested.map(({ target }) => target)).toContain('payments')
    })

    it.each([1, 0])(
      'and has stalled before the answer of shipping, which cancels %s pieces, is reminded anew',
      async (pieces) => {
        const order = await released()
        const { shop } = order
        const id = await locked(order)
        await leave(order)
        for (let day = 0; day < 12; day++) {
          shop.platform.advance(24 * HOUR)
          await shop.fireTimers()
        }
        expect(shop.publishedTypes()).toContain('order.stalled')
        await decide(order, id, pieces)
        const before = shop.platform.sent.length
        shop.platform.advance(24 * HOUR)
        await shop.fireTimers()
        const requested = shop.platform.sent
          .slice(before)
          .filter(({ envelope }) => envelope.type === 'RepublishEvents')
          .map(({ target }) => target)
        expect(requested).toContain(pieces > 0 ? 'payments' : 'shipping')
      },
    )

    it('can not be cancelled again', async () => {
      const order = await released()
      await decide(order, await locked(order), 1)
      await leave(order)
      await expect(submitted(order)).rejects.toMatchObject({ code: 'already-dispatched' })
    })
  })
})

describe('an order that can not be cancelled', () => {
  const dispatched = async (): Promise<Order> => after(await placed(), 'reserved', 'authorized', 'dispatched')
  const ends: readonly [string, () => Promise<Order>][] = [
    ['already-dispatched', dispatched],
    ['already-completed', async () => after(await dispatched(), 'captured', 'committed', 'delivered')],
    [
      'already-closed',
      async () => {
        const order = await after(await dispatched(), 'committed')
        await order.shop.deliver('CloseOrder', { orderId: order.orderId, reason: 'paid by invoice' })
        return order
      },
    ],
    ['already-rejected', async () => after(await placed(), 'rejected')],
    [
      'already-expired',
      async () => {
        const order = await after(await placed(), 'reserved', 'actionRequired')
        order.shop.platform.advance(HOUR)
        await order.shop.fireTimers()
        return after(order, 'undecided')
      },
    ],
  ]

  it.each(ends)('is refused as %s when it is submitted', async (code, reach) => {
    await expect(submitted(await reach())).rejects.toMatchObject({ name: 'Refused', code, status: 409 })
  })

  it.each(ends)('whose request was taken before, is refused as %s by an event', async (code, reach) => {
    const order = await reach()
    const before = await statusOf(order)
    const sent = order.shop.sentTypes().length
    // The caller who waits gets the outcome, also from a redelivery.
    for (let delivery = 0; delivery < 2; delivery++)
      await expect(cancel(order)).rejects.toMatchObject({ name: 'Refused', code, status: 409 })
    expect(await statusOf(order)).toBe(before)
    expect(order.shop.sentTypes()).toHaveLength(sent)
    expect(order.shop.platform.published.at(-1)).toMatchObject({
      type: 'order.cancel-refused',
      data: { orderId: order.orderId, by: 'customer', reason: code, lines: [line] },
    })
  })

  it('that does not exist is refused and leaves nothing', async () => {
    const shop = await openShop()
    const late = deliver(
      app,
      shop.platform,
      message('CancelOrder', { orderId: 'o-typo', by: 'staff', reason: 'other' }),
    )
    await expect(late).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
    await expect(submitted({ shop, orderId: 'o-typo' })).rejects.toMatchObject({ code: 'not-found' })
    expect(shop.platform.streamIds()).toEqual([])
  })

  it('may be submitted by its own customer; another one gets the answer to an unknown order, in each state of it', async () => {
    const order = await confirmed()
    const { customerRef } = (await order.shop.read(order.orderId)).body as { readonly customerRef: string }
    await expect(submitted(order, customerRef)).resolves.toBeUndefined()
    const unknown = await submitted({ ...order, orderId: 'o-typo' }, 'customer-2').catch((error: unknown) => error)
    const refusal = {
      code: 'not-found',
      evidence: { event: 'order-of-another-customer', subject: 'customer:customer-2' },
    }
    await expect(submitted(order, 'customer-2')).rejects.toMatchObject({
      ...refusal,
      message: (unknown as Error).message.replace('o-typo', order.orderId),
    })
    await cancel(order)
    await expect(submitted(order, 'customer-2')).rejects.toMatchObject(refusal)
  })

  it('may be submitted while it can be cancelled, and once it is cancelled', async () => {
    const order = await confirmed()
    await expect(submitted(order)).resolves.toBeUndefined()
    await cancel(order)
    await expect(submitted(order)).resolves.toBeUndefined()
  })
})
