/** The contracts of the catalog: products and their prices. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { timestamp, words } from '../../shared/base/fields.ts'
import { cursor, pageParameters, sortParameter } from '../../shared/base/paging.ts'
import { currency, sku, taxClass, unitMinor } from '../shop/fields.ts'

/** Absent: from the time of the event on. The catalog always names it; a person who publishes by hand need not. */
const validFrom = timestamp.optional()

const price = {
  unitMinor,
  currency,
  validFrom: timestamp,
  announcedAt: timestamp.optional(),
  taxClass: taxClass.optional(),
}
/** As many as one delivery has lines. */
const MAX_SKUS = 100

const publishV1 = z.strictObject({ sku, name: words, unitMinor, currency })
const publishedV1 = z.strictObject({ sku, name: words })
const changedV1 = z.strictObject({ sku, unitMinor, currency, validFrom })

const product = z.object({
  sku,
  name: words,
  // The newest of them.
  ...price,
  /** One in each currency, the newest first. Absent in answers of the time when a product had one price. */
  prices: z.array(z.object(price)).optional(),
})

export const catalogContracts = defineContracts({
  service: 'catalog',
  events: {
    'product.published': {
      version: 2,
      forAnalysis: true,
      /** Without a class the product keeps the one that it has; a new one is exempt. */
      data: publishedV1.extend({ taxClass: taxClass.exactOptional() }),
      example: { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g', taxClass: 'reduced' },
      previousVersions: { 1: { data: publishedV1, upcast: (old) => old } },
    },
    'price.changed': {
      version: 2,
      /** A price says how it is taxed, so that no order finds the one without the other. Absent: it is exempt. */
      data: changedV1.extend({ taxClass: taxClass.exactOptional() }),
      example: { sku: 'TEA-001', unitMinor: 1250, currency: 'EUR', taxClass: 'reduced' },
      previousVersions: { 1: { data: changedV1, upcast: (old) => old } },
    },
  },
  commands: {
    PublishProduct: {
      version: 2,
      formerSenders: ['gateway'],
      /** Without a tax class the product keeps its own. A changed one applies to all its prices from now on. */
      data: publishV1.extend({ taxClass: taxClass.optional() }),
      example: {
        sku: 'TEA-001',
        name: 'Darjeeling First Flush, 100 g',
        unitMinor: 1190,
        currency: 'EUR',
        taxClass: 'reduced',
      },
      previousVersions: { 1: { data: publishV1, upcast: (old) => old } },
    },
    ChangePrice: {
      version: 1,
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
        /** With the prices that hold now. */
        200: product,
      },
      refuses: ['not-found'],
    },
    /** Several products, without SKUs that are not sold, in any order. */
    readProducts: {
      method: 'post',
      path: '/batches/products',
      body: z.strictObject({ skus: z.array(sku).min(1).max(MAX_SKUS) }),
      answers: { 200: z.object({ products: z.array(product) }) },
    },
    /** Of these SKUs, the ones that were never published. */
    findUnknownSkus: {
      method: 'post',
      path: '/unknown-skus',
      body: z.strictObject({ skus: z.array(sku).min(1).max(MAX_SKUS) }),
      answers: { 200: z.object({ unknown: z.array(sku) }) },
    },
    /** By their SKUs, as names of documents have them, or by their names, letter by letter. */
    listProducts: {
      method: 'get',
      path: '/products',
      parameters: { ...sortParameter('sku', 'name', '-name'), ...pageParameters },
      answers: { 200: z.object({ products: z.array(product), next: cursor.optional() }) },
      refuses: ['invalid-cursor'],
    },
  },
})

/** A product as clients see it from version 2 of the public API on: its prices stand in the list alone. */
export const pricedProduct = z.object({ sku, name: words, prices: z.array(z.object(price)).min(1) })

export type TaxClass = z.output<typeof taxClass>

/** A price of a product: in the catalog, and in every replica of its prices. */
export interface Price {
  readonly unitMinor: number
  readonly currency: string
  /** Absent: exempt. */
  readonly taxClass?: TaxClass
  /** ISO 8601 */
  readonly validFrom: string
  /** ISO 8601: of two prices from the same moment, the price that was announced last holds. Absent: before all others. */
  readonly announcedAt?: string
}

/** Prices of one product in one currency that do not hold yet. */
export const MAX_ANNOUNCED_PRICES = 20

/** The price in a currency that is valid at a time: the newest that has begun. */
export const priceAt = (prices: readonly Price[], currency: string, nowMs: number): Price | undefined =>
  prices.toSorted(newestFirst).find((one) => one.currency === currency && beginMs(one) <= nowMs)

/** The valid price of each currency, the newest first. */
export const pricesAt = (prices: readonly Price[], nowMs: number): readonly Price[] =>
  currenciesOf(prices)
    .flatMap((currency) => priceAt(prices, currency, nowMs) ?? [])
    .toSorted(newestFirst)

/**
 * The prices with this one, newest first; they may arrive in any order. Prices in different currencies stand side by side: a
 * price replaces those of its own currency alone. A price that can no longer hold is left out: undefined when that is the new
 * one, or when it is known.
 */
export function withPrice(prices: readonly Price[], price: Price, nowMs: number): readonly Price[] | undefined {
  const others = prices.filter(({ currency }) => currency !== price.currency)
  const oneEach = [...prices.filter(({ currency }) => currency === price.currency), price]
    .toSorted(newestFirst)
    .filter((one, index, sorted) => index === 0 || beginMs(one) !== beginMs(sorted[index - 1]!))
  const current = oneEach.findIndex((one) => beginMs(one) <= nowMs)
  const kept = current < 0 ? oneEach : oneEach.slice(0, current + 1)
  return kept.includes(price) ? [...others, ...kept].toSorted(newestFirst) : undefined
}

/** In one of the currencies more prices are announced than a product may have. */
export const areTooMany = (prices: readonly Price[], nowMs: number): boolean =>
  currenciesOf(prices).some(
    (currency) =>
      prices.filter((one) => one.currency === currency && beginMs(one) > nowMs).length > MAX_ANNOUNCED_PRICES,
  )

const currenciesOf = (prices: readonly Price[]): readonly string[] => [...new Set(prices.map((one) => one.currency))]
const beginMs = ({ validFrom }: Price): number => Date.parse(validFrom)
const announcedMs = ({ announcedAt }: Price): number => (announcedAt === undefined ? 0 : Date.parse(announcedAt))
/** The last comparisons order prices that are otherwise equal, so that every service orders them in the same way. */
const newestFirst = (one: Price, other: Price): number =>
  beginMs(other) - beginMs(one) ||
  announcedMs(other) - announcedMs(one) ||
  other.unitMinor - one.unitMinor ||
  byText(one.currency, other.currency) ||
  byText(one.taxClass ?? '', other.taxClass ?? '')
const byText = (one: string, other: string): number => Number(one > other) - Number(one < other)
