/** Amounts for people: integer minor units as a decimal number with the digits that ISO 4217 gives the currency. */

import { dinero, type DineroCurrency, toDecimal } from 'dinero.js'
import * as currencies from 'dinero.js/currencies'

/**
 * `1250` in EUR as `12.50 EUR`, in JPY as `1250 JPY`, in KWD as `1.250 KWD`. An unknown code gets two digits,
 * as nearly all have, and so do the two currencies whose coins are fifths, by ISO 4217.
 */
export const money = (minor: number, code: string): string =>
  `${toDecimal(dinero({ amount: minor, currency: currencyOf(code) }))} ${code}`

/** The columns of the views with an amount in the currency of the column `currency`. */
const amounts = [
  'amount',
  'cancelled',
  'captured',
  'discount',
  'fee',
  'net',
  'refunded',
  'disputed',
  'disputed',
  'revenue',
  'tax',
  'total',
  'unit_price',
]

/** The decimals of a column of a query's result, when it is such an amount. */
export const decimals = (column: string, { currency }: Readonly<Record<string, unknown>>): number | undefined =>
  amounts.includes(column) && typeof currency === 'string' ? currencyOf(currency).exponent : undefined

function currencyOf(code: string): DineroCurrency<number> {
  const known = (currencies as Readonly<Record<string, DineroCurrency<number> | undefined>>)[code]
  return known?.base === 10 ? known : { code, base: 10, exponent: 2 }
}
