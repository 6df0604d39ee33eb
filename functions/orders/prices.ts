/** The replica of the catalog's prices, kept by the catalog's own rules. */

import { Unavailable } from '../../shared/base/errors.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { areTooMany, MAX_ANNOUNCED_PRICES, type Price, withPrice } from '../catalog/contracts.ts'
import type { orders } from './service.ts'

export interface PriceList {
  readonly sku: string
  readonly prices: readonly Price[]
}

export const pricePath = (sku: string): DocumentPath => documentPath<typeof orders>('prices', sku)

/** @throws Unavailable when the list is full, which the catalog prevents: only prices that a person published can fill it. */
export function storePrice(platform: Platform, sku: string, price: Price): Promise<void> {
  return platform.documents.update(pricePath(sku), (list) => {
    const nowMs = platform.now()
    const prices = withPrice((list as PriceList | undefined)?.prices ?? [], price, nowMs)
    if (!prices) return undefined
    if (areTooMany(prices, nowMs))
      throw new Unavailable(`The replica holds ${MAX_ANNOUNCED_PRICES} announced prices of ${sku}.`)
    return { sku, prices }
  })
}
