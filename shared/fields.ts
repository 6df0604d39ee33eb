/** The field types that messages of every service share, with their limits. */

import { z } from 'zod'

export const limits = {
  linesPerOrder: 1_000,
  quantityPerLine: 100_000,
  unitMinor: 1_000_000_000,
  skuCharacters: 64,
} as const

/** Case-sensitive; may hold spaces (`BANK CHARGES`), never a slash, so that it can stand in a path once encoded. */
export const sku = z
  .string()
  .max(limits.skuCharacters)
  .regex(
    /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]*[\p{L}\p{N}._-])?$/u,
    'letters, digits, spaces, ".", "_" and "-", starting with a letter or digit',
  )

export const quantity = z.int().min(1).max(limits.quantityPerLine)
/** Integer minor units (cents, pence). */
export const minor = z.int().min(0)
/** ISO 4217. */
export const currency = z.string().regex(/^[A-Z]{3}$/, 'three capital letters (ISO 4217)')
export const unitMinor = z.int().min(1).max(limits.unitMinor)
export const reference = z.string().min(1).max(200)
/** Shorter than other references: names of shipments, reservations and payments are made from it. */
export const orderId = z.string().min(1).max(100)
export const timestamp = z.iso.datetime({ offset: true })
export const lineId = z.string().min(1).max(40)

const quantityOfLine = z.strictObject({ lineId, sku, quantity })
/** Lines without prices: what stock and parcels are about. */
export const goods = z.array(quantityOfLine).min(1).max(limits.linesPerOrder)
/** Lines with the price agreed when the order was placed. */
export const pricedLines = z
  .array(z.strictObject({ lineId, sku, quantity, unitMinor }))
  .min(1)
  .max(limits.linesPerOrder)
