/** The settings of orders: how long after its confirmation an order is released, how much one customer may order, and what is charged. */

import { z } from 'zod'
import { defineSetting, json } from '../../shared/base/setting.ts'
import { basisPoints, currency, discountCode, minor, taxClass } from '../shop/fields.ts'

/** Its end is a task, and Cloud Tasks takes none for a time that is more than 30 days ahead. */
const MAX_RELEASE_DELAY_SECONDS = 30 * 24 * 3_600

/** From `order.confirmed` to `order.released`, in seconds. */
export const releaseDelaySeconds = defineSetting(
  'RELEASE_DELAY_SECONDS',
  z
    .string()
    .regex(/^\d+$/, 'takes a whole number of seconds')
    .transform(Number)
    .pipe(z.int().max(MAX_RELEASE_DELAY_SECONDS)),
)

/** The bounds of one customer. Orders of importers have no bounds. */
const boundsSchema = z.strictObject({
  ordersPerHour: z.int().min(1),
  /** Orders that are neither paid nor ended. */
  unpaidOrders: z.int().min(1),
  /** Pieces of one SKU in all unpaid orders and in the lapsed ones of the last hour. */
  unpaidPieces: z.int().min(1),
  /** Orders of the last hour that lapsed: each held stock while its customer was asked to act for the payment, and was not paid. */
  lapsedOrders: z.int().min(1),
})
export type Bounds = z.output<typeof boundsSchema>

export const placingBounds = defineSetting('PLACING', json(boundsSchema))

/** The charges besides the goods. Rates are in hundredths of a percent. */
const chargesSchema = z.strictObject({
  /** Of each tax class but `exempt`. Prices do not contain the tax. */
  taxBasisPoints: z.record(taxClass.exclude(['exempt']), basisPoints),
  /** By currency: the fee for shipping, and the amount of goods from which none is charged. Absent: no fee. */
  shipping: z.partialRecord(currency, z.strictObject({ feeMinor: minor, freeFromMinor: minor })),
  /** By discount code, the share of the goods' price that is taken off. */
  discountBasisPoints: z.record(discountCode, basisPoints.min(1)),
})
export type Charges = z.output<typeof chargesSchema>

export const chargesSetting = defineSetting('CHARGES', json(chargesSchema))
