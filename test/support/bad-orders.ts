/** Invalid orders, with the answer to each. */

import type { PlatformCode } from '../../shared/base/errors.ts'
import type { shopCodes } from '../../functions/shop/errors.ts'

/** Placeholders that the tests of a platform replace by its own references. */
export const own = { addressRef: 'a-1', paymentMethodRef: 'pm-1' }
export const order = (changes: object = {}): object => ({
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  ...own,
  ...changes,
})
export const line = (changes: object): object => order({ lines: [{ sku: 'TEA-001', quantity: 2, ...changes }] })

export const badOrders: readonly (readonly [
  name: string,
  body: object,
  status: number,
  code: PlatformCode | keyof typeof shopCodes,
  detail: string | RegExp,
])[] = [
  ['an unknown SKU', line({ sku: 'UNKNOWN-SKU' }), 422, 'unknown-sku', 'UNKNOWN-SKU'],
  ['a SKU with a path traversal', line({ sku: '../stock/TEA-001' }), 422, 'invalid-body', 'lines.0.sku'],
  ['quantity zero', line({ quantity: 0 }), 422, 'invalid-body', 'lines.0.quantity'],
  ['a negative quantity', line({ quantity: -1 }), 422, 'invalid-body', 'lines.0.quantity'],
  ['a fractional quantity', line({ quantity: 1.5 }), 422, 'invalid-body', 'lines.0.quantity'],
  ['a huge quantity', line({ quantity: 100_001 }), 422, 'invalid-body', 'lines.0.quantity'],
  ['a quantity beyond integers', line({ quantity: 1e300 }), 422, 'invalid-body', 'lines.0.quantity'],
  ['a quantity as text', line({ quantity: '2' }), 422, 'invalid-body', 'lines.0.quantity'],
  ['no lines', order({ lines: [] }), 422, 'invalid-body', 'lines'],
  [
    '1,001 lines',
    order({ lines: Array.from({ length: 1_001 }, () => ({ sku: 'TEA-001', quantity: 1 })) }),
    422,
    'invalid-body',
    'lines',
  ],
  ['a currency without a price', order({ currency: 'GBP' }), 422, 'currency-mismatch', /sold in EUR.*GBP/],
  ['an invalid currency', order({ currency: 'euro' }), 422, 'invalid-body', 'currency'],
  ['an unknown field', order({ discount: 100 }), 422, 'invalid-body', 'discount'],
  ['an unknown field of a line', line({ discount: 100 }), 422, 'invalid-body', 'discount'],
  ['a price set by a customer', line({ unitMinor: 1 }), 422, 'invalid-body', 'unitMinor'],
  ['a time set by a customer', order({ placedAt: '2020-01-01T00:00:00Z' }), 422, 'invalid-body', 'placedAt'],
  ['another customer', order({ customerRef: 'customer-2' }), 422, 'invalid-body', 'customerRef'],
  ['another total than expected', order({ expectedTotalMinor: 1 }), 409, 'price-changed', '2380'],
]
