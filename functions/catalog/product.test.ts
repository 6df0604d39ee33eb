import { describe, expect, it } from 'vitest'
import { Refused } from '../../shared/errors.ts'
import type { RecordedEvent } from '../../shared/platform.ts'
import { type CatalogCommand, decide, priceAt, productOf } from './product.ts'

const nowMs = Date.parse('2026-01-10T00:00:00.000Z')
const publish: CatalogCommand = {
  type: 'PublishProduct',
  data: { sku: 'TEA-001', name: 'Darjeeling', unitMinor: 1190, currency: 'EUR' },
}
const change = (unitMinor: number, validFrom?: string): CatalogCommand => ({
  type: 'ChangePrice',
  data: { sku: 'TEA-001', unitMinor, currency: 'EUR', ...(validFrom === undefined ? {} : { validFrom }) },
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
    expect: (...outcome: unknown[]) => expect(decide(command, productOf(events), nowMs)).toEqual(outcome),
  }),
})

describe('a product', () => {
  it('is published with its price', () =>
    given()
      .when(publish)
      .expect(
        { type: 'product.published', data: { sku: 'TEA-001', name: 'Darjeeling' } },
        { type: 'price.changed', data: { sku: 'TEA-001', unitMinor: 1190, currency: 'EUR' } },
      ))

  it('is published once, however often it is asked for', () => given(published, priced).when(publish).expect())

  it('changes only what differs when it is published again', () =>
    given(published, priced)
      .when({ type: 'PublishProduct', data: { ...publish.data, name: 'Darjeeling First Flush' } })
      .expect({ type: 'product.published', data: { sku: 'TEA-001', name: 'Darjeeling First Flush' } }))

  it('refuses a price for what was never published', () =>
    expect(() => decide(change(1), productOf([]), nowMs)).toThrow(Refused))

  it('does not change a price to what it is', () => given(published, priced).when(change(1190)).expect())

  it('takes a price for later, once', () => {
    const later = change(1290, '2026-02-01T00:00:00.000Z')
    given(published, priced).when(later).expect({ type: 'price.changed', data: later.data })
    given(published, priced, recorded('price.changed', later.data, 'c'))
      .when(later)
      .expect()
  })
})

describe('the price at a moment', () => {
  const at = (time: string, ...events: RecordedEvent[]) => priceAt(productOf(events), Date.parse(time))?.unitMinor
  const later = recorded(
    'price.changed',
    { sku: 'TEA-001', unitMinor: 1290, currency: 'EUR', validFrom: '2026-02-01T00:00:00.000Z' },
    'c',
  )

  it('is the newest that has begun', () => {
    expect(at('2026-01-31T23:59:59.999Z', published, priced, later)).toBe(1190)
    expect(at('2026-02-01T00:00:00.000Z', published, priced, later)).toBe(1290)
    expect(at('2025-12-31T00:00:00.000Z', published, priced)).toBeUndefined()
  })

  it('is the same whatever order two of the same moment came in', () => {
    const low = recorded('price.changed', { sku: 'TEA-001', unitMinor: 1, currency: 'EUR' }, 'x')
    const high = recorded('price.changed', { sku: 'TEA-001', unitMinor: 2, currency: 'EUR' }, 'y')
    expect(at('2026-01-02T00:00:00.000Z', low, high)).toBe(2)
    expect(at('2026-01-02T00:00:00.000Z', high, low)).toBe(2)
  })
})
