import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Call } from '../../shared/messaging/query.ts'
import { freshId } from '../../shared/base/ids.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import type { Commit } from '../../shared/messaging/stream-store.ts'
import { startOfTests, testTrace } from '../../shared/runtime/platform.testing.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { vaultOf } from '../customers/contracts.ts'
import { MAX_ANNOUNCED_PRICES } from '../catalog/contracts.ts'
import { app } from './app.ts'
import { ordersContracts } from './contracts.ts'
import { openShop, orderBody, replies, type Shop } from './shop.testing.ts'

/** The body of the answer, with the HTTP status in place of the order's. */
const answerOf = async (response: Response) => ({
  ...((await response.json()) as { orderId: string; code: string; detail: string; totalMinor: number }),
  status: response.status,
})
/** The catalog's answer, as it was when a product had one price. */
const soldInEuro = { sku: 'TEA-001', name: 'Darjeeling', unitMinor: 1190, currency: 'EUR', validFrom: startOfTests }
const lines = (...some: object[]) => ({ lines: some })
const importer = { importer: true }

/** Asserts that a refused order has left no stream, message or event. */
function expectNothing({ platform }: Shop): void {
  expect({ streams: platform.streamIds(), published: platform.published, sent: platform.sent }).toEqual({
    streams: [],
    published: [],
    sent: [],
  })
}

describe('placing an order', () => {
  it('takes the price from the replica and publishes order.placed', async () => {
    const shop = await openShop()
    const answer = await answerOf(await shop.place({ expectedTotalMinor: 2380 }))
    expect(answer).toMatchObject({ status: 201, customerRef: 'customer-1', currency: 'EUR', totalMinor: 2380 })
    expect(answer.orderId).toMatch(/^o-[0-9a-z]{26}$/)
    expect(shop.platform.published).toHaveLength(1)
    expect(shop.platform.published[0]).toMatchObject({
      type: 'order.placed',
      subject: answer.orderId,
      correlationId: answer.orderId,
      sequence: 1,
      actor: 'customer:customer-1',
      data: { lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2, unitMinor: 1190 }], totalMinor: 2380 },
    })
  })

  it('first sends a timer without a task name, due after the longest possible request', async () => {
    const shop = await openShop()
    await shop.place()
    const [timer] = shop.platform.sent
    expect(timer).toMatchObject({ unnamed: true, target: 'orders', envelope: { type: 'ContinueCheckout' } })
    expect(timer!.notBeforeMs! - shop.platform.now()).toBeGreaterThan(60_000)
  })

  it('reads all prices at once and its customer’s bounds, no stream, and writes stream and bounds in one commit', async () => {
    const shop = await openShop()
    await shop.place(lines({ sku: 'TEA-001', quantity: 1 }, { sku: 'TEA-001', quantity: 2 }))
    expect(shop.platform.billed).toEqual({ reads: 2, writes: 2 })
  })

  it('returns the same answer and ids for the same key and body', async () => {
    const shop = await openShop()
    const first = await answerOf(await shop.place())
    const again = await answerOf(await shop.place())
    expect(again).toEqual({ ...first, status: 200 })
    expect(new Set(shop.platform.published.map(({ id }) => id)).size).toBe(1)
    expect(shop.platform.streamIds()).toHaveLength(1)
  })

  it('keeps its id, and is the same order under a hash that was recorded by the former rule', async () => {
    const kept = memory()
    const { orderId } = await answerOf(await (await openShop()).place())
    expect(orderId).toBe('o-6p18t3q5m4gbwncr8gxmegvqed')
    const placed = (requestHash: string): Commit => ({
      cause: freshId(0),
      time: startOfTests,
      correlationId: orderId,
      actor: 'customer:customer-1',
      traceparent: testTrace,
      events: [
        {
          id: freshId(0),
          type: 'order.placed',
          version: 2,
          sequence: 1,
          data: { ...ordersContracts.events['order.placed'].example, orderId, requestHash },
        },
      ],
      commands: [],
    })
    // Frozen: the hash of the fields in the order of their schema.
    await kept.store.append(
      await kept.store.load(orderId),
      placed('08cbf21e0f11de48399398688f1ec2a379751a483c06fa0007365694b55d6892'),
    )
    const shop = await openShop({ kept })
    expect(await answerOf(await shop.place())).toMatchObject({ status: 200, orderId })
    expect(await answerOf(await shop.place({ currency: 'GBP' }))).toMatchObject({ status: 409 })
  })

  it.each([
    ['at another price than expected', {}],
    ['with a reference that is unknown by now', { customers: async () => Response.json({ unknown: ['addressRef'] }) }],
    ['beyond the bounds of its customer', { bounds: { ordersPerHour: 1 } }],
  ] as const)('returns its order to a request that another instance would refuse: %s', async (_name, changed) => {
    const kept = memory()
    const request = { expectedTotalMinor: 2380 }
    const first = await answerOf(await (await openShop({ kept })).place(request))
    const shop = await openShop({ kept, ...changed })
    await shop.deliver('price.changed', { sku: 'TEA-001', unitMinor: 1500, currency: 'EUR' }, { subject: 'TEA-001' })
    expect(await answerOf(await shop.place(request))).toEqual({ ...first, status: 200 })
    expect(await answerOf(await shop.place(lines({ sku: 'TEA-001', quantity: 3 })))).toMatchObject({ status: 409 })
    expect(kept.streams().size).toBe(1)
  })

  it('publishes nothing again for a request at another instance whose order was answered', async () => {
    const kept = memory()
    const first = await openShop({ kept })
    const { orderId } = await answerOf(await first.place())
    await first.deliver(...replies.reserved(orderId))
    const shop = await openShop({ kept })
    for (const _ of ['first', 'second', 'third']) expect((await shop.place()).status).toBe(200)
    expect([shop.publishedTypes(), shop.sentTypes()]).toEqual([[], []])
    // The instance then keeps the stream, and takes it for new no more.
    expect(shop.platform.sent.map(({ envelope }) => envelope.type)).toEqual(['ContinueCheckout'])
  })

  it('places another order for another customer with the same key', async () => {
    const shop = await openShop()
    const [mine, theirs] = [
      await answerOf(await shop.place()),
      await answerOf(await shop.place({}, { sub: 'customer-2' })),
    ]
    expect(mine.orderId).not.toBe(theirs.orderId)
  })

  it('refuses a used key with another body, and changes nothing', async () => {
    const shop = await openShop()
    await shop.place()
    const before = shop.platform.billed.writes
    const answer = await answerOf(await shop.place(lines({ sku: 'TEA-001', quantity: 3 })))
    expect(answer).toMatchObject({ status: 409, code: 'idempotency-key-reused' })
    expect(shop.platform.billed.writes).toBe(before)
    expect(shop.publishedTypes()).toEqual(['order.placed'])
  })

  it('refuses one of two concurrent bodies with one key', async () => {
    const shop = await openShop()
    const answers = await Promise.all([shop.place(), shop.place(lines({ sku: 'TEA-001', quantity: 3 }))])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
    expect(shop.publishedTypes().every((type) => type === 'order.placed')).toBe(true)
    expect(new Set(shop.platform.published.map(({ id }) => id)).size).toBe(1)
  })

  it('treats bodies with another order of fields as equal', async () => {
    const shop = await openShop()
    const { currency, ...rest } = orderBody
    await shop.place()
    expect((await shop.place({ ...rest, currency })).status).toBe(200)
  })

  it('answers 404 for another order id', async () => {
    const shop = await openShop()
    expect(await shop.read('o-unknown')).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })
})

describe('an invalid order', () => {
  it.each([
    ['quantity zero', lines({ sku: 'TEA-001', quantity: 0 }), 'lines.0.quantity'],
    ['a negative quantity', lines({ sku: 'TEA-001', quantity: -1 }), 'lines.0.quantity'],
    ['half a piece', lines({ sku: 'TEA-001', quantity: 1.5 }), 'lines.0.quantity'],
    ['a huge quantity', lines({ sku: 'TEA-001', quantity: 1e15 }), 'lines.0.quantity'],
    ['no lines', lines(), 'lines'],
    ['1,001 lines', { lines: Array.from({ length: 1_001 }, () => ({ sku: 'TEA-001', quantity: 1 })) }, 'lines'],
    ['an unknown field', { discount: 100 }, 'discount'],
    ['an unknown field of a line', lines({ sku: 'TEA-001', quantity: 1, status: 'paid' }), 'status'],
    ['a status', { status: 'completed' }, 'status'],
    ['an invalid currency', { currency: 'eur' }, 'currency'],
    ['a SKU with a slash', lines({ sku: '../prices', quantity: 1 }), 'lines.0.sku'],
  ])('%s is refused with the path of the fault', async (_name, change, place) => {
    const shop = await openShop()
    const answer = await answerOf(await shop.place(change))
    expect(answer).toMatchObject({ status: 400, code: 'request-invalid' })
    expect(answer.detail).toContain(place)
    expectNothing(shop)
  })

  it.each([
    ['at another price than expected', { expectedTotalMinor: 2000 }, {}, 409, 'price-changed'],
    ['with a price by a customer', lines({ sku: 'TEA-001', quantity: 1, unitMinor: 1 }), {}, 403, 'forbidden'],
    ['dated back by a customer', { placedAt: '2010-12-01T08:26:00.000Z' }, {}, 403, 'forbidden'],
    ['for another customer by a customer', { customerRef: 'customer-2' }, {}, 403, 'forbidden'],
    [
      'beyond the largest amount of money',
      lines({ sku: 'TEA-001', quantity: 100_000, unitMinor: 1_000_000_000 }),
      importer,
      422,
      'invalid-body',
    ],
  ])('%s is refused', async (_name, change, entry, status, code) => {
    const shop = await openShop()
    expect(await answerOf(await shop.place(change, entry))).toMatchObject({ status, code })
    expectNothing(shop)
  })
})

describe('an import', () => {
  it('may set price, time and customer', async () => {
    const shop = await openShop()
    const placedAt = '2010-12-01T08:26:00.000Z'
    const answer = await answerOf(
      await shop.place(
        { ...lines({ sku: 'TEA-001', quantity: 6, unitMinor: 255 }), placedAt, customerRef: '17850' },
        importer,
      ),
    )
    expect(answer).toMatchObject({ status: 201, totalMinor: 1530, customerRef: '17850', placedAt })
    // The envelope's time is never dated back.
    expect(shop.platform.published[0]!.time).toBe(new Date(shop.platform.now()).toISOString())
  })
})

describe('a SKU that the replica lacks', () => {
  const withoutPrice = lines({ sku: 'TEA-NEW', quantity: 1 })
  const catalog =
    (answer: () => Response): Call =>
    async () =>
      answer()

  it('is queried from the catalog', async () => {
    const shop = await openShop({
      call: catalog(() =>
        Response.json({ sku: 'TEA-NEW', name: 'New', unitMinor: 500, currency: 'EUR', validFrom: startOfTests }),
      ),
    })
    expect(await answerOf(await shop.place(withoutPrice))).toMatchObject({ status: 201, totalMinor: 500 })
    expect(shop.platform.calls).toContainEqual({ service: 'catalog', path: '/products/TEA-NEW' })
  })

  it('is refused when the catalog does not know it', async () => {
    const shop = await openShop({
      call: catalog(() => Response.json({ code: 'not-found', detail: 'no' }, { status: 404 })),
    })
    expect(await answerOf(await shop.place(withoutPrice))).toMatchObject({ status: 422, code: 'unknown-sku' })
    expectNothing(shop)
  })

  it('is answered 503 when the catalog does not answer', async () => {
    const shop = await openShop()
    const response = await shop.place(withoutPrice)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await answerOf(response)).toMatchObject({ status: 503, code: 'unavailable' })
    expectNothing(shop)
  })
})

describe('what is charged besides the goods', () => {
  const charges = {
    taxBasisPoints: { standard: 1_900, reduced: 700 },
    shipping: { EUR: { feeMinor: 490, freeFromMinor: 5_000 } },
    discountBasisPoints: { 'WELCOME-10': 1_000 },
  }
  const taxed = message(
    'price.changed',
    { sku: 'TEA-002', unitMinor: 1_000, currency: 'EUR', taxClass: 'standard' },
    { subject: 'TEA-002', version: 2 },
  )

  it('is in the total, in the lines of the order and of its payment, and in the answer', async () => {
    const shop = await openShop({ charges })
    await deliver(app, shop.platform, taxed)
    const order = { ...lines({ sku: 'TEA-002', quantity: 3 }), discountCode: 'WELCOME-10', expectedTotalMinor: 3_703 }
    const answer = await answerOf(await shop.place(order))
    const charged = [
      {
        lineId: '1',
        sku: 'TEA-002',
        quantity: 3,
        unitMinor: 1_000,
        taxes: [{ taxClass: 'standard', basisPoints: 1_900, amountMinor: 513 }],
        adjustments: [{ code: 'WELCOME-10', amountMinor: 300 }],
      },
    ]
    const sums = { shippingMinor: 490, taxMinor: 513, discountMinor: 300, totalMinor: 3_703 }
    expect(answer).toMatchObject({ status: 201, lines: charged, ...sums })
    expect(shop.platform.published[0]).toMatchObject({ version: 2, data: { lines: charged, ...sums } })
    await shop.deliver(...replies.reserved(answer.orderId))
    expect(shop.platform.sent.at(-1)!.envelope).toMatchObject({
      type: 'AuthorizePayment',
      data: { lines: charged, shippingMinor: 490, totalMinor: 3_703 },
    })
  })

  it('is part of the total that the customer expects', async () => {
    const shop = await openShop({ charges })
    const answer = await answerOf(await shop.place({ expectedTotalMinor: 2_380 }))
    expect(answer).toMatchObject({ code: 'price-changed', detail: expect.stringContaining('is 2870 minor units') })
  })

  it('is known by the code of its discount alone: another one is refused with the nearest', async () => {
    const shop = await openShop({ charges })
    expect(await answerOf(await shop.place({ discountCode: 'WELCOME-1O' }))).toMatchObject({
      status: 422,
      code: 'unknown-discount',
      detail: expect.stringContaining('Did you mean WELCOME-10?'),
    })
    expectNothing(shop)
  })

  it('is not charged for what an importer sold elsewhere', async () => {
    const shop = await openShop({ charges })
    const answer = await answerOf(await shop.place(lines({ sku: 'TEA-001', quantity: 1, unitMinor: 255 }), importer))
    expect(answer).toMatchObject({ totalMinor: 255, shippingMinor: 0 })
  })
})

describe('an order in another currency', () => {
  const inDollars = { unitMinor: 1390, currency: 'USD' }
  const euro = { unitMinor: 1190, currency: 'EUR', validFrom: startOfTests }
  const priceInDollars = message('price.changed', { sku: 'TEA-001', ...inDollars }, { subject: 'TEA-001', key: 'usd' })

  it('has the price of its currency, and one in the former currency keeps its own', async () => {
    const shop = await openShop()
    await deliver(app, shop.platform, priceInDollars)
    expect(await answerOf(await shop.place({ currency: 'USD' }))).toMatchObject({ totalMinor: 2780, currency: 'USD' })
    expect(await answerOf(await shop.place({}, { idempotencyKey: 'key-2' }))).toMatchObject({ totalMinor: 2380 })
    expect(shop.platform.calls.filter(({ service }) => service === 'catalog')).toEqual([])
  })

  it('is priced by the catalog while the replica lacks that price', async () => {
    const prices = [{ ...inDollars, validFrom: startOfTests }, euro]
    const shop = await openShop({ call: async () => Response.json({ ...soldInEuro, ...prices[0], prices }) })
    expect(await answerOf(await shop.place({ currency: 'USD' }))).toMatchObject({ totalMinor: 2780 })
  })

  it.each([
    ['that it had before', soldInEuro, 'sold in EUR, the order is in GBP'],
    [
      'of each of its prices',
      { ...soldInEuro, prices: [{ ...inDollars, validFrom: startOfTests }, euro] },
      'sold in USD and EUR, the order is in GBP',
    ],
  ])('is refused by a catalog that names the currency %s', async (_name, answer, detail) => {
    const shop = await openShop({ call: async () => Response.json(answer) })
    expect(await answerOf(await shop.place({ currency: 'GBP' }))).toMatchObject({
      status: 422,
      code: 'currency-mismatch',
      detail: expect.stringContaining(detail),
    })
    expectNothing(shop)
  })
})

describe('references', () => {
  const unknown =
    (...fields: string[]): Call =>
    async () =>
      Response.json({ unknown: fields })

  it("are checked in the vault of the caller, or of an import's customer", async () => {
    const shop = await openShop()
    await shop.place()
    await shop.place({ customerRef: '17850' }, { ...importer, idempotencyKey: 'key-2' })
    const lookup = (customerRef: string) => ({
      service: 'customers',
      path: `/references/${vaultOf(customerRef)}?addressRef=address-1&paymentMethodRef=card-ok`,
    })
    expect(shop.platform.calls).toEqual([lookup('customer-1'), lookup('17850')])
  })

  it.each([
    [['addressRef'], /^addressRef: [^:]*$/],
    [['paymentMethodRef'], /^paymentMethodRef: [^:]*$/],
    [['addressRef', 'paymentMethodRef'], /^addressRef: .* paymentMethodRef: /],
  ])('%j of another customer are refused by name, and nothing is placed', async (fields, detail) => {
    const shop = await openShop({ customers: unknown(...fields) })
    expect(await answerOf(await shop.place())).toMatchObject({
      status: 422,
      code: 'unknown-reference',
      detail: expect.stringMatching(detail),
    })
    expectNothing(shop)
  })

  it.each<[string, Call]>([
    ['does not answer', () => Promise.reject(new Unavailable('customers is away.'))],
    ['answers 403', async () => Response.json({}, { status: 403 })],
    ['answers without a list', async () => Response.json({ unknown: 'no' })],
  ])('are not accepted unchecked when the vault %s', async (_, customers) => {
    const shop = await openShop({ customers })
    expect((await shop.place()).status).toBeGreaterThanOrEqual(500)
    expectNothing(shop)
  })

  it('are not checked again for an existing order', async () => {
    const answers = [unknown(), unknown('addressRef')]
    const shop = await openShop({ customers: (...lookup) => answers.shift()!(...lookup) })
    expect((await shop.place()).status).toBe(201)
    expect((await shop.place()).status).toBe(200)
  })

  it('are reported after a refused price', async () => {
    const shop = await openShop({ customers: unknown('addressRef'), call: async () => Response.json(soldInEuro) })
    expect(await answerOf(await shop.place({ currency: 'GBP' }))).toMatchObject({ code: 'currency-mismatch' })
  })
})

describe('the replica of prices', () => {
  const priceChanged = (unitMinor: number, key: string, more: object = {}) =>
    message(
      'price.changed',
      { sku: 'TEA-001', unitMinor, currency: 'EUR', ...more },
      { subject: 'TEA-001', key, time: '2026-01-01T00:00:00.000Z' },
    )

  it('keeps the newest price, in any order of arrival', async () => {
    const prices = [
      priceChanged(1000, 'a', { validFrom: '2025-01-01T00:00:00Z' }),
      priceChanged(1100, 'b', { validFrom: '2025-06-01T00:00:00+02:00' }),
      priceChanged(1200, 'c', { validFrom: '2025-12-31T23:59:59Z' }),
    ]
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const shop = await openShop()
      // The shop's own price is from 2026-01-01, the newest: these are all older.
      for (const index of order) await deliver(app, shop.platform, prices[index]!)
      expect(await answerOf(await shop.place())).toMatchObject({ totalMinor: 2380 })
    }
  })

  it('accepts a price that a person published by hand', async () => {
    const shop = await openShop()
    await deliver(app, shop.platform, {
      ...priceChanged(1250, 'hand', { validFrom: '2026-01-01T00:00:00.001Z' }),
      source: 'cli',
      sequence: 0,
    })
    shop.platform.advance(1)
    expect(await answerOf(await shop.place())).toMatchObject({ totalMinor: 2500 })
  })

  it('charges each announced price from its day on, in any order of announcement', async () => {
    const shop = await openShop()
    const days = Array.from({ length: MAX_ANNOUNCED_PRICES }, (_, index) => index + 1)
    // The latest first: a price that will be valid must not be dropped.
    for (const day of days.toReversed())
      await deliver(
        app,
        shop.platform,
        priceChanged(1300 + day, `day-${day}`, { validFrom: `2026-01-${String(day + 1).padStart(2, '0')}T00:00:00Z` }),
      )
    for (const day of days) {
      shop.platform.advance(86_400_000)
      const placed = await answerOf(await shop.place({}, { idempotencyKey: `key-${day}` }))
      expect(placed, `day ${day}`).toMatchObject({ totalMinor: 2 * (1300 + day) })
    }
  })

  it('retries an announced price later when it is full, and drops none', async () => {
    const shop = await openShop()
    const announce = (day: number) =>
      deliver(
        app,
        shop.platform,
        priceChanged(1300, `day-${day}`, { validFrom: `2026-02-${String(day).padStart(2, '0')}T00:00:00Z` }),
      )
    for (let day = 1; day <= MAX_ANNOUNCED_PRICES; day++) await announce(day)
    await expect(announce(MAX_ANNOUNCED_PRICES + 1)).rejects.toBeInstanceOf(Unavailable)
    shop.platform.advance(31 * 86_400_000)
    await announce(MAX_ANNOUNCED_PRICES + 1)
  })

  it('does not charge a price before its time', async () => {
    const shop = await openShop()
    await deliver(app, shop.platform, priceChanged(1300, 'later', { validFrom: '2026-02-01T00:00:00Z' }))
    expect(await answerOf(await shop.place())).toMatchObject({ totalMinor: 2380 })
    shop.platform.advance(31 * 24 * 3_600_000)
    expect(await answerOf(await shop.place({}, { idempotencyKey: 'key-2' }))).toMatchObject({ totalMinor: 2600 })
  })
})

/** So many timers fire after they were sent, and before their order is committed. */
function fireEarly({ platform, fireTimers }: Shop, times: number): void {
  const send = platform.send.bind(platform) as (...given: readonly unknown[]) => Promise<void>
  let left = times
  Object.assign(platform, {
    async send(...given: readonly unknown[]) {
      await send(...given)
      if (left-- <= 0) return
      platform.advance(90_000)
      await fireTimers()
    },
  })
}

describe('a request that is lost on the way', () => {
  it('leaves an abandoned stream, in which its late commit fails: the order is placed with another timer', async () => {
    const shop = await openShop()
    fireEarly(shop, 1)
    expect((await shop.place()).status).toBe(201)
    expect(shop.publishedTypes()).toEqual(['order.placed'])
    expect(shop.platform.published[0]!.sequence).toBe(1)
    const due = shop.platform.sent.filter(({ notBeforeMs = 0 }) => notBeforeMs > shop.platform.now())
    expect(due.map(({ envelope }) => envelope.type)).toEqual(['ContinueCheckout'])
  })

  it('never leaves an order without a timer, also when further timers fire as early as the first', async () => {
    const shop = await openShop()
    fireEarly(shop, Infinity)
    expect((await shop.place()).status).toBe(503)
    expect((await shop.place()).status).toBe(503)
    expect(shop.platform.published).toEqual([])
  })

  it('places nothing when its timer can not be sent', async () => {
    const shop = await openShop()
    shop.platform.fail('send')
    expect((await shop.place()).status).toBe(503)
    expect(shop.platform.streamIds()).toEqual([])
  })

  it('is not abandoned when its order was placed', async () => {
    const shop = await openShop()
    const { orderId } = await answerOf(await shop.place())
    await shop.deliver(...replies.reserved(orderId))
    shop.platform.advance(90_000)
    await shop.fireTimers()
    expect((await shop.read(orderId)).body).toMatchObject({ status: 'pending' })
  })

  it('retries a dispatch that arrives before its order', async () => {
    const shop = await openShop()
    await expect(shop.deliver(...replies.dispatched('o-later'))).rejects.toBeInstanceOf(Unavailable)
  })
})
