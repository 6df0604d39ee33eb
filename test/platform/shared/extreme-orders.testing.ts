/** Orders drawn from what the contracts allow, with the extremes: texts of every script, amounts, quantities, times and numbers of lines. */

import * as fc from 'fast-check'
import type { z } from 'zod'
import { cancelReasons } from '../../../functions/orders/cancellation-contracts.ts'
import { currencyCodes, otherDigits } from '../../../functions/shop/currencies.ts'
import { limits, sku as skuField, taxClass } from '../../../functions/shop/fields.ts'
import { subject, timestampAtEdge, words } from '../../../shared/base/fields.ts'

export interface DrawnProduct {
  readonly sku: string
  readonly name: string
  readonly currency: string
  readonly unitMinor: number
  /** The same for all products of a currency. */
  readonly taxClass: z.output<typeof taxClass>
}

export type End = 'completed' | 'declined' | 'cancelled'

export interface DrawnOrder {
  /** `bought` by a customer at the prices of the shop, `imported` with a time and prices of its own. */
  readonly kind: 'bought' | 'imported'
  /** Of an order with something to pay; any other is completed. */
  readonly end: End
  readonly customer: string
  readonly currency: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitMinor: number }[]
  readonly placedAt: string
  readonly placedAtMicros: bigint
  readonly shippingMinor: number
  readonly hasDiscount: boolean
  readonly refund?: { readonly whole: boolean; readonly reason: string } | undefined
  readonly cancelReason: string
}

export interface DrawnShop {
  readonly products: readonly DrawnProduct[]
  readonly orders: readonly DrawnOrder[]
}

export const MAX_GOODS_MINOR = 1_000_000_000_000
/** Pieces of one product that a customer may have unpaid, by the local setting. */
const MAX_BOUGHT = 250
/** Of each currency, so that an order of the most lines keeps that bound. */
const PRODUCTS = 5

/** Letters and digits of one script each; of the last three a character has four bytes and two units. */
const scripts = [
  'ABCxyz019',
  'ÄÉñøŁžßÞ',
  'ΑΒΓωψ',
  'ЖЩЪыьэ',
  'אבגדש',
  'ابتثجحي٠١٢',
  'अआकखग१२',
  'กขฃคฅ๑๒',
  '日本語茶匠',
  '한글차값',
  'かなカナ',
  'აბგდე',
  'አበገደ',
  '𐌰𐌱𐌲𐌳',
  '𠮷𡈽𣘺',
  '𝟘𝟙𝟚',
]
const written = (units: readonly string[], { min = 1, max }: { min?: number; max: number }): fc.Arbitrary<string> =>
  fc
    .oneof(fc.constantFrom(min, max), fc.integer({ min, max }))
    .chain((length) =>
      fc.array(fc.constantFrom(...units), { minLength: length, maxLength: length }).map((all) => all.join('')),
    )
const byContract = <T>(schema: z.ZodType, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.filter((one) => schema.safeParse(one).success)

const inSomeScript = (max: number): fc.Arbitrary<string> =>
  fc.constantFrom(...scripts).chain((script) => written(Array.from(script), { max }))
/** Free text has besides letters what scripts and emoji need: marks, joiners, selectors, spaces and quotes. */
const sentences = byContract(
  words,
  fc
    .constantFrom(...scripts, 'e\u0301', '👩‍🌾🫖', '\u200Fשלום', '"\\\'`%_{}', '﷽')
    .chain((script) => written([...Array.from(script), ' ', '.'], { max: 200 })),
)

const edges = ({ min, max }: { min: number; max: number }): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(min, max, Math.min(max, min + 1)), fc.integer({ min, max }))

const ofDigits = (digits: number): readonly string[] =>
  otherDigits[digits] ?? currencyCodes.filter((code) => !Object.values(otherDigits).flat().includes(code))

const someProducts = fc
  .tuple(...[0, 2, 3, 4].map((digits) => fc.constantFrom(...ofDigits(digits))))
  .chain((currencies) =>
    fc.tuple(
      ...currencies.map((currency) =>
        fc.record({
          currency: fc.constant(currency),
          taxClass: fc.constantFrom(...taxClass.options),
          products: fc.array(fc.record({ name: sentences, unitMinor: edges({ min: 0, max: limits.unitMinor }) }), {
            minLength: PRODUCTS,
            maxLength: PRODUCTS,
          }),
        }),
      ),
    ),
  )
  .chain((all) => {
    const products = all.flatMap(({ products: some, ...shared }) => some.map((one) => ({ ...shared, ...one })))
    const size = { minLength: products.length, maxLength: products.length }
    return fc
      .uniqueArray(byContract(skuField, inSomeScript(limits.skuCharacters)), size)
      .map((skus): DrawnProduct[] => products.map((one, index) => ({ ...one, sku: skus[index]! })))
  })

const FIRST_MICROS = -62_135_596_800_000_000n
const NOW_MICROS = BigInt(Date.UTC(2026, 0, 1)) * 1_000n
const DAY_MICROS = 86_400_000_000n

/** In the time of a zone, with as many digits of the second as are needed at least. */
function written8601(micros: bigint, zoneMinutes: number): string {
  const local = micros + BigInt(zoneMinutes) * 60_000_000n
  const zone = local < FIRST_MICROS ? 0 : zoneMinutes
  const shown = zone === zoneMinutes ? local : micros
  const fraction = ((shown % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((shown - fraction) / 1_000n)).toISOString().slice(0, 19)
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, '0')
  const offset = `${zone < 0 ? '-' : '+'}${two(Math.abs(zone) / 60)}:${two(Math.abs(zone) % 60)}`
  return `${seconds}${digits}${zone === 0 ? 'Z' : offset}`
}
const times: fc.Arbitrary<{ placedAt: string; placedAtMicros: bigint }> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(FIRST_MICROS, FIRST_MICROS + 1n, NOW_MICROS, NOW_MICROS - 1n, 0n, -1n),
      fc.bigInt({ min: FIRST_MICROS, max: FIRST_MICROS + DAY_MICROS }),
      fc.bigInt({ min: NOW_MICROS - DAY_MICROS, max: NOW_MICROS }),
      fc.bigInt({ min: FIRST_MICROS, max: NOW_MICROS }),
    ),
    fc.constantFrom(0, 0, 1, -1, 330, 840, -720, -14 * 60),
  )
  .map(([placedAtMicros, zone]) => ({ placedAt: written8601(placedAtMicros, zone), placedAtMicros }))
  .filter(({ placedAt }) => timestampAtEdge.safeParse(placedAt).success)

/** @param kind given, so that each drawn shop has all of them */
function someOrder(kind: DrawnOrder['kind'], products: readonly DrawnProduct[]): fc.Arbitrary<DrawnOrder> {
  const currencies = [...new Set(products.map(({ currency }) => currency))]
  return fc.constantFrom(...currencies).chain((currency) => {
    const sold = products.filter((one) => one.currency === currency)
    return fc
      .record({
        currency: fc.constant(currency),
        customer: byContract(subject, inSomeScript(128)),
        lines: kind === 'bought' ? boughtLines(sold) : importedLines(sold),
        time: times,
        shippingMinor: kind === 'imported' ? edges({ min: 0, max: 1_000_000 }) : fc.constant(0),
        hasDiscount: kind === 'bought' ? fc.boolean() : fc.constant(false),
        end:
          kind === 'bought'
            ? fc.constantFrom<End>('completed', 'completed', 'declined', 'cancelled')
            : fc.constant<End>('completed'),
        refund:
          kind === 'bought' ? fc.option(fc.record({ whole: fc.boolean(), reason: sentences })) : fc.constant(null),
        cancelReason: fc.constantFrom(...cancelReasons.slice(0, 4)),
      })
      .map(({ lines, time, shippingMinor, refund, ...rest }): DrawnOrder => {
        const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0)
        // The largest price with which the order keeps the bound of its total.
        const dearest = Math.floor((MAX_GOODS_MINOR - shippingMinor) / pieces)
        return {
          ...rest,
          ...time,
          kind,
          shippingMinor,
          refund: refund ?? undefined,
          lines: lines.map((line) => ({
            ...line,
            unitMinor: kind === 'bought' ? line.unitMinor : Math.min(line.unitMinor, dearest),
          })),
        }
      })
  })
}

type Lines = DrawnOrder['lines']
const numberOfLines = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(1, 2, 3) },
  { weight: 1, arbitrary: fc.constant(limits.linesPerOrder) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: limits.linesPerOrder }) },
)

/** The products in turn, so that no order exceeds the pieces that a customer may have unpaid. */
const boughtLines = (sold: readonly DrawnProduct[]): fc.Arbitrary<Lines> =>
  numberOfLines.chain((length) => {
    const each = Math.floor(MAX_BOUGHT / Math.ceil(length / sold.length))
    const quantity = edges({ min: 1, max: Math.max(1, each) })
    return fc.array(quantity, { minLength: length, maxLength: length }).map((quantities) =>
      quantities.map((pieces, index) => {
        const { sku, unitMinor } = sold[index % sold.length]!
        return { sku, unitMinor, quantity: pieces }
      }),
    )
  })

const importedLines = (sold: readonly DrawnProduct[]): fc.Arbitrary<Lines> =>
  numberOfLines.chain((length) => {
    const line = fc.record({
      sku: fc.constantFrom(...sold.map(({ sku }) => sku)),
      quantity: edges({ min: 1, max: limits.quantityPerLine }),
      unitMinor: edges({ min: 0, max: limits.unitMinor }),
    })
    return fc.array(line, { minLength: length, maxLength: length })
  })

/** A shop of twenty products in four currencies, and so many orders of them by different customers. */
export const drawnShops = (count: number): fc.Arbitrary<DrawnShop> =>
  someProducts.chain((products) =>
    fc
      .tuple(
        ...Array.from({ length: count }, (_, index) =>
          someOrder((['bought', 'bought', 'imported'] as const)[index % 3]!, products),
        ),
      )
      .filter((orders) => new Set(orders.map(({ customer }) => customer)).size === orders.length)
      .map((orders) => ({ products, orders })),
  )
