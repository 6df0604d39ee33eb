/** The replica of the catalog's prices: which one holds now, whatever order the events came in. */

export interface Price {
  readonly unitMinor: number
  readonly currency: string
  readonly validFrom: string
  /** Of the event: of two that begin at the same time, the greater wins, everywhere alike. */
  readonly id: string
}

export interface PriceList {
  readonly sku: string
  /** Newest first; those that a later one has replaced are dropped. */
  readonly prices: readonly Price[]
}

/** Announced prices beyond this are not kept: nobody plans a hundred. */
const MOST_PRICES = 20

const newestFirst = (a: Price, b: Price): number =>
  a.validFrom === b.validFrom ? compare(b.id, a.id) : compare(b.validFrom, a.validFrom)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The list with this price; undefined when it was known. */
export function withPrice(
  list: PriceList | undefined,
  sku: string,
  price: Price,
  nowMs: number,
): PriceList | undefined {
  const known = list?.prices ?? []
  if (known.some(({ id }) => id === price.id)) return undefined
  const sorted = [...known, price].toSorted(newestFirst)
  const current = sorted.findIndex(({ validFrom }) => Date.parse(validFrom) <= nowMs)
  const kept = current < 0 ? sorted : sorted.slice(0, current + 1)
  return { sku, prices: kept.slice(-MOST_PRICES) }
}

export function currentPrice(list: PriceList | undefined, nowMs: number): Price | undefined {
  return list?.prices.find(({ validFrom }) => Date.parse(validFrom) <= nowMs)
}
