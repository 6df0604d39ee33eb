/** The field types that the shop's services share, with their limits, and the address of the partner that several call. */

import { z } from 'zod'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'
import { code, identifier } from '../../shared/base/text.ts'
import { currencyCodes } from './currencies.ts'

export const limits = {
  linesPerOrder: 1_000,
  quantityPerLine: 100_000,
  unitMinor: 1_000_000_000,
  skuCharacters: 64,
} as const

/** Case-sensitive; may hold spaces (`BANK CHARGES`), never a slash, so that it can be part of a path once encoded. */
export const sku = identifier(
  { characters: limits.skuCharacters, bytes: 256 },
  {
    pattern: /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]*[\p{L}\p{N}._-])?$/u,
    takes: 'letters, digits, spaces, ".", "_" and "-", starting with a letter or digit',
  },
)

export const quantity = z.int().min(1).max(limits.quantityPerLine)
/** Integer minor units (cents, pence). */
export const minor = z.int().min(0)
/** ISO 4217. */
export const currency = code(
  new RegExp(`^(?:${currencyCodes.join('|')})$`),
  'the code of a currency in use (ISO 4217), such as EUR',
)
export const unitMinor = z.int().min(1).max(limits.unitMinor)
/** Shorter than a `reference`: names of shipments, reservations and payments are made from it. */
export const orderId = identifier({ characters: 100, bytes: 300 })
export const lineId = identifier({ characters: 40, bytes: 120 })

const quantityOfLine = z.strictObject({ lineId, sku, quantity })
/** Lines without prices, for stock and parcels. */
export const goods = z.array(quantityOfLine).min(1).max(limits.linesPerOrder)
/** Lines with the price agreed when the order was placed. */
export const pricedLines = z
  .array(z.strictObject({ lineId, sku, quantity, unitMinor }))
  .min(1)
  .max(limits.linesPerOrder)

export const paymentProviderUrl = defineSetting('PAYMENT_PROVIDER_URL', httpUrl)
