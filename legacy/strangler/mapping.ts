/** How the old shop's orders, products and customers are written in the platform's API, and back. */

import { amountOf, centsOf } from '../shop/amounts.ts'
import type { Order } from '../shop/orders.ts'

/** The old shop knows no other. */
export const CURRENCY = 'EUR'
/** It did not record since when a price holds. */
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z'

export const minorOf = centsOf
export const euros = amountOf

const statusOf = { new: 'confirmed', done: 'completed', cancelled: 'cancelled' } as const
/** Undefined for a status that no order here has: the platform knows more. */
export const oldStatusOf = (status: string): Order['status'] | undefined =>
  (Object.keys(statusOf) as Order['status'][]).find((one) => statusOf[one] === status)
/** `2026-01-31 09:30:00` in UTC, and back. */
const timeOf = (created: string): string => `${created.replace(' ', 'T')}.000Z`
export const createdOf = (time: string): string => new Date(time).toISOString().slice(0, 19).replace('T', ' ')
/** The first whole second that is not before a time: the old shop knows no parts of one. */
export const createdFrom = (time: string): string =>
  createdOf(new Date(Math.ceil(Date.parse(time) / 1_000) * 1_000).toISOString())

/** The order as `GET /v1/orders/{orderId}` has it. */
export function orderView(id: string, { login, status, total, created, items }: Order) {
  return {
    orderId: id,
    status: statusOf[status],
    customerRef: login,
    currency: CURRENCY,
    totalMinor: minorOf(total),
    shippingMinor: 0,
    taxMinor: 0,
    discountMinor: 0,
    lines: items.map(({ sku, qty, price }, index) => ({
      lineId: String(index + 1),
      sku,
      quantity: qty,
      unitMinor: minorOf(price),
    })),
    placedAt: timeOf(created),
  }
}

/** A row of `GET /v1/orders`. */
export function orderRow(id: string, order: Order) {
  const { orderId, customerRef, status, placedAt, totalMinor, currency } = orderView(id, order)
  return { orderId, customerRef, status, placedAt, totalMinor, currency }
}

/** The body of `POST /v1/imported-orders`. */
export function importedOrder(order: Order) {
  const { customerRef, currency, lines, placedAt } = orderView('', order)
  return {
    customerRef,
    currency,
    lines: lines.map(({ sku, quantity, unitMinor }) => ({ sku, quantity, unitMinor })),
    placedAt,
  }
}

export interface OldProduct {
  readonly sku: string
  readonly title: string
  readonly price: string
}

/** The product as `GET /v2/products/{sku}` has it. */
export const productView = ({ sku, title, price }: OldProduct) => ({
  sku,
  name: title,
  prices: [{ unitMinor: minorOf(price), currency: CURRENCY, validFrom: UNKNOWN_TIME }],
})

/** The body of `POST /v1/products`. */
export const publishedProduct = ({ sku, title, price }: OldProduct) => ({
  sku,
  name: title,
  unitMinor: minorOf(price),
  currency: CURRENCY,
})

export interface OldCustomer {
  readonly login: string
  readonly name: string
  readonly street: string
  readonly zip: string
  readonly city: string
  readonly country: string
  readonly card: string
}

/** One of `POST /v1/customers`; undefined for a customer of whom the old shop has no address or no card. */
export function importedCustomer({ login, name, street, zip, city, country, card }: OldCustomer) {
  if (name === '' || card === '') return undefined
  return { customerRef: login, address: { name, lines: [street], postcode: zip, city, country }, token: card }
}

/** Members that the old shop does not have, or that only one of both can know. */
export const ignored = {
  readOrder: ['timeline', 'imported', 'payment', 'shipments', 'version', 'missing'],
  readProduct: ['prices.validFrom', 'prices.announcedAt'],
}
