/** The field types that messages of every service share, with their limits. */

import { z } from 'zod'
import { code, freeText, identifier } from './text.ts'

export const limits = {
  linesPerOrder: 1_000,
  quantityPerLine: 100_000,
  unitMinor: 1_000_000_000,
  skuCharacters: 64,
} as const

/** Case-sensitive; may hold spaces (`BANK CHARGES`), never a slash, so that it can stand in a path once encoded. */
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
export const currency = code(/^[A-Z]{3}$/, 'three capital letters (ISO 4217)')
export const unitMinor = z.int().min(1).max(limits.unitMinor)
/** Each byte may take three in a document's name, which holds 1,500 bytes. */
export const reference = identifier({ characters: 200, bytes: 500 })
/** Shorter than other references: names of shipments, reservations and payments are made from it. */
export const orderId = identifier({ characters: 100, bytes: 300 })
/** ISO 8601 with an offset; the format alone takes any number of fraction digits. */
export const timestamp = z.iso.datetime({ offset: true }).max(40)
export const lineId = identifier({ characters: 40, bytes: 120 })
/** Of a token. Shorter than other references: actors are made from it. */
export const subject = identifier({ characters: 128, bytes: 400 })
/** What people wrote for people: never compared. */
export const words = freeText({ characters: 200, bytes: 800 })
export const idempotencyKey = code(/^[\x21-\x7E]{1,200}$/, '1 to 200 printable ASCII characters, no spaces')

const quantityOfLine = z.strictObject({ lineId, sku, quantity })
/** Lines without prices: what stock and parcels are about. */
export const goods = z.array(quantityOfLine).min(1).max(limits.linesPerOrder)
/** Lines with the price agreed when the order was placed. */
export const pricedLines = z
  .array(z.strictObject({ lineId, sku, quantity, unitMinor }))
  .min(1)
  .max(limits.linesPerOrder)
