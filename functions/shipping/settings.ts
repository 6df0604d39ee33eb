/** The settings of shipping: how large a parcel is. */

import { z } from 'zod'
import { defineSetting } from '../../shared/base/setting.ts'

/** The most pieces in one parcel; an order of more has several. */
export const piecesPerParcel = defineSetting(
  'PIECES_PER_PARCEL',
  z.string().regex(/^\d+$/, 'takes a whole number of pieces').transform(Number).pipe(z.int().min(1)),
)
