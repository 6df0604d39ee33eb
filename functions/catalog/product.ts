/** Every rule about a product and its prices. */

import type { CommandOf } from '../../shared/contract.ts'
import { refuseIf } from '../../shared/errors.ts'
import type { Message, RecordedEvent } from '../../shared/platform.ts'
import type { catalogContracts } from './contracts.ts'

export interface Price {
  readonly unitMinor: number
  readonly currency: string
  readonly validFrom: string
  /** Of the event: of two prices from the same moment the higher id wins, everywhere. */
  readonly id: string
}

export interface Product {
  readonly name?: string
  readonly prices: readonly Price[]
}

export type CatalogCommand = CommandOf<typeof catalogContracts>

/** A repeated command decides nothing, nor does one that asks for what is already so. */
export function decide({ type, data }: CatalogCommand, product: Product, nowMs: number): Message[] {
  const { sku, unitMinor, currency } = data
  switch (type) {
    case 'PublishProduct': {
      const named: Message[] =
        product.name === data.name ? [] : [{ type: 'product.published', data: { sku, name: data.name } }]
      const priced: Message[] = costs(product, data, nowMs)
        ? []
        : [{ type: 'price.changed', data: { sku, unitMinor, currency } }]
      return [...named, ...priced]
    }
    case 'ChangePrice':
      refuseIf(product.name === undefined, 'unknown-sku', `There is no product ${sku}: publish it first.`)
      if (data.validFrom === undefined && costs(product, data, nowMs)) return []
      if (product.prices.some((price) => price.validFrom === data.validFrom && isSame(price, data))) return []
      return [{ type: 'price.changed', data }]
  }
}

export function evolve(product: Product, { id, time, type, data }: RecordedEvent): Product {
  switch (type) {
    case 'product.published':
      return { ...product, name: (data as { name: string }).name }
    case 'price.changed': {
      const { unitMinor, currency, validFrom = time } = data as Omit<Price, 'validFrom'> & { validFrom?: string }
      return { ...product, prices: [...product.prices, { unitMinor, currency, validFrom, id }] }
    }
    default:
      return product
  }
}

export const productOf = (events: readonly RecordedEvent[]): Product => events.reduce(evolve, { prices: [] })

/** The newest of those that have begun. */
export function priceAt({ prices }: Product, nowMs: number): Price | undefined {
  return prices
    .filter(({ validFrom }) => Date.parse(validFrom) <= nowMs)
    .reduce<Price | undefined>((best, price) => (best && isNewer(best, price) ? best : price), undefined)
}

function isNewer(one: Price, other: Price): boolean {
  const difference = Date.parse(one.validFrom) - Date.parse(other.validFrom)
  return difference === 0 ? one.id > other.id : difference > 0
}

const isSame = (price: Price, asked: { unitMinor: number; currency: string }): boolean =>
  price.unitMinor === asked.unitMinor && price.currency === asked.currency

function costs(product: Product, asked: { unitMinor: number; currency: string }, nowMs: number): boolean {
  const price = priceAt(product, nowMs)
  return price !== undefined && isSame(price, asked)
}
