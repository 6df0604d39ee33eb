import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refused } from '../../shared/base/errors.ts'
import type { RecordedEvent } from '../../shared/service/platform.ts'
import { MAX_ANNOUNCED_PRICES, type Price, priceAt, pricesAt, withPrice } from './contracts.ts'
import { type CatalogCommand, decide, productOf } from './product.ts'

const nowMs = Date.parse('2026-01-10T00:00:00.000Z')
const publish: CatalogCommand = {
  type: 'PublishProduct',
  data: { sku: 'TEA-001', name: 'Darjeeling', unitMinor: 1190, currency: 'EUR' },
}
const change = (unitMinor: number, validFrom?: string, currency = 'EUR'): CatalogCommand => ({
  type: 'ChangePrice',
  data: { sku: 'TEA-001', unitMinor, currency, ...(validFrom === undefined ? {} : { validFrom }) },
})

const recorded = (type: string, data: unknown, id: string, time = '2026-01-01T00:00:00.000Z'): RecordedEvent => ({
  id,
  type,
  data,
  time,
  sequence: 1,
  cause: id,
})
const published = recorded('product.published', { sku: 'TEA-001', name: 'Darjeeling' }, 'a')
const priced = recorded('price.changed', { sku: 'TEA-001', unitMinor: 1190, currency: 'EUR' }, 'b')
const given = (...events: RecordedEvent[]) => ({
  when: (command: CatalogCommand) => ({
    expect: (...outcome: unknown[]) => expect(decide(command, productOf(events, nowMs), nowMs).events).toEqual(outcome),
  }),
})

describe('a product', () => {
  it('is published with its price', () =>
    given()
      .when(publish)
      .expect(
        { type: 'product.published', data: { sku: 'TEA-001', name: 'Darjeeling' } },
        {
          type: 'price.changed',
          data: { sku: 'TEA-001', unitMinor: 1190, currency: 'EUR', validFrom: '2026-01-10T00:00:00.000Z' },
        },
      ))

  it('is published once when the command is repeated', () => given(published, priced).when(publish).expect())

  it('publishes only the difference when it is published again', () =>
    given(published, priced)
      .when({ type: 'PublishProduct', data: { ...publish.data, name: 'Darjeeling First Flush' } })
      .expect({ type: 'product.published', data: { sku: 'TEA-001', name: 'Darjeeling First Flush' } }))

  it('refuses a price for an unknown SKU', () =>
    expect(() => decide(change(1), productOf([], nowMs), nowMs)).toThrow(Refused))

  it('publishes nothing for an unchanged price', () => given(published, priced).when(change(1190)).expect())

  it('accepts a future price once, in any notation of its time', () => {
    const later = change(1290, '2026-02-01T00:00:00.000Z')
    given(published, priced).when(later).expect({ type: 'price.changed', data: later.data })
    for (const same of ['2026-02-01T00:00:00.000Z', '2026-02-01T00:00:00Z', '2026-02-01T01:00:00+01:00'])
      given(published, priced, recorded('price.changed', later.data, 'c'))
        .when(change(1290, same))
        .expect()
  })

  it('charges the price that was announced last for the same time', () => {
    const from = '2026-02-01T00:00:00.000Z'
    const first = recorded('price.changed', change(1290, from).data, 'z', '2026-01-02T00:00:00.000Z')
    const second = recorded('price.changed', change(1390, from).data, 'a', '2026-01-03T00:00:00.000Z')
    const { prices } = productOf([published, priced, first, second], nowMs)
    expect(priceAt(prices, 'EUR', Date.parse(from))?.unitMinor).toBe(1390)
    given(published, priced, first, second)
      .when(change(1290, from))
      .expect({ type: 'price.changed', data: change(1290, from).data })
  })

  it('refuses a price that can never hold, since a newer one has begun', () => {
    const product = productOf([published, priced], nowMs)
    expect(() => decide(change(1000, '2025-06-01T00:00:00.000Z'), product, nowMs)).toThrow(
      expect.objectContaining({
        name: 'Refused',
        code: 'price-replaced',
        message: expect.stringContaining('2026-01-01T00:00:00.000Z'),
      }),
    )
    // It is known: nothing is asked for.
    given(published, priced).when(change(1190, '2026-01-01T00:00:00.000Z')).expect()
  })

  it('takes a price from a past time on, if none has begun since', () =>
    given(published, priced)
      .when(change(1000, '2026-01-05T00:00:00.000Z'))
      .expect({ type: 'price.changed', data: change(1000, '2026-01-05T00:00:00.000Z').data }))

  it('gets a price in another currency beside its own, which stays', () => {
    const from = '2026-01-05T00:00:00.000Z'
    given(published, priced)
      .when(change(1390, from, 'USD'))
      .expect({ type: 'price.changed', data: change(1390, from, 'USD').data })
    const { prices } = productOf(
      [published, priced, recorded('price.changed', change(1390, from, 'USD').data, 'c')],
      nowMs,
    )
    expect(pricesAt(prices, nowMs).map(({ unitMinor, currency }) => [unitMinor, currency])).toEqual([
      [1390, 'USD'],
      [1190, 'EUR'],
    ])
  })

  it('is not repriced in a currency by the same amount in another one', () => {
    const usd = recorded('price.changed', change(1390, undefined, 'USD').data, 'c')
    given(published, priced, usd).when(change(1190)).expect()
    given(published, priced, usd)
      .when(change(1390, undefined, 'USD'))
      .expect()
  })

  it('gets a tax class with its prices, and keeps it when it is published without one', () => {
    const later = '2026-02-01T00:00:00.000Z'
    const now = new Date(nowMs).toISOString()
    const before = [
      published,
      priced,
      recorded('price.changed', change(1390, undefined, 'USD').data, 'c'),
      recorded('price.changed', change(1490, later, 'USD').data, 'd'),
    ]
    const taxClass = 'reduced'
    // The class and a lower price at once: it is announced once, and holds.
    const command: CatalogCommand = { type: 'PublishProduct', data: { ...publish.data, unitMinor: 990, taxClass } }
    const changed = (data: object) => ({ type: 'price.changed', data: { sku: 'TEA-001', ...data, taxClass } })
    const decided = decide(command, productOf(before, nowMs), nowMs)
    expect(decided.events).toEqual([
      { type: 'product.published', data: { sku: 'TEA-001', name: 'Darjeeling', taxClass } },
      changed({ unitMinor: 1390, currency: 'USD', validFrom: now }),
      changed({ unitMinor: 1490, currency: 'USD', validFrom: later }),
      changed({ unitMinor: 990, currency: 'EUR', validFrom: now }),
    ])
    const { product } = decided
    expect(pricesAt(product.prices, nowMs).map(({ unitMinor }) => unitMinor)).toEqual([1390, 990])
    expect(decide(command, product, nowMs).events).toEqual([])
    const renamed: CatalogCommand = { type: 'PublishProduct', data: { ...publish.data, unitMinor: 990, name: 'New' } }
    expect(decide(renamed, product, nowMs).events).toEqual([
      { type: 'product.published', data: { sku: 'TEA-001', name: 'New', taxClass } },
    ])
    expect(decide(change(1000), product, nowMs).events).toMatchObject([{ data: { unitMinor: 1000, taxClass } }])
  })

  it('may be free', () =>
    given(published, priced)
      .when(change(0))
      .expect({ type: 'price.changed', data: { ...change(0).data, validFrom: new Date(nowMs).toISOString() } }))

  it('refuses announced prices beyond its limit, and accepts another when one has become valid', () => {
    const day = (index: number): string => new Date(nowMs + (index + 1) * 86_400_000).toISOString()
    const announced = Array.from({ length: MAX_ANNOUNCED_PRICES }, (_, index) =>
      recorded('price.changed', change(2000 + index, day(index)).data, `d-${index}`),
    )
    const product = productOf([published, priced, ...announced], nowMs)
    const further = change(3000, day(MAX_ANNOUNCED_PRICES))
    expect(() => decide(further, product, nowMs)).toThrow(Refused)
    expect(decide(further, product, nowMs + 86_400_000).events).toHaveLength(1)
    // The limit is that of each currency.
    expect(decide(change(3000, day(MAX_ANNOUNCED_PRICES), 'USD'), product, nowMs).events).toHaveLength(1)
  })
})

describe('the price at a time', () => {
  const at = (time: string, ...events: RecordedEvent[]) =>
    priceAt(productOf(events, Date.parse(time)).prices, 'EUR', Date.parse(time))?.unitMinor
  const later = recorded(
    'price.changed',
    { sku: 'TEA-001', unitMinor: 1290, currency: 'EUR', validFrom: '2026-02-01T00:00:00.000Z' },
    'c',
  )

  it('is the newest price that is valid', () => {
    expect(at('2026-01-31T23:59:59.999Z', published, priced, later)).toBe(1190)
    expect(at('2026-02-01T00:00:00.000Z', published, priced, later)).toBe(1290)
    expect(at('2025-12-31T00:00:00.000Z', published, priced)).toBeUndefined()
  })
})

describe('a list of prices', () => {
  const price = fc.record({
    unitMinor: fc.integer({ min: 1, max: 5 }),
    currency: fc.constantFrom('EUR', 'USD'),
    // Few times, in several notations, so that they coincide.
    validFrom: fc
      .tuple(fc.integer({ min: 1, max: 28 }), fc.constantFrom('T00:00:00Z', 'T00:00:00.000Z', 'T01:00:00+01:00'))
      .map(([day, time]) => `2026-01-${String(day).padStart(2, '0')}${time}`),
    announcedAt: fc.integer({ min: 0, max: 9 }).map((second) => `2026-01-01T00:00:0${second}.000Z`),
  })
  const listOf = (prices: readonly Price[]): readonly Price[] =>
    prices.reduce<readonly Price[]>((list, one) => withPrice(list, one, nowMs) ?? list, [])

  it('gives the same future prices as the full history, in any order of arrival and with duplicates', () => {
    const days = Array.from({ length: 30 }, (_, index) => nowMs + index * 86_400_000)
    const pricesByDay = (prices: readonly Price[]) =>
      days.map((day) => ['EUR', 'USD'].map((currency) => priceAt(prices, currency, day)?.unitMinor))
    fc.assert(
      fc.property(
        fc
          .array(price, { maxLength: 60 })
          .chain((prices) =>
            fc.tuple(
              fc.constant(prices),
              fc.shuffledSubarray([...prices, ...prices], { minLength: prices.length * 2 }),
            ),
          ),
        ([prices, again]) => {
          expect(pricesByDay(listOf(prices))).toEqual(pricesByDay(prices))
          expect(pricesByDay(listOf(again))).toEqual(pricesByDay(prices))
        },
      ),
    )
  })

  it('has in each currency what it would have if that currency were the only one', () =>
    fc.assert(
      fc.property(fc.array(price, { maxLength: 60 }), (prices) => {
        for (const one of ['EUR', 'USD']) {
          const only = ({ currency }: Price): boolean => currency === one
          expect(listOf(prices).filter(only)).toEqual(listOf(prices.filter(only)))
        }
      }),
    ))

  it('keeps no replaced price', () =>
    fc.assert(
      fc.property(fc.array(price, { maxLength: 60 }), (prices) => {
        const begun = listOf(prices).filter(({ validFrom }) => Date.parse(validFrom) <= nowMs)
        expect(new Set(begun.map(({ currency }) => currency)).size).toBe(begun.length)
      }),
    ))
})
