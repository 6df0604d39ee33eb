/** The settings of shipping: how large a parcel is, and where its webhook is. */

import { z } from 'zod'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'

/** The most pieces in one parcel; an order of more has several. */
export const piecesPerParcel = defineSetting(
  'PIECES_PER_PARCEL',
  z.string().regex(/^\d+$/, 'takes a whole number of pieces').transform(Number).pipe(z.int().min(1)),
)

/** The carrier signs its webhooks for this address. */
export const carrierWebhookUrl = defineSetting('CARRIER_WEBHOOK_URL', httpUrl)
