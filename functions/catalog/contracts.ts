/** The contracts of the catalog: products and their prices. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { timestamp, words } from '../../shared/base/fields.ts'
import { currency, sku, unitMinor } from '../shop/fields.ts'

/** Absent: from the time of the event on. The catalog always names it; a person who publishes by hand need not. */
const validFrom = timestamp.optional()

export const catalogContracts = defineContracts({
  service: 'catalog',
  events: {
    'product.published': {
      version: 1,
      data: z.strictObject({ sku, name: words }),
      example: { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g' },
    },
    'price.changed': {
      version: 1,
      data: z.strictObject({ sku, unitMinor, currency, validFrom }),
      example: { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR' },
    },
  },
  commands: {
    PublishProduct: {
      formerSenders: ['gateway'],
      data: z.strictObject({ sku, name: words, unitMinor, currency }),
      example: { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g', unitMinor: 1190, currency: 'EUR' },
    },
    ChangePrice: {
      formerSenders: ['gateway'],
      data: z.strictObject({ sku, unitMinor, currency, validFrom }),
      example: { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR' },
    },
  },
  queries: {
    readProduct: {
      method: 'get',
      path: '/products/{sku}',
      parameters: { sku },
      answers: {
        /** With the price that holds now. */
        200: z.object({
          sku,
          name: words,
          unitMinor,
          currency,
          validFrom: timestamp,
          announcedAt: timestamp.optional(),
        }),
      },
      refuses: ['not-found'],
    },
  },
})

/** A price of a product: in the catalog, and in every replica of its prices. */
export interface Price {
  readonly unitMinor: number
  readonly currency: string
  /** ISO 8601 */
  readonly validFrom: string
  /** ISO 8601: of two prices from the same moment, the price that was announced last holds. Absent: before all others. */
  readonly announcedAt?: string
}

/** Prices of one product that do not hold yet. */
export const MAX_ANNOUNCED_PRICES = 20

/** The price that is valid at a time: the newest that has begun. */
export const priceAt = (prices: readonly Price[], nowMs: number): Price | undefined =>
  prices.toSorted(newestFirst).find(({ validFrom }) => Date.parse(validFrom) <= nowMs)

/**
 * The prices with this one, newest first; they may arrive in any order. A price that can no longer hold is
 * left out: undefined when that is the new one, or when it is known.
 */
export function withPrice(prices: readonly Price[], price: Price, nowMs: number): readonly Price[] | undefined {
  const oneEach = [...prices, price]
    .toSorted(newestFirst)
    .filter((one, index, sorted) => index === 0 || beginMs(one) !== beginMs(sorted[index - 1]!))
  const current = oneEach.findIndex((one) => beginMs(one) <= nowMs)
  const kept = current < 0 ? oneEach : oneEach.slice(0, current + 1)
  return kept.includes(price) ? kept : undefined
}

/** More are announced than a product may have. */
export const areTooMany = (prices: readonly Price[], nowMs: number): boolean =>
  prices.filter((one) => beginMs(one) > nowMs).length > MAX_ANNOUNCED_PRICES

const beginMs = ({ validFrom }: Price): number => Date.parse(validFrom)
const announcedMs = ({ announcedAt }: Price): number => (announcedAt === undefined ? 0 : Date.parse(announcedAt))
/** The last comparison orders prices that are otherwise equal, so that every service orders them in the same way. */
const newestFirst = (one: Price, other: Price): number =>
  beginMs(other) - beginMs(one) || announcedMs(other) - announcedMs(one) || other.unitMinor - one.unitMinor
