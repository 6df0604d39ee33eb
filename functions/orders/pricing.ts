/** Prices each line: from the replica or, if the replica has no price of the SKU in the order's currency yet, from the catalog. */

import { Refused } from '../../shared/base/errors.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { catalogContracts, type Price, priceAt, type TaxClass } from '../catalog/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { type PriceList, pricePath } from './prices.ts'

export interface RequestedLine {
  readonly sku: string
  readonly quantity: number
  /** Set by an importer. */
  readonly unitMinor?: number
}

export interface PricedLine {
  readonly sku: string
  readonly quantity: number
  readonly unitMinor: number
  readonly taxClass: TaxClass | undefined
}

type SoldAt = Pick<Price, 'unitMinor' | 'currency'> & { readonly taxClass?: TaxClass | undefined }

/** The customer waits: the catalog has a second. */
const CATALOG_TIMEOUT_MS = 1_000
/** Questions to the catalog at once. */
const MAX_CONCURRENT_QUERIES = 8

/** @throws Refused for a SKU that is unknown or not sold in the currency; Unavailable when the catalog does not answer. */
export async function priced(
  platform: Platform,
  lines: readonly RequestedLine[],
  currency: string,
): Promise<PricedLine[]> {
  const skus = [...new Set(lines.map(({ sku }) => sku))]
  const lists = (await platform.documents.getAll(skus.map(pricePath))) as readonly (PriceList | undefined)[]
  const prices = new Map<string, SoldAt>()
  const missing: string[] = []
  for (const [index, sku] of skus.entries()) {
    const price = priceAt(lists[index]?.prices ?? [], currency, platform.now())
    if (price) prices.set(sku, price)
    else missing.push(sku)
  }
  const sold = new Map<string, readonly SoldAt[]>()
  for (let from = 0; from < missing.length; from += MAX_CONCURRENT_QUERIES) {
    await Promise.all(
      missing
        .slice(from, from + MAX_CONCURRENT_QUERIES)
        .map(async (sku) => sold.set(sku, await askCatalog(platform, sku))),
    )
  }
  return lines.map(({ sku, quantity, unitMinor }, index) => {
    const price = prices.get(sku) ?? sold.get(sku)!.find((one) => one.currency === currency)
    if (!price)
      throw new Refused(
        shopCodes['currency-mismatch'],
        `lines.${index}: ${sku} is sold in ${currenciesIn(sold.get(sku)!)}, the order is in ${currency}.`,
      )
    return { sku, quantity, unitMinor: unitMinor ?? price.unitMinor, taxClass: price.taxClass }
  })
}

const currenciesIn = (prices: readonly SoldAt[]): string =>
  new Intl.ListFormat('en').format(prices.map(({ currency }) => currency))

/** The prices of a product, one in each currency. */
async function askCatalog(platform: Platform, sku: string): Promise<readonly SoldAt[]> {
  const answer = await platform.query(catalogContracts, 'readProduct', { sku }, { timeoutMs: CATALOG_TIMEOUT_MS })
  if (answer.refused)
    throw new Refused(shopCodes['unknown-sku'], `Unknown SKU "${sku}": GET /v1/products lists the products.`)
  const { prices = [answer.body] } = answer.body
  return prices
}
