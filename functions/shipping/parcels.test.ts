import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_PARCELS, parcelsOf } from './parcels.ts'
import type { Goods } from './shipment.ts'

const line = (lineId: string, quantity: number) => ({ lineId, sku: `SKU-${lineId}`, quantity })
const pieces = (lines: Goods): number => lines.reduce((sum, { quantity }) => sum + quantity, 0)

describe('the parcels of an order', () => {
  it.each([
    ['that fits into one', [line('1', 2), line('2', 3)], 5, [[line('1', 2), line('2', 3)]]],
    ['of one line more', [line('1', 5), line('2', 1)], 5, [[line('1', 5)], [line('2', 1)]]],
    [
      'of a line that goes on in the next',
      [line('1', 3), line('2', 4)],
      5,
      [[line('1', 3), line('2', 2)], [line('2', 2)]],
    ],
    ['of one piece each', [line('1', 2)], 1, [[line('1', 1)], [line('1', 1)]]],
  ] as const)('%s', (_name, lines, most, expected) => {
    expect(parcelsOf([...lines], most)).toEqual(expected)
  })

  it('have every piece once, none of them empty, at most ten, and no more in one than it holds', () => {
    const anyLines = fc
      .array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 })
      .map((all) => all.map((quantity, index) => line(String(index), quantity)))
    fc.assert(
      fc.property(anyLines, fc.integer({ min: 1, max: 50 }), (lines, most) => {
        const parcels = parcelsOf(lines, most)
        expect(parcels.length).toBeLessThanOrEqual(MAX_PARCELS)
        for (const parcel of parcels) {
          expect(pieces(parcel)).toBeGreaterThan(0)
          expect(pieces(parcel)).toBeLessThanOrEqual(Math.max(most, Math.ceil(pieces(lines) / MAX_PARCELS)))
          // A line is in a parcel once: the amounts and the stock of a parcel are by line.
          expect(new Set(parcel.map(({ lineId }) => lineId)).size).toBe(parcel.length)
        }
        for (const { lineId, sku, quantity } of lines)
          expect(parcels.flat().filter((one) => one.lineId === lineId && one.sku === sku)).toSatisfy(
            (parts: Goods) => pieces(parts) === quantity,
          )
      }),
    )
  })
})
