/** Every rule about a product and its prices. */

import type { CommandOf, RecordOf } from '../../shared/contracts/contract.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { fold } from '../../shared/service/fold.ts'
import type { RecordedEvent } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import {
  areTooMany,
  type catalogContracts,
  MAX_ANNOUNCED_PRICES,
  type Price,
  priceAt,
  pricesAt,
  type TaxClass,
  withPrice,
} from './contracts.ts'

export interface Product {
  readonly name?: string
  /** How its prices are taxed; absent: exempt. */
  readonly taxClass?: TaxClass
  /** In each currency the price that holds and those announced, newest first. */
  readonly prices: readonly Price[]
}

export type CatalogCommand = CommandOf<typeof catalogContracts>
export type CatalogRecord = RecordOf<typeof catalogContracts>

interface Decided {
  readonly events: readonly CatalogRecord[]
  readonly product: Product
}

const noProduct: Product = { prices: [] }

/** A command decides nothing if it is a repeat or would change nothing. */
export function decide({ type, data }: CatalogCommand, product: Product, nowMs: number): Decided {
  const { sku } = data
  switch (type) {
    case 'PublishProduct': {
      const { name, taxClass = product.taxClass } = data
      const isNews = product.name !== name || product.taxClass !== taxClass
      const about = { name, ...(taxClass === undefined ? {} : { taxClass }) }
      const priced = reprice(retaxed({ ...product, ...about }, data, nowMs), data, nowMs)
      return isNews
        ? { ...priced, events: [{ type: 'product.published', data: { sku, ...about } }, ...priced.events] }
        : priced
    }
    case 'ChangePrice':
      refuseIf(product.name === undefined, shopCodes['unknown-sku'], `There is no product ${sku}: publish it first.`)
      return reprice({ events: [], product }, data, nowMs)
  }
}

interface PriceChange {
  readonly sku: string
  readonly unitMinor: number
  readonly currency: string
  readonly validFrom?: string | undefined
}

/** Announces prices of other currencies again, with the product's new tax class: the valid ones from now on. */
function retaxed(product: Product, { sku, currency }: PriceChange, nowMs: number): Decided {
  // The price in that currency is announced anew by the command itself.
  const valid = pricesAt(product.prices, nowMs).filter((one) => one.currency !== currency)
  const announced = product.prices.filter(({ validFrom }) => Date.parse(validFrom) > nowMs)
  const again = [...valid.map(({ validFrom: _past, ...price }) => price), ...announced]
  return again.reduce<Decided>((decided, price) => reprice(decided, { sku, ...price }, nowMs), { events: [], product })
}

function reprice(
  { events, product }: Decided,
  { sku, unitMinor, currency, validFrom }: PriceChange,
  nowMs: number,
): Decided {
  const { taxClass } = product
  const announcedAt = new Date(nowMs).toISOString()
  const price: Price = {
    unitMinor,
    currency,
    validFrom: validFrom === undefined ? announcedAt : new Date(validFrom).toISOString(),
    announcedAt,
    ...(taxClass === undefined ? {} : { taxClass }),
  }
  const former = validFrom === undefined ? priceAt(product.prices, currency, nowMs) : priceFrom(product.prices, price)
  const isSame = former?.unitMinor === unitMinor && former.taxClass === taxClass
  if (isSame) return { events, product }
  const prices = withPrice(product.prices, price, nowMs)
  const isPast = validFrom !== undefined && Date.parse(validFrom) <= nowMs
  refuseIf(
    !prices && isPast,
    shopCodes['price-replaced'],
    `A price of ${sku} in ${currency} from ${validFrom} on would never hold: the present one began at ${priceAt(product.prices, currency, nowMs)?.validFrom}. Leave the time out, or name a later one.`,
  )
  if (!prices) return { events, product }
  refuseIf(
    areTooMany(prices, nowMs),
    shopCodes['too-many-prices'],
    `${sku} has ${MAX_ANNOUNCED_PRICES} announced prices in ${currency}: announce this one when the first of them holds.`,
  )
  const { announcedAt: _time, ...announced } = price
  const event: CatalogRecord = { type: 'price.changed', data: { sku, ...announced } }
  return { events: [...events, event], product: { ...product, prices } }
}

/** The price in the same currency that was announced for exactly the same time, in any notation. */
const priceFrom = (prices: readonly Price[], { currency, validFrom }: Price): Price | undefined =>
  prices.find((price) => price.currency === currency && Date.parse(price.validFrom) === Date.parse(validFrom))

/** A product whose document was never written, from its events. */
export const productOf = (events: readonly RecordedEvent[], nowMs: number): Product =>
  fold<Product, CatalogRecord & Pick<RecordedEvent, 'time'>>(
    { initial: noProduct, evolve: (product, event) => evolve(product, event, nowMs) },
    events,
  )

function evolve(product: Product, event: CatalogRecord & Pick<RecordedEvent, 'time'>, nowMs: number): Product {
  switch (event.type) {
    case 'product.published': {
      const { sku: _sku, ...about } = event.data
      return { ...product, ...about }
    }
    case 'price.changed': {
      const { sku: _sku, validFrom = event.time, ...about } = event.data
      const price: Price = { ...about, validFrom, announcedAt: event.time }
      return { ...product, prices: withPrice(product.prices, price, nowMs) ?? product.prices }
    }
  }
}
