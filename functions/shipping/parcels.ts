/** The division of an order's goods among parcels. Pure, so that a release that is delivered twice makes the same ones. */

import type { Goods } from './shipment.ts'

/** An order of more pieces than so many full parcels hold is sent in larger ones: each parcel is a label, a collection and a capture. */
export const MAX_PARCELS = 10

/** Filled one after the other in the order of the lines; a line that does not fit into one parcel goes on in the next. */
export function parcelsOf(lines: Goods, piecesPerParcel: number): Goods[] {
  const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0)
  const most = Math.max(piecesPerParcel, Math.ceil(pieces / MAX_PARCELS))
  const parcels: Goods[] = []
  let parcel: Goods = []
  let free = most
  for (const line of lines)
    for (let left = line.quantity; left > 0;) {
      const quantity = Math.min(left, free)
      parcel = [...parcel, { ...line, quantity }]
      left -= quantity
      free -= quantity
      if (free > 0) continue
      parcels.push(parcel)
      parcel = []
      free = most
    }
  return parcel.length > 0 ? [...parcels, parcel] : parcels
}
