/** The field types that the shop's services share, with their limits, and the addresses of the partners that several call. */

import { z } from 'zod'
import { defineSetting, httpUrl, json } from '../../shared/base/setting.ts'
import { code, identifier } from '../../shared/base/text.ts'
import { currencyCodes } from './currencies.ts'

export { amountText, digitsOf } from './currencies.ts'

export const limits = {
  linesPerOrder: 1_000,
  quantityPerLine: 100_000,
  unitMinor: 1_000_000_000,
  skuCharacters: 64,
  /** Of one tax or adjustment of a line. */
  chargeMinor: 1_000_000_000_000,
  taxesPerLine: 4,
  adjustmentsPerLine: 4,
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
/** Zero: the piece is free. */
export const unitMinor = z.int().min(0).max(limits.unitMinor)
/** A share in hundredths of a percent: 1900 is 19 %. */
export const basisPoints = z.int().min(0).max(10_000)
/** How a product is taxed. The rate of each class is a setting of orders; `exempt` has none. */
export const taxClass = z.enum(['standard', 'reduced', 'exempt'])
export const discountCode = code(
  /^[A-Z0-9](?:[A-Z0-9-]{0,38}[A-Z0-9])?$/,
  '1 to 40 capital letters, digits and "-", such as WELCOME-10',
)
/** Shorter than a `reference`: names of shipments, reservations and payments are made from it. */
export const orderId = identifier({ characters: 100, bytes: 300 })
export const lineId = identifier({ characters: 40, bytes: 120 })

const quantityOfLine = z.strictObject({ lineId, sku, quantity })
/** Lines without prices, for stock and parcels. */
export const goods = z.array(quantityOfLine).min(1).max(limits.linesPerOrder)
const chargeMinor = minor.max(limits.chargeMinor)
const pricedLine = quantityOfLine.extend({ unitMinor })
/** Lines as they were before they had taxes and adjustments. */
export const pricedLinesV1 = z.array(pricedLine).min(1).max(limits.linesPerOrder)
/** Lines with the price agreed when the order was placed. */
export const pricedLines = z
  .array(
    pricedLine.extend({
      /** The price does not contain them. Absent: none. */
      taxes: z
        .array(z.strictObject({ taxClass, basisPoints, amountMinor: chargeMinor }))
        .max(limits.taxesPerLine)
        .exactOptional(),
      /** The amounts that are taken off the price of all pieces, before taxes. Absent: nothing. */
      adjustments: z
        .array(z.strictObject({ code: discountCode, amountMinor: chargeMinor }))
        .max(limits.adjustmentsPerLine)
        .exactOptional(),
    }),
  )
  .min(1)
  .max(limits.linesPerOrder)
/** As examples of contracts have them. */
export const pricedLinesExample: z.input<typeof pricedLines> = [
  {
    lineId: '1',
    sku: 'TEA-001',
    quantity: 2,
    unitMinor: 1190,
    taxes: [{ taxClass: 'reduced', basisPoints: 700, amountMinor: 150 }],
    adjustments: [{ code: 'WELCOME-10', amountMinor: 238 }],
  },
]

/** The address of a page of a partner, which customers open. */
export const pageUrl = code(/^https?:\/\/[\x21-\x7E]{1,1000}$/, 'an address that begins with http:// or https://')

export const paymentProviderUrl = defineSetting('PAYMENT_PROVIDER_URL', httpUrl)
export const carrierUrl = defineSetting('CARRIER_URL', httpUrl)

/**
 * The API that the payment provider at that address has: of the simulator, or of Stripe, which sends customers back to
 * `returnUrl` from the page of their bank.
 */
export const paymentProviderApi = defineSetting(
  'PAYMENT_PROVIDER_API',
  json(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('simulator') }),
      z.strictObject({ kind: z.literal('stripe'), returnUrl: httpUrl }),
    ]),
  ),
)
export type StripeApi = Extract<z.output<typeof paymentProviderApi.schema>, { kind: 'stripe' }>
