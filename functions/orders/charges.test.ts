import * as fc from 'fast-check'
import { allocate, dinero, toSnapshot } from 'dinero.js'
import { EUR } from 'dinero.js/currencies'
import { describe, expect, it } from 'vitest'
import { amountOfLine } from '../payments/contracts.ts'
import { apportioned, type ChargedLine, costOf } from './charges.ts'
import type { Charges } from './settings.ts'

const charges: Charges = {
  taxBasisPoints: { standard: 1_900, reduced: 700 },
  shipping: { EUR: { feeMinor: 490, freeFromMinor: 5_000 } },
  discountBasisPoints: { 'WELCOME-10': 1_000, GIFT: 10_000 },
}
const line = (lineId: string, unitMinor: number, more: Partial<ChargedLine> = {}): ChargedLine => ({
  lineId,
  sku: `SKU-${lineId}`,
  quantity: 1,
  unitMinor,
  ...more,
})
const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0)

describe('what an order costs', () => {
  it('is the price of its goods where the shop charges nothing else', () => {
    expect(costOf([line('1', 1190, { quantity: 2 })], 'USD', charges, undefined)).toEqual({
      lines: [{ lineId: '1', sku: 'SKU-1', quantity: 2, unitMinor: 1190 }],
      shippingMinor: 0,
      totalMinor: 2380,
    })
  })

  it('has the tax of each class on the price after the discount, and the fee, which is not taxed', () => {
    const lines = [
      line('1', 1_000, { quantity: 2, taxClass: 'standard' }),
      line('2', 500, { taxClass: 'reduced' }),
      line('3', 300, { taxClass: 'exempt' }),
    ]
    expect(costOf(lines, 'EUR', charges, 'WELCOME-10')).toEqual({
      lines: [
        {
          lineId: '1',
          sku: 'SKU-1',
          quantity: 2,
          unitMinor: 1_000,
          taxes: [{ taxClass: 'standard', basisPoints: 1_900, amountMinor: 342 }],
          adjustments: [{ code: 'WELCOME-10', amountMinor: 200 }],
        },
        {
          lineId: '2',
          sku: 'SKU-2',
          quantity: 1,
          unitMinor: 500,
          // 7 % of 4.50 is 31.5 cents.
          taxes: [{ taxClass: 'reduced', basisPoints: 700, amountMinor: 32 }],
          adjustments: [{ code: 'WELCOME-10', amountMinor: 50 }],
        },
        {
          lineId: '3',
          sku: 'SKU-3',
          quantity: 1,
          unitMinor: 300,
          adjustments: [{ code: 'WELCOME-10', amountMinor: 30 }],
        },
      ],
      shippingMinor: 490,
      taxMinor: 374,
      discountMinor: 280,
      totalMinor: 2_800 - 280 + 374 + 490,
    })
  })

  it('has no fee from the threshold on, which counts the goods after the discount and before taxes', () => {
    const feeFor = (unitMinor: number, code?: string): number =>
      costOf([line('1', unitMinor, { taxClass: 'standard' })], 'EUR', charges, code).shippingMinor
    expect([feeFor(4_999), feeFor(5_000), feeFor(5_555, 'WELCOME-10'), feeFor(5_556, 'WELCOME-10')]).toEqual([
      490, 0, 490, 0,
    ])
  })

  it('rounds the tax of a class once, not once for each line', () => {
    // 19 % of 3 cents is 0.57 each: a line alone would have 1, and the three of them 3 in place of 2.
    const lines = ['1', '2', '3'].map((lineId) => line(lineId, 3, { taxClass: 'standard' }))
    const { lines: charged, taxMinor } = costOf(lines, 'USD', charges, undefined)
    expect(taxMinor).toBe(2)
    expect(charged.map(({ taxes }) => taxes![0]!.amountMinor)).toEqual([1, 1, 0])
  })

  it('is zero for a gift', () => {
    const lines = [line('1', 1190, { taxClass: 'standard' }), line('2', 0)]
    expect(costOf(lines, 'USD', charges, 'GIFT').totalMinor).toBe(0)
  })

  it.each([
    ['WELCOM-10', /the shop has no code WELCOM-10\. Did you mean WELCOME-10\?$/],
    ['SUMMER', /the shop has no code SUMMER\.$/],
    ['constructor', /the shop has no code constructor\.$/],
  ])('refuses the code %s, which it does not know', (code, detail) => {
    expect(() => costOf([line('1', 1190)], 'EUR', charges, code)).toThrow(
      expect.objectContaining({ code: 'unknown-discount', message: expect.stringMatching(detail) }),
    )
  })

  it('adds up, line by line and in sum, for any order', () => {
    const lines = fc.array(
      fc.record({
        quantity: fc.integer({ min: 1, max: 100_000 }),
        unitMinor: fc.integer({ min: 0, max: 100_000 }),
        taxClass: fc.constantFrom('standard', 'reduced', 'exempt', undefined),
      }),
      { minLength: 1, maxLength: 20 },
    )
    const rate = fc.integer({ min: 0, max: 10_000 })
    fc.assert(
      fc.property(lines, rate, rate, rate, (some, standard, reduced, off) => {
        const ordered = some.map((one, index) => ({ ...line(String(index), 0), ...one }))
        const rates = { ...charges, taxBasisPoints: { standard, reduced }, discountBasisPoints: { CODE: off } }
        const cost = costOf(ordered, 'EUR', rates, 'CODE')
        const { taxMinor = 0, discountMinor = 0, shippingMinor, totalMinor } = cost
        const goodsMinor = sum(some.map(({ quantity, unitMinor }) => quantity * unitMinor))
        expect(totalMinor).toBe(goodsMinor - discountMinor + taxMinor + shippingMinor)
        expect(sum(cost.lines.map(amountOfLine)) + shippingMinor).toBe(totalMinor)
        for (const one of cost.lines) expect(amountOfLine(one)).toBeGreaterThanOrEqual(0)
        expect(Math.abs(discountMinor - (goodsMinor * off) / 10_000)).toBeLessThanOrEqual(0.500_1)
      }),
    )
  })
})

describe('an amount that is divided', () => {
  it('goes by largest remainder, the first of equals first', () => {
    expect(apportioned(10, [1, 1, 1])).toEqual([4, 3, 3])
    expect(apportioned(10, [199, 300, 501])).toEqual([2, 3, 5])
    expect(apportioned(1, [1, 2, 1])).toEqual([0, 1, 0])
    expect(apportioned(0, [0, 0])).toEqual([0, 0])
  })

  it('has parts that are nearest to their exact shares, and differs from dinero.js in nothing but who gets the remainder', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 20 }),
        (amountMinor, weights) => {
          fc.pre(sum(weights) > 0)
          const parts = apportioned(amountMinor, weights)
          const theirs = allocate(dinero({ amount: amountMinor, currency: EUR }), weights).map(
            (one) => toSnapshot(one).amount,
          )
          expect(sum(parts)).toBe(sum(theirs))
          const exact = weights.map((weight) => (amountMinor * weight) / sum(weights))
          const error = (some: readonly number[]): number =>
            sum(some.map((part, index) => Math.abs(part - exact[index]!)))
          expect(error(parts)).toBeLessThanOrEqual(error(theirs) + 1e-6)
          for (const [index, part] of parts.entries()) expect(Math.abs(part - exact[index]!)).toBeLessThan(1)
        },
      ),
    )
  })
})
