/** Every rule about a product and its prices. */

import type { CommandOf, RecordOf } from '../../shared/contracts/contract.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { fold } from '../../shared/service/fold.ts'
import type { RecordedEvent } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { areTooMany, type catalogContracts, MAX_ANNOUNCED_PRICES, type Price, priceAt, withPrice } from './contracts.ts'

export interface Product {
  readonly name?: string
  /** The price that holds and those announced, newest first. */
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
      const priced = reprice(product, data, nowMs)
      if (product.name === data.name) return priced
      return {
        events: [{ type: 'product.published', data: { sku, name: data.name } }, ...priced.events],
        product: { ...priced.product, name: data.name },
      }
    }
    case 'ChangePrice':
      refuseIf(product.name === undefined, shopCodes['unknown-sku'], `There is no product ${sku}: publish it first.`)
      return reprice(product, data, nowMs)
  }
}

interface PriceChange {
  readonly sku: string
  readonly unitMinor: number
  readonly currency: string
  readonly validFrom?: string | undefined
}

function reprice(product: Product, { sku, unitMinor, currency, validFrom }: PriceChange, nowMs: number): Decided {
  const announcedAt = new Date(nowMs).toISOString()
  const price: Price = {
    unitMinor,
    currency,
    validFrom: validFrom === undefined ? announcedAt : new Date(validFrom).toISOString(),
    announcedAt,
  }
  const former = validFrom === undefined ? priceAt(product.prices, nowMs) : priceFrom(product.prices, price.validFrom)
  const isSame = former?.unitMinor === unitMinor && former.currency === currency
  const prices = isSame ? undefined : withPrice(product.prices, price, nowMs)
  if (!prices) return { events: [], product }
  refuseIf(
    areTooMany(prices, nowMs),
    shopCodes['too-many-prices'],
    `${sku} has ${MAX_ANNOUNCED_PRICES} announced prices: announce this one when the first of them holds.`,
  )
  const event: CatalogRecord = { type: 'price.changed', data: { sku, unitMinor, currency, validFrom: price.validFrom } }
  return { events: [event], product: { ...product, prices } }
}

/** The price that was announced for exactly this time, in any notation. */
const priceFrom = (prices: readonly Price[], validFrom: string): Price | undefined =>
  prices.find((price) => Date.parse(price.validFrom) === Date.parse(validFrom))

/** A product whose document was never written, from its events. */
export const productOf = (events: readonly RecordedEvent[], nowMs: number): Product =>
  fold<Product, CatalogRecord & Pick<RecordedEvent, 'time'>>(
    { initial: noProduct, evolve: (product, event) => evolve(product, event, nowMs) },
    events,
  )

function evolve(product: Product, event: CatalogRecord & Pick<RecordedEvent, 'time'>, nowMs: number): Product {
  switch (event.type) {
    case 'product.published':
      return { ...product, name: event.data.name }
    case 'price.changed': {
      const { unitMinor, currency, validFrom = event.time } = event.data
      const price: Price = { unitMinor, currency, validFrom, announcedAt: event.time }
      return { ...product, prices: withPrice(product.prices, price, nowMs) ?? product.prices }
    }
  }
}
